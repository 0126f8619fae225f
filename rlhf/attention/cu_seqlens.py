"""Where sequences lie on a packed axis, known on the host, and how they are cut into chunks (made once, kept)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import accumulate, pairwise

import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout, lay_out


class CuSeqlens:
    """Offsets of S sequences on a packed axis of T tokens: 0 = o_0 < o_1 < ... < o_S = T."""

    def __init__(self, offsets: Iterable[int]) -> None:
        self.offsets: tuple[int, ...] = tuple(int(o) for o in offsets)
        if len(self.offsets) < 2 or self.offsets[0] != 0 or any(b <= a for a, b in pairwise(self.offsets)):
            raise ValueError(f"cu_seqlens begin with 0 and rise with every sequence; found {self.offsets[:8]}")
        self._layouts: dict[tuple[int, str], ChunkLayout] = {}

    @classmethod
    def of_lengths(cls, lengths: Sequence[int]) -> CuSeqlens:
        return cls(accumulate(lengths, initial=0))

    @property
    def lengths(self) -> tuple[int, ...]:
        return tuple(b - a for a, b in pairwise(self.offsets))

    @property
    def count(self) -> int:
        """S."""
        return len(self.offsets) - 1

    @property
    def total(self) -> int:
        """T."""
        return self.offsets[-1]

    def spans(self) -> tuple[slice, ...]:
        return tuple(slice(a, b) for a, b in pairwise(self.offsets))

    def tensor(self, device: torch.device | str) -> Tensor:
        """[S + 1] int32, as flash-attention and flash-linear-attention want it."""
        return torch.tensor(self.offsets, dtype=torch.int32, device=device)

    def chunks(self, size: int, device: torch.device | str) -> ChunkLayout:
        """The sequences cut into chunks of `size` tokens, each sequence from its own start."""
        key = (size, str(device))
        if key not in self._layouts:
            self._layouts[key] = lay_out(self.lengths, size, device)
        return self._layouts[key]

    def require_single_tokens(self) -> None:
        """For `step`: one token a sequence."""
        if self.total != self.count:
            raise ValueError(f"a step takes one token a sequence; found {self.total} tokens of {self.count} sequences")
