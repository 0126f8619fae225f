"""What the gated delta rule is given, and its state."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from rlhf.attention.contract import Extras, HeadShape, per


@dataclass(frozen=True, slots=True)
class GatedDeltaExtras(Extras):
    """log_decay: log of a, the factor of the whole state at a token, finite and at most 0.

    beta: b, how much of what is stored at a token's key gives way to its value, 0 to 1.
    scale: of the queries; None: 1 / sqrt(d).
    """

    log_decay_GT: Tensor = per("GT")
    beta_GT: Tensor = per("GT")
    scale: float | None = None

    def query_scale(self, key_size: int) -> float:
        return key_size**-0.5 if self.scale is None else self.scale


def state_shapes(shape: HeadShape, extras: Extras) -> tuple[tuple[int, ...], ...]:
    """S."""
    return ((shape.kv_heads, shape.key, shape.value),)
