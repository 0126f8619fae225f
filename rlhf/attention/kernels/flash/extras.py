"""What mixed chunk attention is given, and its state.

Axes: C tokens of a chunk, S sequences.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.contract import Extras, HeadShape, State, per
from rlhf.attention.cu_seqlens import CuSeqlens


@dataclass(frozen=True, slots=True)
class FlashExtras(Extras):
    """q_linear, k_linear: queries and keys across chunks (None only where the state's shapes alone are asked for).

    chunk: C, at least 2.
    """

    q_linear_HTd: Tensor | None = per("HTd", optional=True)
    k_linear_GTd: Tensor | None = per("GTd", optional=True)
    chunk: int = 128

    def linear(self) -> tuple[Tensor, Tensor]:
        if self.q_linear_HTd is None or self.k_linear_GTd is None:
            raise ValueError("attention flash needs q_linear and k_linear beside q and k")
        return self.q_linear_HTd, self.k_linear_GTd


def state_shapes(shape: HeadShape, extras: FlashExtras) -> tuple[tuple[int, ...], ...]:
    """Sum of k' v^T over completed chunks; the same over the unfinished one; its keys and values, empty slots zero;
    the number of tokens so far (as a float: exact up to 2^24).

    An unfinished chunk has at most C - 1 tokens. Its linear keys are summed as they come, not kept.
    """
    groups, slots = shape.kv_heads, extras.chunk - 1
    summed = (groups, shape.key, shape.value)
    return summed, summed, (groups, slots, shape.key), (groups, slots, shape.value), (1,)


def begin(k_GTd: Tensor, v_GTe: Tensor, extras: FlashExtras, state: State | None, cu_seqlens: CuSeqlens) -> State:
    """The state, or that of sequences without a token."""
    if state is not None:
        return state
    (groups, _, key), value = k_GTd.shape, v_GTe.shape[2]
    shapes = state_shapes(HeadShape(groups, groups, key, value), extras)
    return tuple(k_GTd.new_zeros(cu_seqlens.count, *shape) for shape in shapes)


def tokens_so_far(state: State) -> Tensor:
    """[S] int64."""
    return state[4].detach().squeeze(1).to(torch.int64)
