"""The operands of a piece for some key-value heads, and where its results go.

Axes: H query heads, G key-value heads, T packed tokens; within a piece and the heads at hand N = heads * n chunks of C
tokens, Q = R * C query rows with R = H // G.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.decay.plan import Piece


class Scratch:
    """Memory that is used again for every piece: what the allocator gives out anew is cold, and slow to touch."""

    def __init__(self, device: torch.device, dtype: torch.dtype) -> None:
        self.device, self.dtype = device, dtype
        self._made: dict[tuple[str, tuple[int, ...]], Tensor] = {}

    def __call__(self, name: str, *shape: int) -> Tensor:
        """Of this shape, contiguous, whatever was left in it; the same memory for the same name and shape."""
        key = name, shape
        if key not in self._made:
            self._made[key] = torch.empty(shape, device=self.device, dtype=self.dtype)
        return self._made[key]


class Slot:
    """Pieces of one tensor [heads, T, x], `repeats` of its heads for each key-value head."""

    def __init__(self, name: str, whole: Tensor, repeats: int, size: int, scratch: Scratch) -> None:
        self.name, self.whole, self.repeats, self.size, self.scratch = name, whole, repeats, size, scratch
        width = whole.shape[2]
        self.plain = repeats == 1 and whole.dtype is scratch.dtype and whole.stride(2) == 1
        self.writable = self.plain and whole.stride(1) == width

    def _part(self, piece: Piece, heads: slice) -> Tensor:
        return self.whole[heads.start * self.repeats : heads.stop * self.repeats, piece.tokens]

    def _buffer(self, piece: Piece, heads: slice) -> Tensor:
        rows = self.repeats * self.size
        return self.scratch(self.name, (heads.stop - heads.start) * piece.count, rows, self.whole.shape[2])

    def _by_head(self, x_NQe: Tensor, heads: slice) -> Tensor:
        """[N, R * C, x] -> [G, R, n, C, x], a view."""
        groups = heads.stop - heads.start
        return x_NQe.view(groups, -1, self.repeats, self.size, x_NQe.shape[2]).transpose(1, 2)

    def take(self, piece: Piece, heads: slice) -> Tensor:
        """[N, R * C, x], zero beyond a sequence's end; a view of the whole where it can be."""
        part = self._part(piece, heads)
        if piece.place_t is None and self.plain and part.shape[0] == 1:
            return part.view(-1, self.size, part.shape[2])
        buffer = self._buffer(piece, heads)
        by_head = self._by_head(buffer, heads)
        if piece.place_t is not None:
            full = part.new_zeros(part.shape[0], piece.count * self.size, part.shape[2])
            part = full.index_copy_(1, piece.place_t, part)
        by_head.copy_(part.view(by_head.shape) if part.is_contiguous() else part.reshape(by_head.shape))
        return buffer

    def place(self, piece: Piece, heads: slice) -> Tensor:
        """Where to write a result [N, R * C, x]; then `put` it."""
        if piece.place_t is None and self.writable and heads.stop - heads.start == 1:
            return self._part(piece, heads).view(-1, self.size, self.whole.shape[2])
        return self._buffer(piece, heads)

    def put(self, result_NQx: Tensor, piece: Piece, heads: slice) -> None:
        if piece.place_t is None and self.writable and heads.stop - heads.start == 1:
            return
        part = self._part(piece, heads)
        flat = self._by_head(result_NQx, heads).reshape(part.shape[0], -1, part.shape[2])
        part.copy_(flat if piece.place_t is None else flat.index_select(1, piece.place_t))
