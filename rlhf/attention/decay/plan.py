"""Packed sequences as a stream of chunks, cut into pieces that fit a cache.

Unlike a ChunkLayout, chunks lie sequence after sequence, so a piece is a range of tokens (a view of the inputs unless
a sequence ends in it with a chunk that is not full), and a piece may hold several sequences or a part of one.

Axes: N heads, T packed tokens, n chunks of a piece, C tokens of a chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class Piece:
    """tokens: on the packed axis. count: n. size: C.

    place_t: of each of its tokens among its n * C places; None: every chunk is full.
    begins, ends: chunks that are the first, the last one of a sequence; beginning, ending: those sequences.
    enters, leaves: whether its first chunk goes on from the piece before, its last one into the piece after.
    apart_nn: whether two chunks belong to different sequences; None: all belong to one.
    """

    tokens: slice
    count: int
    size: int
    place_t: Tensor | None
    begins: Tensor
    beginning: slice
    ends: Tensor
    ending: slice
    enters: bool
    leaves: bool
    apart_nn: Tensor | None

    def take(self, x_NT: Tensor, dtype: torch.dtype) -> Tensor:
        """[N, T, ...] -> [N, n, C, ...], zero beyond a sequence's end; a view where it can be."""
        part = x_NT[:, self.tokens].to(dtype)
        if self.place_t is not None:
            full = part.new_zeros(part.shape[0], self.count * self.size, *part.shape[2:])
            part = full.index_copy_(1, self.place_t, part)
        return part.unflatten(1, (self.count, self.size))

    def put(self, x_NnC: Tensor, into_NT: Tensor) -> None:
        """The reverse of `take`."""
        part = x_NnC.flatten(1, 2)
        into_NT[:, self.tokens] = part if self.place_t is None else part.index_select(1, self.place_t)


@dataclass(frozen=True, slots=True)
class _Chunk:
    sequence: int
    tokens: int
    begins: bool
    ends: bool


def cut(lengths: Sequence[int], size: int, most: int, device: torch.device) -> list[Piece]:
    """Pieces of at most `most` chunks of `size` tokens."""
    chunks = [
        _Chunk(s, min(size, length - begin), begin == 0, begin + size >= length)
        for s, length in enumerate(lengths)
        for begin in range(0, length, size)
    ]
    pieces, start = [], 0
    for i in range(0, len(chunks), most):
        part = chunks[i : i + most]
        tokens = sum(c.tokens for c in part)
        pieces.append(_piece(part, slice(start, start + tokens), size, device))
        start += tokens
    return pieces


def _piece(part: Sequence[_Chunk], tokens: slice, size: int, device: torch.device) -> Piece:
    def tensor(values: list[int]) -> Tensor:
        return torch.tensor(values, dtype=torch.long, device=device)

    first, last = part[0], part[-1]
    begins = [i for i, chunk in enumerate(part) if chunk.begins]
    ends = [i for i, chunk in enumerate(part) if chunk.ends]
    begun = first.sequence + (not first.begins)
    full = all(chunk.tokens == size for chunk in part)
    places = None if full else tensor([i * size + c for i, chunk in enumerate(part) for c in range(chunk.tokens)])
    sequence_n = tensor([chunk.sequence for chunk in part])
    return Piece(
        tokens=tokens,
        count=len(part),
        size=size,
        place_t=places,
        begins=tensor(begins),
        beginning=slice(begun, begun + len(begins)),
        ends=tensor(ends),
        ending=slice(first.sequence, first.sequence + len(ends)),
        enters=not first.begins,
        leaves=not last.ends,
        apart_nn=None if first.sequence == last.sequence else sequence_n[:, None] != sequence_n,
    )
