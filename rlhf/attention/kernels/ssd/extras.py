"""What the state space is given, and its state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

from torch import Tensor

from rlhf.attention.contract import Extras, HeadShape, per, repeat_heads, working


@dataclass(frozen=True, slots=True)
class SsdExtras(Extras):
    """log_decay: nats, at most 0. dt: of each token's input, at least 0. Both None only where shapes alone matter.

    D: how much of a token's input passes by the state; None: nothing.
    """

    log_decay_GT: Tensor | None = per("GT", optional=True)
    dt_GT: Tensor | None = per("GT", optional=True)
    D_H: Tensor | None = per("H", optional=True)


def state_shapes(shape: HeadShape, extras: SsdExtras) -> tuple[tuple[int, ...], ...]:
    """The decayed sum of dt k v^T."""
    return ((shape.kv_heads, shape.key, shape.value),)


def decay_and_input(v_GTe: Tensor, extras: SsdExtras) -> tuple[Tensor, Tensor]:
    """(log decays [G, T], inputs dt v [G, T, e]), in the working dtype."""
    if extras.log_decay_GT is None or extras.dt_GT is None:
        raise ValueError("attention ssd needs log_decay_GT and dt_GT")
    v, dt = working(v_GTe, extras.dt_GT)
    return cast(Tensor, extras.log_decay_GT), v * dt[..., None]


def passed_by(out_HTe: Tensor, v_GTe: Tensor, extras: SsdExtras) -> Tensor:
    """With what goes past the state (arXiv 2312.00752, sec. 3.4: D x)."""
    if extras.D_H is None:
        return out_HTe
    d_H, v = working(extras.D_H, v_GTe)
    return out_HTe + d_H.to(out_HTe.dtype)[:, None, None] * repeat_heads(v, out_HTe.shape[0])
