"""The spans of a packed axis as levels: what a recurrent kernel must run before what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.levels import Level

_Range = tuple[int, int]  # start, length


@dataclass(frozen=True, slots=True)
class Span:
    """Tokens [start, start + length) whose keys are those of the ranges (start, length) before, then their own."""

    start: int
    length: int
    before: tuple[tuple[int, int], ...] = ()

    @property
    def prefix(self) -> int:
        return sum(length for _, length in self.before)

    def tokens(self) -> Tensor:
        """Places on the packed axis of everything that it attends to, in order."""
        ranges = (*self.before, (self.start, self.length))
        return torch.cat([torch.arange(start, start + length) for start, length in ranges])


def span_levels(spans: Sequence[Span]) -> tuple[Level, ...]:
    """Every token is in one level. A span that others branch off from is cut where they do.

    Raises ValueError for spans that branch off at several places of one span: layouts here do not.
    """
    parents = _parents(spans)
    depth: dict[_Range, int] = {}

    def depth_of(node: _Range) -> int:
        if node not in depth:
            parent = parents[node]
            depth[node] = 0 if parent is None else 1 + depth_of(parent)
        return depth[node]

    by_depth: list[list[_Range]] = []
    for node in sorted(parents):
        level = depth_of(node)
        by_depth.extend([] for _ in range(level + 1 - len(by_depth)))
        by_depth[level].append(node)
    levels = []
    for d, nodes in enumerate(by_depth):
        places = {node: i for i, node in enumerate(by_depth[d - 1])} if d else {}
        above = [parents[node] for node in nodes]
        parent_S = torch.tensor([places[p] for p in above if p is not None]) if d else None
        cu_seqlens = CuSeqlens.of_lengths([length for _, length in nodes])
        if len(by_depth) == 1:
            return (Level(cu_seqlens),)
        index_T = torch.cat([torch.arange(start, start + length) for start, length in nodes])
        levels.append(Level(cu_seqlens, index_T, parent_S))
    return tuple(levels)


def _parents(spans: Sequence[Span]) -> dict[_Range, _Range | None]:
    """Each piece that is run at once, and the piece that it goes on from."""
    parents: dict[_Range, _Range | None] = {}
    for span in spans:
        for i, node in enumerate(span.before):
            parents[node] = span.before[i - 1] if i else None
    branching = dict(parents.keys())
    if len(branching) != len(parents):
        raise ValueError("spans branch off at several places of one span")
    for span in spans:
        cut = branching.get(span.start)
        if cut is None or cut == span.length:
            parents.setdefault((span.start, span.length), span.before[-1] if span.before else None)
        else:
            parents[(span.start + cut, span.length - cut)] = (span.start, cut)
    return parents
