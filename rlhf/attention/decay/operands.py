"""The operands of a piece for some key-value heads, and where its results go.

Axes: H query heads, G key-value heads, T packed tokens; within a piece and the heads at hand N = heads * n chunks of C
tokens, Q = R * C query rows with R = H // G.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.decay.plan import Piece, Plan


class Scratch:
    """Memory that is used again for every piece: what the allocator gives out anew is cold, and slow to touch."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype
        self._made: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        """Contiguous, holding whatever was left in it; the same memory for the same name and shape."""
        key = name, shape
        if key not in self._made:
            self._made[key] = torch.empty(shape, device=self.device, dtype=self.dtype)
        return self._made[key]


class Slot:
    """The pieces of a tensor [heads, T, x] for the key-value heads at hand, `repeats` of its heads for each."""

    def __init__(self, name: str, whole: Tensor, heads: slice, repeats: int, plan: Plan, scratch: Scratch) -> None:
        self.name, self.repeats, self.size, self.scratch = name, repeats, plan.size, scratch
        self.groups, self.width = heads.stop - heads.start, whole.shape[2]
        here = whole[heads.start * repeats : heads.stop * repeats]
        self.parts = here.split([p.tokens.stop - p.tokens.start for p in plan.pieces], 1)
        self.direct = here.shape[0] == 1 and whole.dtype is scratch.dtype and whole.stride()[1:] == (self.width, 1)

    def take(self, piece: Piece) -> Tensor:
        """[N, R * C, x], zero beyond a sequence's end; a view of the whole where it can be."""
        part = self.parts[piece.number]
        if self.direct and piece.place_t is None:
            return part.view(-1, self.size, self.width)
        buffer = self._buffer(piece)
        if piece.place_t is not None:
            full = part.new_zeros(part.shape[0], piece.count * self.size, self.width)
            part = full.index_copy_(1, piece.place_t, part)
        by_head = self._by_head(buffer)
        by_head.copy_(part.unflatten(1, (-1, self.size)).unflatten(0, (-1, self.repeats)))
        return buffer

    def place(self, piece: Piece) -> Tensor:
        """Where to write a result [N, R * C, x]; then `put` it."""
        if self.direct and piece.place_t is None:
            return self.parts[piece.number].view(-1, self.size, self.width)
        return self._buffer(piece)

    def put(self, result_NQx: Tensor, piece: Piece) -> None:
        if self.direct and piece.place_t is None:
            return
        part, by_head = self.parts[piece.number], self._by_head(result_NQx)
        if piece.place_t is None:
            part.unflatten(1, (-1, self.size)).unflatten(0, (-1, self.repeats)).copy_(by_head)
        else:
            part.copy_(by_head.flatten(0, 1).flatten(1, 2).index_select(1, piece.place_t))

    def _buffer(self, piece: Piece) -> Tensor:
        return self.scratch(self.name, self.groups * piece.count, self.repeats * self.size, self.width)

    def _by_head(self, x_NQx: Tensor) -> Tensor:
        """[N, R * C, x] -> [G, R, n, C, x], a view."""
        return x_NQx.view(self.groups, -1, self.repeats, self.size, self.width).transpose(1, 2)
