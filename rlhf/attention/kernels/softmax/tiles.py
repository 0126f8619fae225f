"""Softmax attention of tiles of queries over blocks of keys, and how the answers over disjoint keys are merged.

Each tile of queries attends to a few blocks of keys under a mask that many tiles share. Scores exist for a slab of
tiles at a time and are computed again in the backward (as in FlashAttention, arXiv 2205.14135, section 3.1), so memory
is linear in queries and keys.

Axes: G key-value heads, n tiles, A queries of a tile, m blocks, B keys of a block, K = b * B keys that a tile sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import torch
from torch import Tensor

SLAB = {"cpu": 2**18}
SLAB_ELSEWHERE = 2**26
"""Scores that exist at a time: on a CPU what its second-level cache holds, on a GPU what keeps it busy."""


@dataclass(frozen=True, slots=True)
class Group:
    """Tiles [first, last) under one mask. The groups of a call follow one another and leave no tile out.

    blocks_nb: the key blocks of each tile; None: the one block that has the tile's own number.
    bias_AK: 0 where a key is seen, -inf where not; None: everything is.
    """

    first: int
    last: int
    blocks_nb: Tensor | None
    bias_AK: Tensor | None

    def slabs(self, scores: int, device: torch.device) -> Iterator[tuple[int, int]]:
        """Ranges of tiles. scores: of one tile."""
        tiles = max(1, SLAB.get(device.type, SLAB_ELSEWHERE) // scores)
        for first in range(self.first, self.last, tiles):
            yield first, min(first + tiles, self.last)

    def index(self, first: int, last: int) -> Tensor | None:
        """Key blocks of the tiles [first, last), one tile after the other."""
        return None if self.blocks_nb is None else self.blocks_nb[first - self.first : last - self.first].reshape(-1)

    def scores(self, queries: int, block: int) -> int:
        """A * K."""
        return queries * block * (1 if self.blocks_nb is None else self.blocks_nb.shape[1])


def attend(q_GnAd: Tensor, k_GmBd: Tensor, v_GmBe: Tensor, groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
    """(out [G, n, A, e], log-sum-exp of each query's scores [G, n, A]; 0 and -inf where it sees nothing)."""
    return _Tiles.apply(q_GnAd, k_GmBd, v_GmBe, tuple(groups))


def merge(outs: Sequence[Tensor], lses: Sequence[Tensor]) -> Tensor:
    """Softmax over disjoint sets of keys from the answers over each, [..., e] and [...]; the first sees something."""
    weights = torch.stack(list(lses)).softmax(0)
    total = outs[0] * weights[0, ..., None]
    for out, weight in zip(outs[1:], weights[1:], strict=True):
        total = torch.addcmul(total, out, weight[..., None])
    return total


class _Tiles(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, groups: tuple[Group, ...]) -> tuple[Tensor, Tensor]:
        heads, tiles, queries, _ = q.shape
        out, lse = q.new_empty(heads, tiles, queries, v.shape[-1]), q.new_empty(heads, tiles, queries)
        for g, group, first, last in _slabs(q, k, groups):
            rows, blocks = slice(first, last), group.index(first, last)
            scores = _scores(q[g, rows], _take(k[g], rows, blocks), group.bias_AK)
            # A query that sees nothing has only -inf: the bound keeps -inf - (-inf) away.
            peak = scores.amax(-1, keepdim=True).clamp_min_(torch.finfo(q.dtype).min)
            weights = scores.sub_(peak).exp_()
            total = weights.sum(-1, keepdim=True)
            # At least 1, that of the peak, unless nothing is seen.
            torch.div(weights @ _take(v[g], rows, blocks), total.clamp_min(1), out=out[g, rows])
            torch.add(peak.squeeze(-1), total.log_().squeeze(-1), out=lse[g, rows])
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.groups = groups
        return out, lse

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, out, lse = ctx.saved_tensors
        g_out, g_lse = gradients
        scale = 1 / sqrt(q.shape[-1])
        g_q, g_k, g_v = torch.empty_like(q, memory_format=torch.contiguous_format), _zeros(k), _zeros(v)
        shift = (g_lse - (g_out * out).sum(-1)).unsqueeze(-1)
        seen = lse.masked_fill(lse == -torch.inf, 0).unsqueeze(-1)
        for g, group, first, last in _slabs(q, k, ctx.groups):
            rows, blocks = slice(first, last), group.index(first, last)
            keys, values = _take(k[g], rows, blocks), _take(v[g], rows, blocks)
            weights = _scores(q[g, rows], keys, group.bias_AK).sub_(seen[g, rows]).exp_()
            _add(g_v[g], rows, blocks, weights.mT @ g_out[g, rows])
            # d score = weight * (g_out . v - g_out . out + g_lse)
            g_scores = torch.baddbmm(shift[g, rows], g_out[g, rows], values.mT).mul_(weights).mul_(scale)
            torch.bmm(g_scores, keys, out=g_q[g, rows])
            _add(g_k[g], rows, blocks, g_scores.mT @ q[g, rows])
        return g_q, g_k, g_v, None


def _slabs(q: Tensor, k: Tensor, groups: tuple[Group, ...]) -> Iterator[tuple[int, Group, int, int]]:
    for g in range(q.shape[0]):
        for group in groups:
            for first, last in group.slabs(group.scores(q.shape[2], k.shape[2]), q.device):
                yield g, group, first, last


def _scores(q_nAd: Tensor, k_nKd: Tensor, bias_AK: Tensor | None) -> Tensor:
    scale = 1 / sqrt(q_nAd.shape[-1])
    if bias_AK is None:
        return torch.bmm(q_nAd, k_nKd.mT).mul_(scale)
    return torch.baddbmm(bias_AK, q_nAd, k_nKd.mT, alpha=scale)


def _take(x_mBd: Tensor, rows: slice, blocks: Tensor | None) -> Tensor:
    """[n, K, d]: of each tile the keys that it sees."""
    if blocks is None:
        return x_mBd[rows]
    return x_mBd.index_select(0, blocks).view(rows.stop - rows.start, -1, x_mBd.shape[-1])


def _add(total_mBd: Tensor, rows: slice, blocks: Tensor | None, part_nKd: Tensor) -> None:
    if blocks is None:
        total_mBd[rows] += part_nKd
    else:
        total_mBd.index_add_(0, blocks, part_nKd.view(-1, *total_mBd.shape[1:]))


def _zeros(x: Tensor) -> Tensor:
    return torch.zeros_like(x, memory_format=torch.contiguous_format)
