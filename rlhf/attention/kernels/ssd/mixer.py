"""Mamba-2's block (arXiv 2405.21060, sec. 7.1) in a layer's attention: C, B and x take the places of q, k and v.

    dt = softplus(dt_in(hidden) + dt_bias),  log decay = -exp(A_log) dt,  out_proj(norm((ssd + D x) * silu(z(hidden))))

The paper's block is as wide as two of the model and shares B and C among heads; here the sizes are those of the
attention layer in whose place it stands, so that a pretrained layer's weights fit.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import silu, softplus

from rlhf.attention.contract import Kernel, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gla.memory import lengths
from rlhf.attention.kernels.gla.output import OPEN, START
from rlhf.attention.kernels.ssd.chunk import chunk
from rlhf.attention.kernels.ssd.extras import SsdExtras, state_shapes
from rlhf.attention.kernels.ssd.naive import naive
from rlhf.attention.kernels.ssd.step import step
from rlhf.attention.mixers.base import Mixer, MixerShape, Projected, Rope, fill_normal
from rlhf.attention.mixers.norm import RMSNorm
from rlhf.attention.mixers.short_conv import ShortConv
from rlhf.attention.rotary import rotate

KERNEL = Kernel("ssd", naive, chunk, step, state_shapes)


class SsdMixer(Mixer):
    KERNEL = KERNEL

    def make_layers(self, shape: MixerShape) -> None:
        super().make_layers(shape)
        heads, channels = shape.kv_heads, (shape.heads + 2 * shape.kv_heads) * shape.head_dim
        self.conv = ShortConv(channels, self.settings.conv) if self.settings.conv else None
        self.dt_in = nn.Linear(shape.hidden, heads, bias=False)
        self.dt_bias = nn.Parameter(torch.empty(heads))
        self.A_log = nn.Parameter(torch.empty(heads))
        self.D = nn.Parameter(torch.empty(shape.heads))
        self.gate = nn.Linear(shape.hidden, shape.heads * shape.head_dim)
        self.norm = RMSNorm(shape.head_dim, shape.norm_eps)

    def project(self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens) -> Projected:
        q, k, v = self.heads(hidden_TD)
        own: State = ()
        if self.conv is not None:
            heads = (q.shape[0], k.shape[0], v.shape[0])
            x_TC = torch.cat([q, k, v], 0).transpose(0, 1).flatten(1)
            y_TC, last_SCn = self.conv(x_TC, state[0] if state else None, cu_seqlens)
            q, k, v = y_TC.unflatten(-1, (sum(heads), -1)).transpose(0, 1).split(heads)
            own = (last_SCn,)
        if self.settings.activation == "silu":
            q, k, v = silu(q), silu(k), silu(v)
        if self.settings.rope == "inputs":
            q, k = rotate(q, *rope), rotate(k, *rope)
        return Projected(q, k, v, self.extras(hidden_TD, rope), own)

    def extras(self, hidden_TD: Tensor, rope: Rope) -> SsdExtras:
        # In float32 even of a bfloat16 model: a decay that forgets in 4,096 tokens lies 2.4e-4 below 1.
        dt, dt_bias, a_log = working(self.dt_in(hidden_TD), self.dt_bias, self.A_log)
        dt_TG = softplus(dt + dt_bias)
        return SsdExtras((-a_log.exp() * dt_TG).T, dt_TG.T, self.D)

    def static_extras(self) -> SsdExtras:
        return SsdExtras()

    def finish(self, out_HTe: Tensor, hidden_TD: Tensor) -> Tensor:
        gate_HTe = silu(self.gate(hidden_TD)).unflatten(-1, (self.shape.heads, -1)).transpose(0, 1)
        return self.o_proj((self.norm(out_HTe * gate_HTe)).transpose(0, 1).flatten(1))

    @property
    def lookback(self) -> int:
        return 0 if self.conv is None else self.conv.width - 1

    def own_state_shapes(self) -> tuple[tuple[int, ...], ...]:
        return () if self.conv is None else (self.conv.state_shape(),)

    def reset(self, std: float) -> None:
        """Steps that forget in 64 to 4,096 tokens, another length in every head; the convolution and the gate let all
        through, so that the norm alone stands between a converted layer and what it was."""
        if self.conv is not None:
            self.conv.reset(std)
        fill_normal(self.dt_in.weight, std)
        fill_normal(self.gate.weight, std)
        nn.init.constant_(self.gate.bias, OPEN)
        nn.init.constant_(self.norm.weight, START)
        with torch.no_grad():
            self.A_log.zero_()
            self.D.fill_(1.0)
            self.dt_bias.copy_(torch.log(torch.expm1(1 / lengths(self.shape.kv_heads))))
