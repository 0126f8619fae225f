"""Lightning attention in a layer (arXiv 2307.14995, sec. 3.2): activated queries and keys, rotated, a decay of its own
for every head and layer, a norm in place of the denominator (arXiv 2210.10340, sec. 4.1), a gate behind it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import silu

from rlhf.attention.contract import Kernel, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gla.output import START
from rlhf.attention.kernels.lightning.chunk import chunk
from rlhf.attention.kernels.lightning.extras import LightningExtras, state_shapes
from rlhf.attention.kernels.lightning.naive import naive
from rlhf.attention.kernels.lightning.step import step
from rlhf.attention.mixers.base import Mixer, MixerShape, Projected, Rope, fill_normal
from rlhf.attention.mixers.norm import RMSNorm
from rlhf.attention.rotary import rotate

KERNEL = Kernel("lightning", naive, chunk, step, state_shapes)


class LightningMixer(Mixer):
    KERNEL = KERNEL

    def make_layers(self, shape: MixerShape) -> None:
        super().make_layers(shape)
        self.out_norm = RMSNorm(shape.head_dim, shape.norm_eps)
        self.out_gate = nn.Linear(shape.hidden, shape.heads * shape.head_dim) if self.settings.gate else None

    def project(self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens) -> Projected:
        q, k, v = self.heads(hidden_TD)
        if self.settings.activation == "silu":
            q, k = silu(q), silu(k)
        if self.settings.rope == "inputs":
            q, k = rotate(q, *rope), rotate(k, *rope)
        return Projected(q, k, v, self.extras(hidden_TD, rope))

    def extras(self, hidden_TD: Tensor, rope: Rope) -> LightningExtras:
        shape = self.shape
        dtype = torch.float64 if hidden_TD.dtype is torch.float64 else torch.float32
        log_decay_G = -slopes(shape.kv_heads, dtype, hidden_TD.device)
        if self.settings.layer_slopes:
            log_decay_G = log_decay_G * layer_factor(shape.layer, shape.layers)
        return LightningExtras(log_decay_G, 1 / math.sqrt(shape.head_dim))

    def static_extras(self) -> LightningExtras:
        return self.extras(torch.empty(0), (torch.empty(0), torch.empty(0)))

    def finish(self, out_HTe: Tensor, hidden_TD: Tensor) -> Tensor:
        out_TV = self.out_norm(out_HTe).transpose(0, 1).flatten(1)
        return self.o_proj(out_TV if self.out_gate is None else out_TV * self.out_gate(hidden_TD).sigmoid())

    def reset(self, std: float) -> None:
        """An output of a softmax layer's size behind the gate, which begins near a half."""
        nn.init.constant_(self.out_norm.weight, START if self.out_gate is None else 2 * START)
        if self.out_gate is not None:
            fill_normal(self.out_gate.weight, std)
            nn.init.zeros_(self.out_gate.bias)


def slopes(heads: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """[G], 2^(-8 g / G) for g = 1 ... G, those of ALiBi (arXiv 2108.12409): decay by one token, nats."""
    return torch.exp2(-8 * torch.arange(1, heads + 1, dtype=dtype, device=device) / heads)


def layer_factor(layer: int, layers: int) -> float:
    """Higher layers forget more slowly, the last hardly at all (arXiv 2307.14995, sec. 3.2.1)."""
    return 1 - layer / max(layers - 1, 1) + 1e-5
