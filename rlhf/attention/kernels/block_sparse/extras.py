"""What block-sparse attention is given besides q, k, v: size and number of the blocks and, if fixed, the choice."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from rlhf.attention.contract import Extras, per

if TYPE_CHECKING:
    from rlhf.attention.specs.sparse import BlockSparseSettings


@dataclass(frozen=True, slots=True)
class BlockSparseExtras(Extras):
    """chosen: integers, the blocks that each query sees besides its own, counted from its sequence's start, each once
    (-1: none), so that two computations that round differently see the same keys; None: chosen by their scores."""

    block: int
    topk: int
    chosen_HTk: Tensor | None = per("HTk", optional=True)

    def __post_init__(self) -> None:
        if self.block < 1 or self.topk < 1:
            raise ValueError(f"block-sparse attention needs block >= 1 and topk >= 1; found {self.block}, {self.topk}")


def extras_of(settings: BlockSparseSettings) -> BlockSparseExtras:
    return BlockSparseExtras(settings.block, settings.topk)
