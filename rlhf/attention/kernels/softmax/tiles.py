"""Softmax attention of tiles of queries over blocks of keys, a slab of tiles at a time.

Each tile of queries attends to a few blocks of keys under a mask that many tiles share. Scores exist for one slab at a
time and are computed again in the backward (as in FlashAttention, arXiv 2205.14135, section 3.1), so memory is linear
in queries and keys, but for the masks: those of `strided` grow with the square of tokens / stride.

Scores are in units of log 2 and weights their exp2: on a CPU, torch.exp of -inf or of what underflows takes 30 to 100
times as long as of other values (float32, torch 2.13), exp2 does not.

Axes: G key-value heads, n tiles, A queries of a tile, m blocks, B keys of a block, K = b * B keys that a tile sees.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log, sqrt

import torch
from torch import Tensor

LOG2_E = 1 / log(2)

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

    def scores(self, queries: int, block: int) -> int:
        """A * K."""
        return queries * block * (1 if self.blocks_nb is None else self.blocks_nb.shape[1])


@dataclass(frozen=True, slots=True)
class _Slab:
    """Tiles `rows` of head g; blocks: the key blocks that they see, one tile after the other; None: `rows` too."""

    g: int
    rows: slice
    blocks: Tensor | None
    bias_AK: Tensor | None

    def take(self, x_GmBd: Tensor) -> Tensor:
        """[n, K, d]: of each tile the keys that it sees."""
        if self.blocks is None:
            return x_GmBd[self.g, self.rows]
        found = x_GmBd[self.g].index_select(0, self.blocks)
        return found.view(self.rows.stop - self.rows.start, -1, x_GmBd.shape[-1])

    def add(self, total_GmBd: Tensor, part_nKd: Tensor) -> None:
        """What `take` took, back."""
        if self.blocks is None:
            total_GmBd[self.g, self.rows] += part_nKd
        else:
            total_GmBd[self.g].index_add_(0, self.blocks, part_nKd.view(-1, *total_GmBd.shape[2:]))

    def scores(self, q_GnAd: Tensor, keys_nKd: Tensor) -> Tensor:
        """[n, A, K], log2(e) q . k / sqrt(d)."""
        q, scale = q_GnAd[self.g, self.rows], LOG2_E / sqrt(q_GnAd.shape[-1])
        if self.bias_AK is None:
            return torch.bmm(q, keys_nKd.mT).mul_(scale)
        return torch.baddbmm(self.bias_AK, q, keys_nKd.mT, alpha=scale)


def attend(q_GnAd: Tensor, k_GmBd: Tensor, v_GmBe: Tensor, groups: Sequence[Group]) -> tuple[Tensor, Tensor]:
    """(out [G, n, A, e], log2 of each query's sum of exp2(score) [G, n, A, 1]; 0 and -inf where it sees none)."""
    out, lse = q_GnAd.new_empty(*q_GnAd.shape[:3], v_GmBe.shape[-1]), q_GnAd.new_empty(*q_GnAd.shape[:3], 1)
    for slab in _slabs(q_GnAd, k_GmBd, groups):
        scores = slab.scores(q_GnAd, slab.take(k_GmBd))
        # A query that sees nothing has only -inf: the bound keeps -inf - (-inf) away.
        peak = scores.amax(-1, keepdim=True).clamp_min_(torch.finfo(scores.dtype).min)
        weights = scores.sub_(peak).exp2_()
        total = weights.sum(-1, keepdim=True)
        # At least 1, the weight of the peak, unless nothing is seen.
        torch.div(weights @ slab.take(v_GmBe), total.clamp_min(1), out=out[slab.g, slab.rows])
        torch.add(peak, total.log2_(), out=lse[slab.g, slab.rows])
    return out, lse


def attend_backward(
    q_GnAd: Tensor,
    k_GmBd: Tensor,
    v_GmBe: Tensor,
    lse_GnA1: Tensor,
    g_out_GnAe: Tensor,
    along_GnA1: Tensor,
    groups: Sequence[Group],
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of q, k, v where these tiles are a part of a softmax over more keys.

    lse: as `attend` gives it, but over all keys; finite or, for a query to leave out, +inf. g_out: gradient of the
    output over all keys; along: g_out . out. With weights p, the gradient of q . k is p (g_out . v - along) / sqrt(d).
    """
    scale = 1 / sqrt(q_GnAd.shape[-1])
    g_q = torch.empty_like(q_GnAd, memory_format=torch.contiguous_format)
    g_k, g_v = (torch.zeros_like(x, memory_format=torch.contiguous_format) for x in (k_GmBd, v_GmBe))
    for slab in _slabs(q_GnAd, k_GmBd, groups):
        tiles = (slab.g, slab.rows)
        keys, g_out = slab.take(k_GmBd), g_out_GnAe[tiles]
        weights = slab.scores(q_GnAd, keys).sub_(lse_GnA1[tiles]).exp2_()
        slab.add(g_v, weights.mT @ g_out)
        g_scores = torch.baddbmm(along_GnA1[tiles], g_out, slab.take(v_GmBe).mT, beta=-1).mul_(weights).mul_(scale)
        torch.bmm(g_scores, keys, out=g_q[tiles])
        slab.add(g_k, g_scores.mT @ q_GnAd[tiles])
    return g_q, g_k, g_v


def _slabs(q_GnAd: Tensor, k_GmBd: Tensor, groups: Sequence[Group]) -> Iterator[_Slab]:
    most = SLAB.get(q_GnAd.device.type, SLAB_ELSEWHERE)
    for g in range(q_GnAd.shape[0]):
        for group in groups:
            tiles = max(1, most // group.scores(q_GnAd.shape[2], k_GmBd.shape[2]))
            for first in range(group.first, group.last, tiles):
                last = min(first + tiles, group.last)
                nb = group.blocks_nb
                blocks = None if nb is None else nb[first - group.first : last - group.first].reshape(-1)
                yield _Slab(g, slice(first, last), blocks, group.bias_AK)
