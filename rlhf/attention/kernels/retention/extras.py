"""What retention is given, and its state."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from rlhf.attention.contract import Extras, HeadShape, per


@dataclass(frozen=True, slots=True)
class RetentionExtras(Extras):
    """log_decay: of every token, nats, at most 0. scale: of the queries."""

    log_decay_G: Tensor = per("G")
    scale: float = 1.0


def state_shapes(shape: HeadShape, extras: RetentionExtras) -> tuple[tuple[int, ...], ...]:
    """The decayed sum of k v^T."""
    return ((shape.kv_heads, shape.key, shape.value),)
