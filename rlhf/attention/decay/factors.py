"""The decays inside chunks and between them, for all pieces: float64 sums, so that a small difference of two large
ones is right.

Axes: G key-value heads, T tokens, M chunks, C tokens of a chunk, P pieces of at most B chunks, n chunks of a piece;
N = n for each of some heads (or 1: the same for all), Q = repeats * C query rows of a key-value head, e value size
(or 1).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import pad, threshold

from rlhf.attention.decay.plan import Piece, Plan

FLOOR = 1e-26
"""A decay below it is nothing: beside what is near it is beyond float32, and subnormal numbers are slow."""


def decays(log: Tensor, dtype: torch.dtype) -> Tensor:
    """exp of float64 logs."""
    return threshold(log.to(dtype).exp(), FLOOR if dtype is torch.float32 else 0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Factors:
    """Of a piece and some heads.

    rise_NQe: decay since the chunk's start. fall_NCe: until its end. inside_NQC: between two of its tokens, 0 above
    the diagonal. end_Gn: over each chunk.
    between [G, n + 1, n + 1]: from the end of one chunk to that of a later one; place 0 is the start of the first. Of
    use where the piece holds one sequence.
    """

    rise_NQe: Tensor
    fall_NCe: Tensor
    inside_NQC: Tensor
    end_Gn: Tensor
    between: Tensor


class FactorTable:
    """Of all pieces and heads. log: log-decays [G], the same for all tokens, or [G, T]. scale: of the queries, put into
    the factors that they meet."""

    def __init__(self, log: Tensor, scale: float, plan: Plan, repeats: int, value: int, dtype: torch.dtype) -> None:
        self.scale, self.plan, self.repeats, self.value, self.dtype = scale, plan, repeats, value, dtype
        self.log = log.to(torch.float64)
        self.constant = log.ndim == 1
        self._shared: dict[tuple[int, int], Factors] = {}
        self._same_between: dict[int, tuple[Tensor, Tensor]] = {}

    @cached_property
    def sum_GMC(self) -> Tensor:
        """Running sums within each chunk, float64."""
        log_GT = self.log[:, None].expand(-1, self.plan.total) if self.constant else self.log
        return self.plan.split(log_GT).cumsum(-1)

    def of(self, piece: Piece, heads: slice) -> Factors:
        same = self._same(heads, piece.count) if self.constant else None
        if same is not None and piece.place_t is None and not piece.turns:
            return same
        sum_GnC = self.sum_GMC[heads, piece.chunks]
        sum_NC = sum_GnC.flatten(0, 1)
        return Factors(
            rise_NQe=self._rise(sum_NC) if same is None else same.rise_NQe,
            fall_NCe=self._fall(sum_NC),
            inside_NQC=self._inside(sum_NC) if same is None else same.inside_NQC,
            end_Gn=decays(sum_GnC[..., -1], self.dtype),
            between=self._between[heads, piece.number, : piece.count + 1, : piece.count + 1],
        )

    def _same(self, heads: slice, count: int) -> Factors:
        """Of a constant decay, for pieces of this many full chunks of one sequence."""
        known = heads.start, count
        if known not in self._shared:
            if count not in self._same_between:
                whole_Gn = self._same_sum_GC[:, -1:].expand(-1, count)
                self._same_between[count] = decays(whole_Gn, self.dtype), self._decays_between(whole_Gn)
            within, between = ([x[heads] for x in xs] for xs in (self._same_within, self._same_between[count]))
            if within[0].shape[0] > 1:  # one head broadcasts over its chunks
                within = [x.repeat_interleave(count, 0) for x in within]
            self._shared[known] = Factors(*within, *between)
        return self._shared[known]

    @cached_property
    def _same_sum_GC(self) -> Tensor:
        return self.log[:, None] * torch.arange(1, self.plan.size + 1, device=self.log.device)

    @cached_property
    def _same_within(self) -> tuple[Tensor, Tensor, Tensor]:
        """rise, fall [G, Q or C, e], inside [G, Q, C]. Written out along e: to broadcast there is slow."""
        sum_GC = self._same_sum_GC
        rise, fall = (x.expand(-1, -1, self.value).contiguous() for x in (self._rise(sum_GC), self._fall(sum_GC)))
        return rise, fall, self._inside(sum_GC)

    def _rise(self, sum_NC: Tensor) -> Tensor:
        return (decays(sum_NC, self.dtype) * self.scale).repeat(1, self.repeats)[..., None]

    def _fall(self, sum_NC: Tensor) -> Tensor:
        return decays(sum_NC[:, -1:] - sum_NC, self.dtype)[..., None]

    def _inside(self, sum_NC: Tensor) -> Tensor:
        inside_NCC = decays(sum_NC[:, :, None] - sum_NC[:, None, :], self.dtype).tril_() * self.scale
        return inside_NCC.repeat(1, self.repeats, 1) if self.repeats > 1 else inside_NCC

    def _decays_between(self, whole_GPn: Tensor) -> Tensor:
        """[..., n] -> [..., n + 1, n + 1]."""
        at = pad(whole_GPn.cumsum(-1), (1, 0))
        return decays(at[..., :, None] - at[..., None, :], self.dtype).tril_()

    @cached_property
    def _between(self) -> Tensor:
        """[G, P, B + 1, B + 1]; the last piece may have fewer than B chunks."""
        plan = self.plan
        missing = len(plan.pieces) * plan.most - plan.count
        return self._decays_between(pad(self.sum_GMC[..., -1], (0, missing)).unflatten(1, (-1, plan.most)))
