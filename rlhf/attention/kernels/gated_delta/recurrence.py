"""The recurrence between chunks, where the state passes through a matrix and not a factor:

    u_m = base_m - reads_m S,     S <- decay_m S + writes_m^T u_m

A loop of its own with a backward of its own, as in `rlhf.attention.scan`.

Axes: G heads, M chunks in the waves of a ChunkLayout, C tokens of a chunk, d x e the state, S sequences.
"""

from __future__ import annotations

from itertools import accumulate, pairwise
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.chunking import ChunkLayout


def recur(
    base_GMCe: Tensor,
    reads_GMCd: Tensor,
    writes_GMCd: Tensor,
    decay_GM: Tensor,
    initial_SGde: Tensor | None,
    layout: ChunkLayout,
) -> tuple[Tensor, Tensor, Tensor]:
    """(u [G, M, C, e], before: S before each chunk [G, M, d, e], final [S, G, d, e]).

    initial_SGde: state before each sequence, in the sequences' own order; None: zero.
    """
    initial = None if initial_SGde is None else initial_SGde.index_select(0, layout.order_S)
    u, before, final = _Recur.apply(base_GMCe, reads_GMCd, writes_GMCd, decay_GM, initial, layout.waves)
    return u, before, final.index_select(0, layout.rank_S)


class _Recur(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        base: Tensor,
        reads: Tensor,
        writes: Tensor,
        decay: Tensor,
        initial: Tensor | None,
        waves: tuple[int, ...],
    ) -> tuple[Tensor, Tensor, Tensor]:
        groups, chunks, _, e = base.shape
        d = reads.shape[-1]
        state = base.new_zeros(waves[0], groups, d, e) if initial is None else initial.clone()
        u = torch.empty_like(base, memory_format=torch.contiguous_format)
        before = base.new_empty(groups, chunks, d, e)
        for a, b in pairwise(accumulate(waves, initial=0)):
            running = state[: b - a].flatten(0, 1)
            _put(before, a, b, running)
            u_ab = torch.baddbmm(_rows(base, a, b), _rows(reads, a, b), running, alpha=-1)
            _put(u, a, b, u_ab)
            running.mul_(_rows(decay, a, b)[:, None, None]).baddbmm_(_rows(writes, a, b).mT, u_ab)
        ctx.save_for_backward(u, before, reads, writes, decay)
        ctx.waves = waves
        return u, before, state

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        g_u, g_before, g_final = gradients
        u, before, reads, writes, decay = ctx.saved_tensors
        g_state = g_final.clone(memory_format=torch.contiguous_format)
        g_base = torch.empty_like(u)
        g_after = torch.empty_like(before)
        for a, b in reversed(list(pairwise(accumulate(ctx.waves, initial=0)))):
            running = g_state[: b - a].flatten(0, 1)
            _put(g_after, a, b, running)
            g_ab = torch.baddbmm(_rows(g_u, a, b), _rows(writes, a, b), running)
            _put(g_base, a, b, g_ab)
            running.mul_(_rows(decay, a, b)[:, None, None]).baddbmm_(_rows(reads, a, b).mT, g_ab, alpha=-1)
            running.add_(_rows(g_before, a, b))
        g_reads = torch.matmul(g_base, before.mT).neg_()
        g_writes = u @ g_after.mT
        g_decay = g_after.mul_(before).sum((-1, -2))
        return g_base, g_reads, g_writes, g_decay, g_state if ctx.needs_input_grad[4] else None, None


def _rows(x_GM: Tensor, a: int, b: int) -> Tensor:
    """Chunks a to b as [n * G, ...], a sequence's heads together; a view where it is one sequence."""
    return x_GM[:, a:b].transpose(0, 1).flatten(0, 1)


def _put(x_GM: Tensor, a: int, b: int, rows: Tensor) -> None:
    x_GM[:, a:b] = rows.unflatten(0, (b - a, -1)).transpose(0, 1)
