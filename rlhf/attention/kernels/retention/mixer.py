"""Multi-scale retention in a layer (arXiv 2307.08621, eq. 8): rotated queries and keys, a decay a head, a norm in every
head and a swish gate behind it. (The paper's group norm is a root-mean-square norm here, as in what followed it.)"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rlhf.attention.contract import Kernel, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.gla.output import GatedNorm
from rlhf.attention.kernels.retention.chunk import chunk
from rlhf.attention.kernels.retention.extras import RetentionExtras, state_shapes
from rlhf.attention.kernels.retention.naive import naive
from rlhf.attention.kernels.retention.step import step
from rlhf.attention.mixers.base import Mixer, MixerShape, Projected, Rope
from rlhf.attention.rotary import rotate

KERNEL = Kernel("retention", naive, chunk, step, state_shapes)


class RetentionMixer(Mixer):
    KERNEL = KERNEL

    def make_layers(self, shape: MixerShape) -> None:
        super().make_layers(shape)
        self.output = GatedNorm(shape)

    def project(self, hidden_TD: Tensor, rope: Rope, state: State | None, cu_seqlens: CuSeqlens) -> Projected:
        q, k, v = self.heads(hidden_TD)
        if self.settings.rope == "inputs":
            q, k = rotate(q, *rope), rotate(k, *rope)
        return Projected(q, k, v, self.extras(hidden_TD, rope))

    def extras(self, hidden_TD: Tensor, rope: Rope) -> RetentionExtras:
        dtype = torch.float64 if hidden_TD.dtype is torch.float64 else torch.float32
        log_decay_G = decays(self.shape.kv_heads, dtype, hidden_TD.device)
        return RetentionExtras(log_decay_G, 1 / math.sqrt(self.shape.head_dim))

    def static_extras(self) -> RetentionExtras:
        return self.extras(torch.empty(0), (torch.empty(0), torch.empty(0)))

    def finish(self, out_HTe: Tensor, hidden_TD: Tensor) -> Tensor:
        return self.o_proj(self.output(out_HTe, hidden_TD))

    def reset(self, std: float) -> None:
        self.output.reset(std)


def decays(heads: int, dtype: torch.dtype, device: torch.device) -> Tensor:
    """[G], log(1 - 2^(-5 - g)) for g = 0 ... G - 1, nats a token."""
    return torch.log1p(-torch.exp2(-5 - torch.arange(heads, dtype=dtype, device=device)))
