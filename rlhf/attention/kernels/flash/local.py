"""Squared-relu attention inside chunks: a loop that keeps a few chunks' weights in the cache.

A backward of its own, that computes the weights again: through autograd, four arrays of T * chunk would be kept.

Axes: G key-value heads, M chunks, R rows (the queries of a chunk, of all heads that share a key), C tokens of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

CACHED = 1 << 16
"""Weights worked on at a time on a CPU (at least a chunk's)."""
RESIDENT = 1 << 26
"""The same on a GPU, which wants large multiplications: 256 MiB."""


def attend(q_GMRd: Tensor, k_GMCd: Tensor, v_GMCe: Tensor, base_GMRe: Tensor, factor: float) -> Tensor:
    """base + factor * tril(relu(q k^T))^2 v, the triangle being that of each C rows."""
    return _Attend.apply(q_GMRd, k_GMCd, v_GMCe, base_GMRe, factor)


def _slabs(q: Tensor, k: Tensor) -> Iterator[slice]:
    weights = q.shape[0] * q.shape[2] * k.shape[2]
    count = max(1, (CACHED if q.device.type == "cpu" else RESIDENT) // weights)
    for a in range(0, q.shape[1], count):
        yield slice(a, a + count)


def _causal_relu(q: Tensor, k: Tensor) -> Tensor:
    scores = torch.matmul(q, k.mT)
    scores.unflatten(2, (-1, k.shape[2])).tril_()
    return scores.relu_()


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, base: Tensor, factor: float) -> Tensor:
        out = torch.empty_like(base, memory_format=torch.contiguous_format)
        for m in _slabs(q, k):
            relu = _causal_relu(q[:, m], k[:, m])
            torch.add(base[:, m], torch.matmul(relu.square_(), v[:, m]), alpha=factor, out=out[:, m])
        ctx.save_for_backward(q, k, v)
        ctx.factor = factor
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v = ctx.saved_tensors
        g_q, g_k, g_v = (torch.empty_like(x, memory_format=torch.contiguous_format) for x in (q, k, v))
        for m in _slabs(q, k):
            q_m, k_m, g_m = q[:, m], k[:, m], g[:, m] * ctx.factor
            relu = _causal_relu(q_m, k_m)
            g_scores = torch.matmul(g_m, v[:, m].mT).mul_(relu).mul_(2.0)
            g_q[:, m] = torch.matmul(g_scores, k_m)
            g_k[:, m] = torch.matmul(g_scores.mT, q_m)
            g_v[:, m] = torch.matmul(relu.square_().mT, g_m)
        return g_q, g_k, g_v, g, None
