"""The gated attention unit (section 2.2 of the paper) in the place of a layer's attention.

    z = silu(z_in(x)),  q, k, q', k' = rotary(scale_4 * z + offset_4),  u = silu(u_in(x)),  v = silu(v_in(x))
    out(u * attention(q, k, q', k', v))

One head of queries and keys for the whole layer; values and gates are cut into as many heads as the model has key-value
heads, each with a view of the same queries and keys, so that heads can be spread over ranks. The paper's unit also
replaces the feed-forward layer, with values twice as wide as the model; here that layer stays.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from rlhf.attention.contract import HeadShape, Kernel, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.flash.chunk import chunk
from rlhf.attention.kernels.flash.extras import FlashExtras, state_shapes
from rlhf.attention.kernels.flash.naive import naive
from rlhf.attention.kernels.flash.step import step
from rlhf.attention.mixers.base import Mixer, MixerShape, Projected, Rope, fill_normal
from rlhf.attention.rotary import rotate
from rlhf.attention.specs.windows import FlashSettings

KERNEL = Kernel("flash", naive, chunk, step, state_shapes)


class FlashMixer(Mixer):
    KERNEL = KERNEL

    def make_layers(self, shape: MixerShape) -> None:
        """None of a softmax layer's."""
        settings: FlashSettings = self.settings
        if misfit := settings.misfit(shape.head_dim):
            raise ValueError(f"attention flash in layer {shape.layer}: {misfit}")
        key, values = settings.key_size or shape.head_dim, settings.expansion * shape.heads * shape.head_dim
        self.z_in = nn.Linear(shape.hidden, key, bias=False)
        self.u_in = nn.Linear(shape.hidden, values, bias=False)
        self.v_in = nn.Linear(shape.hidden, values, bias=False)
        self.out = nn.Linear(values, shape.hidden, bias=False)
        self.scale_4d = nn.Parameter(torch.ones(4, key))
        self.offset_4d = nn.Parameter(torch.zeros(4, key))

    def reset(self, std: float) -> None:
        """No weight of a softmax layer fits, so a converted layer starts anew, too.

        z (std times a normed input) is well below 1, and so are gates and values: the unit begins as a small addition
        to the residual stream, and a converted model as itself with this layer's attention nearly left out. The four
        scales begin at 1, not near 0 as in the paper: squared relu of products of such scales would pass no gradient.
        """
        for layer in (self.z_in, self.u_in, self.v_in, self.out):
            fill_normal(layer.weight, std)
        with torch.no_grad():
            self.scale_4d.fill_(1.0)
            self.offset_4d.zero_()

    def project(self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens) -> Projected:
        groups = self.shape.kv_heads
        z_Td = silu(self.z_in(hidden_TD))
        four_4Td = rotate(z_Td * self.scale_4d[:, None] + self.offset_4d[:, None], *rope)
        q, k, q_linear, k_linear = (x.expand(groups, -1, -1) for x in four_4Td.unbind(0))
        v_GTe = silu(self.v_in(hidden_TD)).unflatten(-1, (groups, -1)).transpose(0, 1)
        return Projected(q, k, v_GTe, FlashExtras(q_linear, k_linear, self.settings.chunk))

    def finish(self, out_HTe: Tensor, hidden_TD: Tensor) -> Tensor:
        return self.out(silu(self.u_in(hidden_TD)) * out_HTe.transpose(0, 1).flatten(1))

    def kernel_shape(self) -> HeadShape:
        groups = self.shape.kv_heads
        return HeadShape(groups, groups, self.z_in.out_features, self.v_in.out_features // groups)

    def static_extras(self) -> FlashExtras:
        return FlashExtras(chunk=self.settings.chunk)
