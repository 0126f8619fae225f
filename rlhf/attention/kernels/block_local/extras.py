"""What block-local attention is given, and its state: the tokens of the block that is not full yet."""

from __future__ import annotations

from dataclasses import dataclass

from rlhf.attention.contract import Extras, HeadShape
from rlhf.attention.specs.decay import BlockLocalSettings


@dataclass(frozen=True, slots=True)
class BlockLocalExtras(Extras):
    """block: tokens, counted from the sequence's start."""

    block: int = 64


def extras_of(settings: BlockLocalSettings) -> BlockLocalExtras:
    return BlockLocalExtras(settings.block)


def state_shapes(shape: HeadShape, extras: BlockLocalExtras) -> tuple[tuple[int, ...], ...]:
    """Keys and values of the unfinished block, zero beyond its tokens, and how many they are (0: a block begins)."""
    groups, held = shape.kv_heads, extras.block - 1
    return (groups, held, shape.key), (groups, held, shape.value), (1,)
