"""Which earlier blocks a query sees."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from rlhf.attention.contract import repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.block_sparse.extras import BlockSparseExtras

QUERIES = 1024
"""Queries scored at a time: the scores of all were quadratic in memory."""


@torch.no_grad()
def choose_blocks(q_HTd: Tensor, k_GTd: Tensor, extras: BlockSparseExtras, cu_seqlens: CuSeqlens) -> Tensor:
    """[H, T, topk] int64: the blocks with the highest q . mean(k) among the completed ones before the query's own.

    Counted from the sequence's start, the best first, of equal ones the earliest; -1: there is none left.
    """
    if extras.chosen_HTk is not None:
        return _checked(extras.chosen_HTk, q_HTd.shape[0], extras, cu_seqlens)
    q, k = working(q_HTd, k_GTd)
    chosen_HTk = q.new_full((*q.shape[:2], extras.topk), -1, dtype=torch.int64)
    for span in cu_seqlens.spans():
        complete = (span.stop - span.start - 1) // extras.block
        if not complete:
            continue
        k_GLd = k[:, span.start : span.start + complete * extras.block]
        mean_HBd = repeat_heads(k_GLd.unflatten(1, (complete, extras.block)).mean(2), q.shape[0])
        for first, last in _ranges(extras.block, span.stop - span.start):
            before_L = torch.arange(first, last, device=q.device) // extras.block
            blocks = (last - 1) // extras.block
            scores_HLB = q[:, span.start + first : span.start + last] @ mean_HBd[:, :blocks].mT
            scores_HLB.masked_fill_(torch.arange(blocks, device=q.device) >= before_L[:, None], -torch.inf)
            chosen_HTk[:, span.start + first : span.start + last] = best(scores_HLB, extras.topk)
    return chosen_HTk


def best(scores_HLB: Tensor, count: int) -> Tensor:
    """[H, L, count]: places of the highest scores, of equal ones the first; -1 where only -inf is left. Changes scores.

    Rounds of `max`, not `topk`, which says nothing of equal scores.
    """
    found = scores_HLB.new_full((*scores_HLB.shape[:2], count), -1, dtype=torch.int64)
    for i in range(min(count, scores_HLB.shape[-1])):
        score, place = scores_HLB.max(-1)
        found[..., i] = place.masked_fill_(score == -torch.inf, -1)
        scores_HLB.scatter_(-1, place.clamp_min(0)[..., None], -torch.inf)
    return found


def _ranges(first: int, length: int) -> Iterator[tuple[int, int]]:
    for start in range(first, length, QUERIES):
        yield start, min(start + QUERIES, length)


def _checked(chosen_HTk: Tensor, heads: int, extras: BlockSparseExtras, cu_seqlens: CuSeqlens) -> Tensor:
    """A choice made elsewhere: refused where it would show a query the future or a block twice."""
    if chosen_HTk.shape[:2] != (heads, cu_seqlens.total) or chosen_HTk.ndim != 3:
        raise ValueError(
            f"chosen blocks are [H, T, k] = [{heads}, {cu_seqlens.total}, k]; found {list(chosen_HTk.shape)}"
        )
    own_T = torch.cat([torch.arange(n, device=chosen_HTk.device) // extras.block for n in cu_seqlens.lengths])
    if bool(((chosen_HTk >= own_T[:, None]) | (chosen_HTk < -1)).any()):
        raise ValueError("chosen blocks lie before the query's own one, or are -1 for none")
    in_order = chosen_HTk.sort(-1).values
    if bool(((in_order[..., 1:] == in_order[..., :-1]) & (in_order[..., 1:] >= 0)).any()):
        raise ValueError("a query names a chosen block once")
    return chosen_HTk
