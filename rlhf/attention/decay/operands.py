"""The operands of a piece, for a few key-value heads at a time, and where results go.

Axes: H query heads, G key-value heads (or those at hand), T packed tokens, d key size, e value size; N = G * n chunks
of a piece, C tokens of a chunk, Q = H // G * C query rows.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay.factors import Factors, factors
from rlhf.attention.decay.plan import Piece, cut
from rlhf.attention.grouped import fold, unfold

CACHED = 1 << 16
"""Elements that an operand of a piece may have on a CPU: about ten are in use at a time, 256 KiB each."""
ON_GPU = 64
"""Chunks of a piece on a GPU, for all heads at once."""


class Operands:
    def __init__(self, q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, log: Tensor, cu: CuSeqlens, chunk: int) -> None:
        """log: [G] of every token or [G, T]."""
        self.q, self.k, self.v, self.log = q_HTd, k_GTd, v_GTe, log
        self.dtype = torch.float64 if q_HTd.dtype is torch.float64 else torch.float32
        self.groups, self.repeats, self.chunk = k_GTd.shape[0], q_HTd.shape[0] // k_GTd.shape[0], chunk
        self.key, self.value = k_GTd.shape[2], v_GTe.shape[2]
        on_cpu = q_HTd.device.type == "cpu"
        largest = max(self.repeats * chunk * max(chunk, self.key, self.value), self.key * self.value)
        most = max(1, CACHED // largest) if on_cpu else ON_GPU
        self.pieces = cut(cu.lengths, chunk, most, q_HTd.device)
        together = max(1, most // sum(p.count for p in self.pieces)) if on_cpu else self.groups
        self.head_ranges = [slice(g, min(g + together, self.groups)) for g in range(0, self.groups, together)]
        self._shared: dict[tuple[int, int], Factors] = {}

    def take_queries(self, x_HT: Tensor, piece: Piece, heads: slice) -> Tensor:
        """[H, T, d] -> [N, Q, d]."""
        part = x_HT[heads.start * self.repeats : heads.stop * self.repeats]
        return fold(piece.take(part, self.dtype), heads.stop - heads.start).flatten(0, 1)

    def take_keys(self, x_GT: Tensor, piece: Piece, heads: slice) -> Tensor:
        """[G, T, d] -> [N, C, d]."""
        return piece.take(x_GT[heads], self.dtype).flatten(0, 1)

    def put_queries(self, x_NQe: Tensor, piece: Piece, heads: slice, into_HT: Tensor) -> None:
        groups = heads.stop - heads.start
        part = unfold(x_NQe.unflatten(0, (groups, -1)), groups * self.repeats)
        piece.put(part, into_HT[heads.start * self.repeats : heads.stop * self.repeats])

    def put_keys(self, x_NCe: Tensor, piece: Piece, heads: slice, into_GT: Tensor) -> None:
        piece.put(x_NCe.unflatten(0, (heads.stop - heads.start, -1)), into_GT[heads])

    def factors(self, piece: Piece, heads: slice) -> Factors:
        """Those of a constant decay are the same for all pieces of full chunks of one sequence, and made once."""
        if self.log.ndim == 2:
            return factors(piece.take(self.log[heads], torch.float64), piece, self.repeats, self.dtype)
        log_G = self.log[heads].to(torch.float64)
        if piece.place_t is not None or piece.apart_nn is not None:
            log_Gt = log_G[:, None].expand(-1, piece.tokens.stop)
            return factors(piece.take(log_Gt, torch.float64), piece, self.repeats, self.dtype)
        known = heads.start, piece.count
        if known not in self._shared:
            log_GnC = log_G[:, None, None].expand(-1, 1, self.chunk)
            self._shared[known] = factors(log_GnC, piece, self.repeats, self.dtype).spread(self.value)
        return self._shared[known]
