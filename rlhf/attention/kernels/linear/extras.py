"""What linear attention is given, its state, and its feature map."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.contract import Extras, HeadShape, per, working
from rlhf.attention.rotary import rotate
from rlhf.attention.specs.linear import LinearSettings

EPS = 1e-6


@dataclass(frozen=True, slots=True)
class LinearExtras(Extras):
    """cos, sin: of each token's position; None: nothing is rotated here."""

    cos_Td: Tensor | None = per("Td", optional=True)
    sin_Td: Tensor | None = per("Td", optional=True)


def extras_of(settings: LinearSettings) -> LinearExtras:
    """Without positions: where a model rotates queries and keys itself, their features are not rotated again."""
    return LinearExtras()


def state_shapes(shape: HeadShape, extras: LinearExtras) -> tuple[tuple[int, ...], ...]:
    """sum of (R phi(k)) v^T, sum of phi(k)."""
    return (shape.kv_heads, shape.key, shape.value), (shape.kv_heads, shape.key)


def features(x_HTd: Tensor) -> Tensor:
    """elu(x) + 1."""
    return _Features.apply(working(x_HTd)[0])


class _Features(torch.autograd.Function):
    """exp(x) below zero, not expm1(x) + 1, of which nothing is left in float32 below -17."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        out = x.clamp(max=0).exp_().add_(x.clamp(min=0))
        ctx.save_for_backward(out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> Tensor:
        (out,) = ctx.saved_tensors
        return out.clamp(max=1).mul_(g)  # exp(x) below zero, 1 above


def rotated(features_HTd: Tensor, extras: LinearExtras) -> Tensor:
    if extras.cos_Td is None or extras.sin_Td is None:
        return features_HTd
    return rotate(features_HTd, extras.cos_Td, extras.sin_Td)
