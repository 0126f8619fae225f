"""The sums of the values of each code before every block: a recurrence over blocks that adds rows where they belong.

`rlhf.attention.scan` would want what each block adds as a table of all codes; here a block adds its tokens' rows alone.

Axes: G heads, M blocks in the waves of a ChunkLayout, C tokens of a block, S sequences, c codes, x channels.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.chunking import ChunkLayout


def sums_before(
    v_GMCx: Tensor, codes_GMC: Tensor, codes: int, initial_SGcx: Tensor | None, layout: ChunkLayout
) -> tuple[Tensor, Tensor]:
    """(before [G, M, c, x], final [S, G, c, x]). initial: of each sequence, in their own order; None: zero."""
    groups, sequences = codes_GMC.shape[0], layout.order_S.shape[0]
    place_M = layout.rank_S.index_select(0, layout.sequence_M)
    place_GM = torch.arange(groups, device=v_GMCx.device)[:, None] * sequences + place_M
    rows_GMC = place_GM[..., None] * codes + codes_GMC
    if initial_SGcx is None:
        initial_GScx = v_GMCx.new_zeros(groups, sequences, codes, v_GMCx.shape[-1])
    else:
        initial_GScx = initial_SGcx.index_select(0, layout.order_S).transpose(0, 1)
    before_GMcx, final_GScx = _Sums.apply(v_GMCx, rows_GMC, initial_GScx, layout.waves)
    return before_GMcx, final_GScx.transpose(0, 1).index_select(0, layout.rank_S)


class _Sums(torch.autograd.Function):
    """rows_GMC: row of the state [G * S * c, x] that each token belongs to."""

    @staticmethod
    def forward(ctx: Any, v: Tensor, rows: Tensor, initial: Tensor, waves: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        state = initial.clone(memory_format=torch.contiguous_format)
        before = v.new_empty(v.shape[0], v.shape[1], *state.shape[2:])
        for a, b in pairwise(accumulate(waves, initial=0)):
            before[:, a:b] = state[:, : b - a]
            state.flatten(0, 2).index_add_(0, rows[:, a:b].flatten(), v[:, a:b].flatten(0, 2))
        ctx.save_for_backward(rows)
        ctx.waves = waves
        return before, state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        g_before, g_final = gradients
        (rows,) = ctx.saved_tensors
        g_state = g_final.clone(memory_format=torch.contiguous_format)
        g_v = g_before.new_empty(*rows.shape, g_before.shape[-1])
        for a, b in reversed(list(pairwise(accumulate(ctx.waves, initial=0)))):
            chosen = rows[:, a:b]
            g_v[:, a:b] = g_state.flatten(0, 2).index_select(0, chosen.flatten()).view(*chosen.shape, -1)
            g_state[:, : b - a] += g_before[:, a:b]
        return g_v, None, g_state, None
