"""Block-local attention in a layer: the projections of a softmax layer and nothing new."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import Kernel
from rlhf.attention.kernels.block_local.chunk import chunk
from rlhf.attention.kernels.block_local.extras import BlockLocalExtras, extras_of, state_shapes
from rlhf.attention.kernels.block_local.naive import naive
from rlhf.attention.kernels.block_local.step import step
from rlhf.attention.mixers.base import Mixer, Rope

KERNEL = Kernel("block_local", naive, chunk, step, state_shapes)


class BlockLocalMixer(Mixer):
    KERNEL = KERNEL
    SOFTMAX = True

    def extras(self, hidden_TD: Tensor, rope: Rope) -> BlockLocalExtras:
        return extras_of(self.settings)

    def static_extras(self) -> BlockLocalExtras:
        return extras_of(self.settings)
