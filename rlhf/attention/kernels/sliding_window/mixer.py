"""Sliding-window attention in a layer: a softmax layer that sees less."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import Kernel
from rlhf.attention.kernels.sliding_window.chunk import chunk
from rlhf.attention.kernels.sliding_window.extras import SlidingWindowExtras, extras_of, state_shapes
from rlhf.attention.kernels.sliding_window.naive import naive
from rlhf.attention.kernels.sliding_window.step import step
from rlhf.attention.mixers.base import Mixer, Rope

KERNEL = Kernel("sliding_window", naive, chunk, step, state_shapes)


class SlidingWindowMixer(Mixer):
    """Keys are kept rotated by their own positions: rotations compose, so a kept key is never turned again."""

    KERNEL = KERNEL
    SOFTMAX = True

    def extras(self, hidden_TD: Tensor, rope: Rope) -> SlidingWindowExtras:
        return self.static_extras()

    def static_extras(self) -> SlidingWindowExtras:
        return extras_of(self.settings)
