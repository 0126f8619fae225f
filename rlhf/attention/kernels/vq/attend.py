"""Softmax over the codes of all blocks before a query's and over the keys of its own, a slab of blocks at a time.

Scores are made again in the backward pass instead of kept: they are the largest tensors by far, and a slab of them
stays in a processor's cache.

Axes: G heads, M blocks, N rows of queries of a block (those of the R query heads of a group one after the other), C its
keys, n codes, d key size, e value size, x = e + 1.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CPU_SLAB, GPU_SLAB = 1 << 18, 1 << 26
"""Scores that are held at a time."""


def attend(q_GMNd: Tensor, k_GMCd: Tensor, v_GMCe: Tensor, codebook_Gnd: Tensor, before_GMnx: Tensor) -> Tensor:
    """[G, M, N, e]. before: each code's sum of values and, last, its number of keys before the block, which like the
    codebook takes no gradient. A code with no keys takes no part. Queries are already scaled."""
    return _Attend.apply(q_GMNd, k_GMCd, v_GMCe, codebook_Gnd, before_GMnx)


def _slabs(q: Tensor, scores: int) -> Iterator[tuple[int, slice]]:
    groups, blocks, rows, _ = q.shape
    budget = CPU_SLAB if q.device.type == "cpu" else GPU_SLAB
    size = max(1, budget // (rows * scores))
    return ((g, slice(a, a + size)) for g in range(groups) for a in range(0, blocks, size))


def _weights(q: Tensor, k: Tensor, codebook: Tensor, number: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax of q [m, N, d] over codes, by number [m, n], and over keys [m, C, d]: ([m, N, n], [m, N, C])."""
    codes = codebook.shape[0]
    scores = q.new_empty(*q.shape[:2], codes + k.shape[1])
    scores[..., :codes] = q @ codebook.T
    scores[..., :codes] += number.log()[:, None]
    scores[..., codes:] = q @ k.mT
    scores[..., codes:].masked_fill_(later, -torch.inf)
    past, near = scores.softmax(-1).split([codes, k.shape[1]], -1)
    return past, near


def _later(q: Tensor, k: Tensor) -> Tensor:
    """[N, C]: keys behind the query."""
    block = k.shape[2]
    return torch.ones(block, block, dtype=torch.bool, device=q.device).triu(1).repeat(q.shape[2] // block, 1)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, codebook: Tensor, before: Tensor) -> Tensor:
        later, values = _later(q, k), v.shape[-1]
        out = q.new_empty(*q.shape[:-1], values)
        for at in _slabs(q, codebook.shape[1] + k.shape[2]):
            number = before[at][..., values:]
            past, near = _weights(q[at], k[at], codebook[at[0]], number.squeeze(-1), later)
            torch.bmm(near, v[at], out=out[at])
            out[at].baddbmm_(past, before[at][..., :values] / number.clamp(min=1))
        ctx.save_for_backward(q, k, v, codebook, before, out)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, codebook, before, out = ctx.saved_tensors
        (g_out,) = (g.contiguous() for g in gradients)
        later, values = _later(q, k), v.shape[-1]
        g_q, g_k, g_v, g_before = (
            torch.empty_like(t, memory_format=torch.contiguous_format) for t in (q, k, v, before)
        )
        g_before[..., values:] = 0
        for at in _slabs(q, codebook.shape[1] + k.shape[2]):
            number = before[at][..., values:]
            past, near = _weights(q[at], k[at], codebook[at[0]], number.squeeze(-1), later)
            number = number.clamp(min=1)
            torch.div(past.mT @ g_out[at], number, out=g_before[at][..., :values])
            torch.bmm(near.mT, g_out[at], out=g_v[at])
            mean = (g_out[at] * out[at]).sum(-1, keepdim=True)
            g_past = (g_out[at] @ (before[at][..., :values] / number).mT).sub_(mean).mul_(past)
            g_near = (g_out[at] @ v[at].mT).sub_(mean).mul_(near)
            torch.bmm(g_near, k[at], out=g_q[at])
            g_q[at] += g_past @ codebook[at[0]]
            torch.bmm(g_near.mT, q[at], out=g_k[at])
        return g_q, g_k, g_v, None, g_before
