"""What linear attention is given, its state, and its feature map."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn.functional import elu

from rlhf.attention.contract import Extras, HeadShape, per, working
from rlhf.attention.rotary import rotate

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class LinearExtras(Extras):
    """cos, sin: of each token's position; None: nothing is rotated here."""

    cos_Td: Tensor | None = per("Td", optional=True)
    sin_Td: Tensor | None = per("Td", optional=True)


def state_shapes(shape: HeadShape, extras: LinearExtras) -> tuple[tuple[int, ...], ...]:
    """sum of (R phi(k)) v^T, sum of phi(k)."""
    return (shape.kv_heads, shape.key, shape.value), (shape.kv_heads, shape.key)


def features(x_HTd: Tensor) -> Tensor:
    return elu(working(x_HTd)[0]).add_(1)


def rotated(features_HTd: Tensor, extras: LinearExtras) -> Tensor:
    if extras.cos_Td is None or extras.sin_Td is None:
        return features_HTd
    return rotate(features_HTd, extras.cos_Td, extras.sin_Td)
