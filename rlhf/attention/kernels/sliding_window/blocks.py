"""Blocks of queries, each against the keys of its windows: a loop that keeps what it works on in the cache.

A backward of its own, that computes the weights again: nothing of size T * window is kept, and a block's keys are
slices that need no copy and whose gradients are added in place.

Axes: H query heads, G key-value heads, R = H // G, B queries of a block, K keys that a block sees.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


@dataclass(frozen=True, slots=True)
class Span:
    """A sequence: queries [start, stop) of the query axis; on the key axis `past` older keys from `key_start` on, then
    the queries' own."""

    start: int
    stop: int
    key_start: int
    past: int


@dataclass(slots=True)
class Blocks:
    """How sequences are cut. window: tokens. size: queries of a block. repeats: R."""

    spans: tuple[Span, ...]
    window: int
    size: int
    repeats: int
    scale: float
    _bias: dict[tuple[int, int, int], Tensor] = field(default_factory=dict)
    _table: Tensor | None = None

    def each(self, like: Tensor) -> Iterator[tuple[slice, slice, Tensor]]:
        """(queries, keys, bias [1, R * B, K]: 0 where a query sees a key, else -inf)."""
        for span in self.spans:
            for a in range(span.start, span.stop, self.size):
                b = min(a + self.size, span.stop)
                own = span.key_start + span.past + a - span.start
                oldest = own - self.window + 1
                low, high = max(oldest, span.key_start), own + b - a
                yield slice(a, b), slice(low, high), self.bias(b - a, low - oldest, high - oldest, like)

    def bias(self, rows: int, low: int, high: int, like: Tensor) -> Tensor:
        """Columns count from the oldest key that the block's first query sees: row r sees r to r + window - 1."""
        key = (rows, low, high)
        if key not in self._bias:
            if self._table is None:
                shape = (self.size, self.size + self.window - 1)
                seen = torch.ones(shape, dtype=torch.bool, device=like.device).triu().tril(self.window - 1)
                self._table = torch.zeros(shape, dtype=like.dtype, device=like.device).masked_fill(~seen, -torch.inf)
            self._bias[key] = self._table[:rows, low:high].repeat(self.repeats, 1)[None]
        return self._bias[key]

    def rows(self, x_HTd: Tensor, queries: slice) -> Tensor:
        """[H, T, d] -> [G, R * B, d]; a view where R is 1."""
        return x_HTd[:, queries].unflatten(0, (-1, self.repeats)).flatten(1, 2)

    def heads(self, x_GRd: Tensor) -> Tensor:
        """[G, R * B, d] -> [H, B, d]."""
        return x_GRd.unflatten(1, (self.repeats, -1)).flatten(0, 1)


def attend(q_HTd: Tensor, k_GKd: Tensor, v_GKe: Tensor, blocks: Blocks) -> Tensor:
    """[H, T, e]. K: the key axis of the spans."""
    return _Attend.apply(q_HTd, k_GKd, v_GKe, blocks)


def _weights(rows_GRd: Tensor, k_GKd: Tensor, bias_1RK: Tensor, scale: float) -> Tensor:
    return torch.baddbmm(bias_1RK, rows_GRd, k_GKd.mT, alpha=scale).softmax(-1)


class _Attend(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, blocks: Blocks) -> Tensor:
        out = q.new_empty(*q.shape[:2], v.shape[2])
        for queries, keys, bias in blocks.each(q):
            p = _weights(blocks.rows(q, queries), k[:, keys], bias, blocks.scale)
            out[:, queries] = blocks.heads(torch.bmm(p, v[:, keys]))
        ctx.save_for_backward(q, k, v)
        ctx.blocks = blocks
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v = ctx.saved_tensors
        blocks: Blocks = ctx.blocks
        g_q, g_k, g_v = torch.empty_like(q), torch.zeros_like(k), torch.zeros_like(v)
        for queries, keys, bias in blocks.each(q):
            q_b, g_b, k_b, v_b = blocks.rows(q, queries), blocks.rows(g, queries), k[:, keys], v[:, keys]
            p = _weights(q_b, k_b, bias, blocks.scale)
            g_v[:, keys].baddbmm_(p.mT, g_b)
            g_s = torch.ops.aten._softmax_backward_data(torch.bmm(g_b, v_b.mT), p, -1, p.dtype)
            g_q[:, queries] = blocks.heads(torch.bmm(g_s, k_b)).mul_(blocks.scale)
            g_k[:, keys].baddbmm_(g_s.mT, q_b, alpha=blocks.scale)
        return g_q, g_k, g_v, None
