"""Packed sequences cut into chunks of equal size: [N, T, ...] <-> [N, M, C, ...], each sequence from its own start.

Chunks lie in waves: the first chunk of every sequence, the second of every sequence that has one, and so on, with the
sequences ordered by length, the longest first. So the sequences of a wave are the first ones of the wave before it,
and a recurrence over chunks takes as many steps as the longest sequence has chunks, each over a slice.

Axes: N any leading axis (heads), T packed tokens, M chunks, C tokens of a chunk, S sequences.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad


@dataclass(frozen=True, slots=True)
class ChunkLayout:
    """size: C. waves: chunks of each wave, never rising. order_S: sequence at each place of the first wave; rank_S its
    inverse. lengths_M: tokens of each chunk (C but for a sequence's last). padded: whether any chunk is not full.

    sequence_M: sequence of each chunk. index: token of each of the M * C places (a place beyond the sequence's end
    repeats its last token). place_T: place of each token. All three None where there is one sequence.
    """

    size: int
    total: int
    waves: tuple[int, ...]
    order_S: Tensor
    rank_S: Tensor
    sequence_M: Tensor
    lengths_M: Tensor
    valid_MC: Tensor
    padded: bool
    index: Tensor | None
    place_T: Tensor | None

    @property
    def count(self) -> int:
        """M."""
        return self.lengths_M.shape[0]

    def split(self, x_NT: Tensor) -> Tensor:
        """[N, T, ...] -> [N, M, C, ...], zero beyond a sequence's end; a view where nothing must move."""
        if self.index is None:
            if self.padded:
                behind = [0, 0] * (x_NT.ndim - 2)
                x_NT = pad(x_NT, (*behind, 0, self.count * self.size - self.total))
            return x_NT.reshape(x_NT.shape[0], self.count, self.size, *x_NT.shape[2:])
        chunks = x_NT.index_select(1, self.index).view(x_NT.shape[0], self.count, self.size, *x_NT.shape[2:])
        if not self.padded:
            return chunks
        beyond_MC = ~self.valid_MC
        return chunks.masked_fill(beyond_MC.view(1, *beyond_MC.shape, *(1,) * (x_NT.ndim - 2)), 0)

    def join(self, x_NMC: Tensor) -> Tensor:
        """[N, M, C, ...] -> [N, T, ...]; what lies beyond a sequence's end is left out."""
        flat = x_NMC.reshape(x_NMC.shape[0], self.count * self.size, *x_NMC.shape[3:])
        if self.place_T is None:
            return flat[:, : self.total] if self.padded else flat
        return flat.index_select(1, self.place_T)


def lay_out(lengths: Sequence[int], size: int, device: torch.device | str) -> ChunkLayout:
    """lengths: of the packed sequences, in order, each at least 1."""
    length_S = np.asarray(lengths)
    order_S = np.argsort(-length_S, kind="stable")
    chunks_S = -(-length_S[order_S] // size)
    waves = [int((chunks_S > w).sum()) for w in range(int(chunks_S[0]))]
    rank_M = np.concatenate([np.arange(n) for n in waves])
    wave_M = np.repeat(np.arange(len(waves)), waves)
    sequence_M = order_S[rank_M]
    in_chunk_M = np.minimum(length_S[sequence_M] - wave_M * size, size)
    offset_S = np.asarray([0, *accumulate(lengths)])[:-1]
    within_MC = np.minimum(np.arange(size)[None], in_chunk_M[:, None] - 1)
    index_MC = offset_S[sequence_M][:, None] + wave_M[:, None] * size + within_MC
    valid_MC = np.arange(size)[None] < in_chunk_M[:, None]
    place_T = np.empty(int(length_S.sum()), np.int64)
    place_T[index_MC[valid_MC]] = np.flatnonzero(valid_MC.reshape(-1))
    single = len(lengths) == 1

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)

    return ChunkLayout(
        size=size,
        total=int(length_S.sum()),
        waves=tuple(waves),
        order_S=tensor(order_S),
        rank_S=tensor(np.argsort(order_S)),
        sequence_M=tensor(sequence_M),
        lengths_M=tensor(in_chunk_M),
        valid_MC=tensor(valid_MC),
        padded=not bool(valid_MC.all()),
        index=None if single else tensor(index_MC.reshape(-1)),
        place_T=None if single else tensor(place_T),
    )
