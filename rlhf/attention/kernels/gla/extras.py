"""What gated linear attention is given, and its state."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from rlhf.attention.contract import Extras, HeadShape, per


@dataclass(frozen=True, slots=True)
class GatedLinearExtras(Extras):
    """log_alpha: log of the factor by which a key channel's state is multiplied at a token, finite and at most 0.

    scale: of the queries; None: 1 / sqrt(d).
    """

    log_alpha_GTd: Tensor = per("GTd")
    scale: float | None = None

    def query_scale(self, key_size: int) -> float:
        return key_size**-0.5 if self.scale is None else self.scale


def state_shapes(shape: HeadShape, extras: Extras) -> tuple[tuple[int, ...], ...]:
    """S, the decayed sum of k v^T."""
    return ((shape.kv_heads, shape.key, shape.value),)
