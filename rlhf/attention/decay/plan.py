"""Packed sequences as a stream of chunks, cut into pieces that fit a cache.

Unlike in a ChunkLayout, chunks lie sequence after sequence, so a piece is a range of tokens: a view of the inputs,
unless a sequence ends in it with a chunk that is not full. A piece may hold several sequences, or a part of one.

Axes: N heads, T packed tokens, M chunks, n chunks of a piece, C tokens of a chunk, P pieces.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Piece:
    """tokens: on the packed axis. chunks: of the M.

    place_t: of each of its tokens among its n * C places; None: every chunk is full.
    opens, closes: the sequence that its first chunk begins, that its last chunk ends; None: it lies in between.
    turns: by chunk other than the first, the sequence that it begins; the one before ends with the chunk before.
    """

    number: int
    tokens: slice
    chunks: slice
    place_t: Tensor | None
    opens: int | None
    closes: int | None
    turns: Mapping[int, int]

    @property
    def count(self) -> int:
        """n."""
        return self.chunks.stop - self.chunks.start

    @property
    def places(self) -> slice:
        """Of its n + 1 states among those of all pieces, M + P."""
        return slice(self.chunks.start + self.number, self.chunks.stop + self.number + 1)


@dataclass(frozen=True, slots=True)
class Plan:
    """size: C. count: M. most: chunks of a piece, the last one's may be fewer. total: T.

    place_T: of each token among the M * C places; None: as it is.
    """

    size: int
    most: int
    total: int
    count: int
    pieces: tuple[Piece, ...]
    place_T: Tensor | None

    def split(self, x_NT: Tensor) -> Tensor:
        """[N, T] -> [N, M, C], zero beyond a sequence's end."""
        if self.place_T is not None:
            full = x_NT.new_zeros(x_NT.shape[0], self.count * self.size)
            x_NT = full.index_copy_(1, self.place_T, x_NT)
        return x_NT.unflatten(1, (self.count, self.size))

    def join(self, x_NMC: Tensor) -> Tensor:
        """The reverse of `split`."""
        flat = x_NMC.flatten(1)
        return flat if self.place_T is None else flat.index_select(1, self.place_T)


def cut(lengths: Sequence[int], size: int, most: int, device: torch.device) -> Plan:
    """Pieces of at most `most` chunks of `size` tokens."""
    sequence_M = [s for s, length in enumerate(lengths) for _ in range(0, length, size)]
    tokens_M = [min(size, length - begin) for length in lengths for begin in range(0, length, size)]
    pieces, token = [], 0
    for number, a in enumerate(range(0, len(sequence_M), most)):
        b = min(a + most, len(sequence_M))
        inside = sum(tokens_M[a:b])
        first, last = sequence_M[a], sequence_M[b - 1]
        pieces.append(
            Piece(
                number=number,
                tokens=slice(token, token + inside),
                chunks=slice(a, b),
                place_t=_places(tokens_M[a:b], size, device),
                opens=first if a == 0 or sequence_M[a - 1] != first else None,
                closes=last if b == len(sequence_M) or sequence_M[b] != last else None,
                turns={i - a: sequence_M[i] for i in range(a + 1, b) if sequence_M[i] != sequence_M[i - 1]},
            )
        )
        token += inside
    return Plan(
        size=size,
        most=most,
        total=token,
        count=len(sequence_M),
        pieces=tuple(pieces),
        place_T=_places(tokens_M, size, device),
    )


def _places(tokens: Sequence[int], size: int, device: torch.device) -> Tensor | None:
    """Where the tokens of chunks that may not be full lie; None: all are full."""
    if all(t == size for t in tokens):
        return None
    return torch.tensor([i * size + c for i, t in enumerate(tokens) for c in range(t)], device=device)
