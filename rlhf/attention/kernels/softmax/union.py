"""One softmax over keys that several parts see, each part with tiles and an order of tokens of its own.

The parts' answers are merged by the sums of their weights; the backward goes through every part with the sums over all
keys, so nothing but q, k, v, the output and those sums is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any, Protocol

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.softmax.tiles import Group, attend, attend_backward


class Part(Protocol):
    """Keys that a query sees; a key that two parts see counts twice.

    `queries` and `keys` bring packed tokens to tiles and blocks; `queries_back` and `keys_back` are their transposes,
    which bring gradients back. A place in a tile that is no token's gets zeros or, in `log_sums`, +inf.
    """

    @property
    def groups(self) -> Sequence[Group]: ...

    def queries(self, x_HTd: Tensor) -> Tensor:
        """[G, n, A, d]."""
        ...

    def queries_back(self, x_GnAd: Tensor) -> Tensor:
        """[H, T, d]."""
        ...

    def keys(self, x_GTd: Tensor) -> Tensor:
        """[G, m, B, d]."""
        ...

    def keys_back(self, x_GmBd: Tensor) -> Tensor:
        """[G, T, d]."""
        ...

    def log_sums(self, lse_HT1: Tensor) -> Tensor:
        """[G, n, A, 1]."""
        ...

    def answers(self, out_GnAe: Tensor, lse_GnA1: Tensor) -> list[tuple[Tensor, Tensor]]:
        """(out [H, T, e], log2 of the sum of exp2(score) [H, T, 1]) over disjoint keys; 0 and -inf for none."""
        ...


@dataclass(frozen=True, slots=True)
class Chunks:
    """The part whose tiles and blocks are the chunks of a layout; the heads of one key-value head share a tile."""

    layout: ChunkLayout
    heads: int
    kv_heads: int
    groups: Sequence[Group]

    def queries(self, x_HTd: Tensor) -> Tensor:
        return fold(self.layout.split(x_HTd), self.kv_heads)

    def queries_back(self, x_GnAd: Tensor) -> Tensor:
        return self.layout.join(unfold(x_GnAd, self.heads))

    def keys(self, x_GTd: Tensor) -> Tensor:
        return self.layout.split(x_GTd)

    def keys_back(self, x_GmBd: Tensor) -> Tensor:
        return self.layout.join(x_GmBd)

    def log_sums(self, lse_HT1: Tensor) -> Tensor:
        """Zeros do where no token is: its query and gradient are zero, so every product with its weights is."""
        return self.queries(lse_HT1)

    def answers(self, out_GnAe: Tensor, lse_GnA1: Tensor) -> list[tuple[Tensor, Tensor]]:
        return [(self.queries_back(out_GnAe), self.queries_back(lse_GnA1))]


def attend_union(q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, parts: Sequence[Part]) -> Tensor:
    """softmax(q . k / sqrt(d)) over the keys of all parts, times v. Every query sees something in the first part."""
    return _Union.apply(q_HTd, k_GTd, v_GTe, tuple(parts))


class _Union(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor, parts: tuple[Part, ...]) -> Tensor:
        answers = []
        for part in parts:
            answers += part.answers(*attend(part.queries(q), part.keys(k), part.keys(v), part.groups))
        out, lse = merge(answers)
        ctx.save_for_backward(q, k, v, out, lse)
        ctx.parts = parts
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, out, lse = ctx.saved_tensors
        (g_out,) = gradients
        along = (g_out * out).sum(-1, keepdim=True)
        totals: list[Tensor] | None = None
        for part in ctx.parts:
            g_q, g_k, g_v = attend_backward(
                part.queries(q),
                part.keys(k),
                part.keys(v),
                part.log_sums(lse),
                part.queries(g_out),
                part.queries(along),
                part.groups,
            )
            found = [part.queries_back(g_q), part.keys_back(g_k), part.keys_back(g_v)]
            totals = found if totals is None else [a.add_(b) for a, b in zip(totals, found, strict=True)]
        assert totals is not None
        return *totals, None


def merge(answers: Sequence[tuple[Tensor, Tensor]]) -> tuple[Tensor, Tensor]:
    """The answer over all keys from those over disjoint ones."""
    out, lse = answers[0]
    if len(answers) == 1:
        return out, lse
    total = reduce(torch.logaddexp2, (each for _, each in answers))
    out = out * (lse - total).exp2_()
    for other, its in answers[1:]:
        out.addcmul_(other, (its - total).exp2_())
    return out, total
