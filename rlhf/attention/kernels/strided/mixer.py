"""Strided attention in a layer: the projections of a softmax layer and nothing new."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import Kernel
from rlhf.attention.kernels.strided.chunk import chunk
from rlhf.attention.kernels.strided.extras import StridedExtras, extras_of
from rlhf.attention.kernels.strided.naive import naive
from rlhf.attention.mixers.base import Mixer, Rope

KERNEL = Kernel("strided", naive, chunk)


class StridedMixer(Mixer):
    KERNEL = KERNEL
    SOFTMAX = True

    def extras(self, hidden_TD: Tensor, rope: Rope) -> StridedExtras:
        return self.static_extras()

    def static_extras(self) -> StridedExtras:
        return extras_of(self.settings)
