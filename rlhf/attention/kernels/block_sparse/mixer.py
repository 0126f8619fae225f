"""Block-sparse attention in a layer: the projections of a softmax layer and nothing new."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import Kernel
from rlhf.attention.kernels.block_sparse.chunk import chunk
from rlhf.attention.kernels.block_sparse.extras import BlockSparseExtras, extras_of
from rlhf.attention.kernels.block_sparse.naive import naive
from rlhf.attention.mixers.base import Mixer, Rope

KERNEL = Kernel("block_sparse", naive, chunk)


class BlockSparseMixer(Mixer):
    KERNEL = KERNEL
    SOFTMAX = True

    def extras(self, hidden_TD: Tensor, rope: Rope) -> BlockSparseExtras:
        return self.static_extras()

    def static_extras(self) -> BlockSparseExtras:
        return extras_of(self.settings)
