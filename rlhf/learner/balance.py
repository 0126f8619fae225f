"""Shares of near-equal cost: the largest-differencing method of Karmarkar and Karp (1982)."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

Share = tuple[int, list[int]]  # cost, items


def partition(costs: Sequence[int], shares: int, equal_counts: bool = False) -> list[list[int]]:
    """Indices of `costs` in `shares` lists, the dearest first; with equal_counts as many items in each.

    Ties are broken by position, so that every rank finds the same plan. ValueError where the counts cannot be equal.
    """
    heap = [(-(entry[0][0] - entry[-1][0]), i, entry) for i, entry in enumerate(_entries(costs, shares, equal_counts))]
    heapq.heapify(heap)
    serial = len(costs)
    while len(heap) > 1:
        _, _, a = heapq.heappop(heap)
        _, _, b = heapq.heappop(heap)
        # The dearest share of one meets the cheapest of the other, which cancels their differences.
        merged = [(x + y, left + right) for (x, left), (y, right) in zip(a, reversed(b), strict=True)]
        merged.sort(key=lambda share: -share[0])
        heapq.heappush(heap, (merged[-1][0] - merged[0][0], serial, merged))
        serial += 1
    return [sorted(items) for _, items in heap[0][2]]


def _entries(costs: Sequence[int], shares: int, equal_counts: bool) -> list[list[Share]]:
    """Partial partitions to merge: an item each, or `shares` items of similar cost each."""
    if not equal_counts:
        return [[(cost, [i]), *((0, []) for _ in range(shares - 1))] for i, cost in enumerate(costs)]
    if len(costs) % shares:
        raise ValueError(f"{len(costs)} items cannot be shared out evenly among {shares}")
    order = sorted(range(len(costs)), key=lambda i: (-costs[i], i))
    return [[(costs[i], [i]) for i in order[k : k + shares]] for k in range(0, len(order), shares)]
