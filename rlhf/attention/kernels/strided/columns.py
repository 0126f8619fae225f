"""A packed axis in columns: the tokens of a sequence whose positions leave one remainder by the stride, together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout, lay_out
from rlhf.attention.cu_seqlens import CuSeqlens

SMALLEST = 8


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of similar length. tokens: the packed token at each place; layout: of the columns, each a sequence."""

    tokens: Tensor
    layout: ChunkLayout


@dataclass(frozen=True, slots=True)
class AllColumns:
    """place_T: of each token among the places of `each`, one after the other; missing_T: it has none (None: all have)."""

    each: tuple[Columns, ...]
    place_T: Tensor
    missing_T: Tensor | None

    def to_tokens(self, x_HP: Tensor, empty: float) -> Tensor:
        """[H, P, ...] -> [H, T, ...]; `empty` where a token is in no column."""
        x_HT = x_HP.index_select(1, self.place_T)
        if self.missing_T is None:
            return x_HT
        return x_HT.masked_fill(self.missing_T.view(-1, *(1,) * (x_HT.ndim - 2)), empty)


def columns_of(cu_seqlens: CuSeqlens, stride: int, skip: int, largest: int, device: torch.device) -> AllColumns | None:
    """Columns in chunks of at most `largest`; None: no sequence is long enough to see more than `skip` of its own."""
    place_T, each, count = np.full(cu_seqlens.total, -1), [], 0
    for size, members in _by_chunk(cu_seqlens, stride, skip, largest).items():
        lengths, tokens = _columns(cu_seqlens, members, stride)
        place_T[tokens] = np.arange(count, count + len(tokens))
        count += len(tokens)
        each.append(Columns(torch.from_numpy(tokens).to(device), lay_out(lengths.tolist(), size, device)))
    if not each:
        return None
    missing_T = place_T < 0
    absent = torch.from_numpy(missing_T).to(device) if missing_T.any() else None
    return AllColumns(tuple(each), torch.from_numpy(np.maximum(place_T, 0)).to(device), absent)


def _by_chunk(cu_seqlens: CuSeqlens, stride: int, skip: int, largest: int) -> dict[int, list[int]]:
    """Sequences by the size of the chunks that suit their columns: of a short column most of a large one were empty."""
    found: dict[int, list[int]] = {}
    for s, length in enumerate(cu_seqlens.lengths):
        if length > skip * stride:
            size = 1 << (-(-length // stride) - 1).bit_length()
            found.setdefault(min(max(size, SMALLEST), largest), []).append(s)
    return found


def _columns(cu_seqlens: CuSeqlens, members: list[int], stride: int) -> tuple[np.ndarray, np.ndarray]:
    """(length of each column, packed tokens of all columns, one after the other)."""
    lengths, tokens = [], []
    for s in members:
        length = cu_seqlens.lengths[s]
        at = np.arange(-(-length // stride) * stride).reshape(-1, stride).T
        tokens.append(at[at < length] + cu_seqlens.offsets[s])
        lengths.append((at < length).sum(1))
    found = np.concatenate(lengths)
    return found[found > 0], np.concatenate(tokens)
