"""Gated linear attention in a layer (arXiv 2312.06635, sec. 4.4): gates of low rank, a norm and a swish gate behind."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import logsigmoid

from rlhf.attention.contract import Kernel, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gla.chunk import chunk
from rlhf.attention.kernels.gla.extras import GatedLinearExtras, state_shapes
from rlhf.attention.kernels.gla.memory import lengths
from rlhf.attention.kernels.gla.naive import naive
from rlhf.attention.kernels.gla.output import GatedNorm
from rlhf.attention.kernels.gla.step import step
from rlhf.attention.mixers.base import Mixer, MixerShape, Projected, Rope, fill_normal
from rlhf.attention.rotary import rotate
from rlhf.attention.spec import KernelSettings

KERNEL = Kernel("gla", naive, chunk, step, state_shapes)


class GatedLinearMixer(Mixer):
    """log alpha = logsigmoid(decay_out(decay_in(x))) / gate_temperature."""

    KERNEL = KERNEL

    def __init__(self, shape: MixerShape, settings: KernelSettings) -> None:
        super().__init__(shape, settings)
        rank = self.settings.gate_rank
        self.decay_in = nn.Linear(shape.hidden, rank, bias=False)
        self.decay_out = nn.Linear(rank, shape.kv_heads * shape.head_dim)
        self.output = GatedNorm(shape)

    def project(self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens) -> Projected:
        q, k, v = self.heads(hidden_TD)
        if self.settings.rope == "inputs":
            q, k = rotate(q, *rope), rotate(k, *rope)
        return Projected(q, k, v, self.extras(hidden_TD, rope))

    def extras(self, hidden_TD: Tensor, rope: Rope) -> GatedLinearExtras:
        # In float32 even of a bfloat16 model: a gate that forgets in 4,096 tokens lies 2.4e-4 below 1.
        (x_TC,) = working(self.decay_out(self.decay_in(hidden_TD)))
        log_alpha_TC = logsigmoid(x_TC) / self.settings.gate_temperature
        return GatedLinearExtras(log_alpha_TC.unflatten(-1, (self.shape.kv_heads, -1)).transpose(0, 1))

    def finish(self, out_HTe: Tensor, hidden_TD: Tensor) -> Tensor:
        return self.o_proj(self.output(out_HTe, hidden_TD))

    def reset(self, std: float) -> None:
        """Gates near 1. Both channels of a rotary pair (i, i + d/2) begin alike, so that scores begin as functions of
        the distance alone; the pairs that turn slowly, and serve long distances, remember longest."""
        fill_normal(self.decay_in.weight, std)
        fill_normal(self.decay_out.weight, std)
        size = self.shape.head_dim
        length_d = lengths((size + 1) // 2).repeat(2)[:size]
        bias_d = -torch.log(torch.expm1(self.settings.gate_temperature / length_d))
        with torch.no_grad():
            self.decay_out.bias.copy_(bias_d.repeat(self.shape.kv_heads))
        self.output.reset(std)
