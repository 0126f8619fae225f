"""The decays inside chunks and between them, for all pieces: float64 sums, so that a small difference of two large
ones is right.

Axes: G key-value heads, T tokens, M chunks, C tokens of a chunk, P pieces of at most B chunks, n chunks of a piece;
N = n for each of some heads (or 1: the same for all), Q = repeats * C query rows of a key-value head, e value size
(or 1).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from rlhf.attention.decay.plan import Piece, Plan


FLOOR = -60.0
"""Log of a decay that is nothing: beside what is near it is beyond float32, and subnormal numbers are slow."""


def decays(log: Tensor, dtype: torch.dtype) -> Tensor:
    """exp of float64 logs."""
    floor = FLOOR if dtype is torch.float32 else 10 * FLOOR
    return log.to(dtype).exp().masked_fill_(log < floor, 0)


@dataclass(frozen=True, slots=True)
class Factors:
    """Of a piece and some heads.

    rise_NQe: decay since the chunk's start. fall_NCe: until its end. inside_NQC: between two of its tokens, 0 above
    the diagonal. end_Gn: over each chunk.
    forth, back [G, n + 1, n + 1]: place 0 is the state before the first chunk, i + 1 that after chunk i. What each
    is of an addition to another, and the same of gradients, backwards; 0 between sequences.
    """

    rise_NQe: Tensor
    fall_NCe: Tensor
    inside_NQC: Tensor
    end_Gn: Tensor
    forth: Tensor
    back: Tensor


class FactorTable:
    """log: log-decays [G], the same for all tokens, or [G, T]."""

    def __init__(self, log: Tensor, plan: Plan, repeats: int, value: int, dtype: torch.dtype) -> None:
        self.plan, self.repeats, self.value, self.dtype = plan, repeats, value, dtype
        self.constant = log.ndim == 1
        log_GT = log.to(torch.float64)
        if self.constant:
            self.same_G1C = log_GT[:, None, None].expand(-1, 1, plan.size).cumsum(-1)
            log_GT = log_GT[:, None].expand(-1, plan.total)
        self.sum_GMC = plan.split(log_GT).cumsum(-1)
        self.end_GM = decays(self.sum_GMC[..., -1], dtype)
        self.forth, self.back = self._between_chunks()
        self._shared: dict[tuple[int, int], tuple[Tensor, Tensor, Tensor]] = {}

    def _between_chunks(self) -> tuple[Tensor, Tensor]:
        """Two of [G, P, B + 1, B + 1]; the last piece may have fewer than B."""
        plan, whole_GM = self.plan, self.sum_GMC[..., -1]
        missing = len(plan.pieces) * plan.most - plan.count
        at = pad(pad(whole_GM, (0, missing)).unflatten(1, (-1, plan.most)).cumsum(-1), (1, 0))
        decay = decays(at[..., :, None] - at[..., None, :], self.dtype).tril_()
        if plan.sequences == 1:
            return decay, decay.mT
        sequence_PB = pad(plan.sequence_M, (0, missing), value=plan.sequences - 1).unflatten(0, (-1, plan.most))
        after = torch.cat([sequence_PB[:, :1], sequence_PB], 1)
        before = torch.cat([sequence_PB, sequence_PB[:, -1:]], 1)
        forth = decay.masked_fill(after[:, :, None] != after[:, None, :], 0)
        return forth, decay.mT.masked_fill(before[:, :, None] != before[:, None, :], 0)

    def of(self, piece: Piece, heads: slice) -> Factors:
        rise, fall, inside = self._shared_within(piece, heads) if self.constant else self._within(piece, heads)
        places = slice(0, piece.count + 1)
        return Factors(
            rise,
            fall,
            inside,
            self.end_GM[heads, piece.chunks],
            self.forth[heads, piece.number, places, places],
            self.back[heads, piece.number, places, places],
        )

    def _within(self, piece: Piece, heads: slice) -> tuple[Tensor, Tensor, Tensor]:
        sum_NC = self.sum_GMC[heads, piece.chunks].flatten(0, 1)
        rise_NC = decays(sum_NC, self.dtype)
        inside_NCC = decays(sum_NC[:, :, None] - sum_NC[:, None, :], self.dtype).tril_()
        if self.repeats > 1:
            rise_NC, inside_NCC = rise_NC.repeat(1, self.repeats), inside_NCC.repeat(1, self.repeats, 1)
        return rise_NC[..., None], self._fall(sum_NC), inside_NCC

    def _fall(self, sum_NC: Tensor) -> Tensor:
        return decays(sum_NC[:, -1:] - sum_NC, self.dtype)[..., None]

    def _shared_within(self, piece: Piece, heads: slice) -> tuple[Tensor, Tensor, Tensor]:
        """Of a constant decay the same for all pieces, but for the fall in chunks that are not full."""
        known = heads.start, piece.count
        if known not in self._shared:
            sum_G1C = self.same_G1C[heads]
            if sum_G1C.shape[0] > 1:
                sum_G1C = sum_G1C.expand(-1, piece.count, -1)
            sum_NC = sum_G1C.flatten(0, 1)
            rise_NC = decays(sum_NC, self.dtype).repeat(1, self.repeats)
            inside_NCC = decays(sum_NC[:, :, None] - sum_NC[:, None, :], self.dtype).tril_()
            # written out for every channel: to broadcast along the last axis is five times as slow
            rise, fall = (x.expand(-1, -1, self.value).contiguous() for x in (rise_NC[..., None], self._fall(sum_NC)))
            self._shared[known] = rise, fall, inside_NCC.repeat(1, self.repeats, 1)
        rise, fall, inside = self._shared[known]
        if piece.place_t is not None:
            fall = self._fall(self.sum_GMC[heads, piece.chunks].flatten(0, 1))
        return rise, fall, inside
