"""Every stride-th token before the band, from columns: the tokens of a sequence whose positions leave one remainder by
the stride, together.

Within a column the pattern is causal attention but for the nearest tokens, which the band has seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rlhf.attention.chunking import lay_out
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.softmax.tiles import Group
from rlhf.attention.kernels.softmax.union import Chunks
from rlhf.attention.kernels.strided.extras import StridedExtras
from rlhf.attention.kernels.strided.groups import causal_groups


@dataclass(frozen=True, slots=True)
class Columns:
    """Columns of similar length. token_P: the packed token at each place of `chunks`, whose sequences are columns.

    place_T: where each token is; missing_T: whether it is in none of these columns, None: all are.
    """

    chunks: Chunks
    token_P: Tensor
    place_T: Tensor
    missing_T: Tensor | None

    @property
    def groups(self) -> Sequence[Group]:
        return self.chunks.groups

    def queries(self, x_HTd: Tensor) -> Tensor:
        return self.chunks.queries(x_HTd.index_select(1, self.token_P))

    def queries_back(self, x_GnAd: Tensor) -> Tensor:
        return self._to_tokens(self.chunks.queries_back(x_GnAd), 0)

    def keys(self, x_GTd: Tensor) -> Tensor:
        return self.chunks.keys(x_GTd.index_select(1, self.token_P))

    def keys_back(self, x_GmBd: Tensor) -> Tensor:
        return self._to_tokens(self.chunks.keys_back(x_GmBd), 0)

    def log_sums(self, lse_HT1: Tensor) -> Tensor:
        return self.queries(lse_HT1)

    def answers(self, out_GnAe: Tensor, lse_GnA1: Tensor) -> list[tuple[Tensor, Tensor]]:
        ((out, lse),) = self.chunks.answers(out_GnAe, lse_GnA1)
        return [(self._to_tokens(out, 0), self._to_tokens(lse, -torch.inf))]

    def _to_tokens(self, x_HPd: Tensor, missing: float) -> Tensor:
        x_HTd = x_HPd.index_select(1, self.place_T)
        return x_HTd if self.missing_T is None else x_HTd.masked_fill_(self.missing_T[:, None], missing)


def columns_of(
    cu_seqlens: CuSeqlens, extras: StridedExtras, heads: int, kv_heads: int, largest: int, like: Tensor
) -> list[Columns]:
    """In chunks of at most `largest`; only of sequences long enough for a column to reach beyond the band."""
    skip, found = -(-extras.local // extras.stride), []
    for size, members in _by_chunk(cu_seqlens, extras.stride, skip, largest).items():
        lengths, token_P = _tokens(cu_seqlens, members, extras.stride)
        place_T = np.full(cu_seqlens.total, -1)
        place_T[token_P] = np.arange(len(token_P))
        layout = lay_out(lengths.tolist(), size, like.device)
        chunks = Chunks(layout, heads, kv_heads, causal_groups(layout, skip, heads // kv_heads, like))
        at, place, missing = (torch.from_numpy(x).to(like.device) for x in (token_P, place_T.clip(0), place_T < 0))
        found.append(Columns(chunks, at, place, missing if len(token_P) < cu_seqlens.total else None))
    return found


def _by_chunk(cu_seqlens: CuSeqlens, stride: int, skip: int, largest: int) -> dict[int, list[int]]:
    """Sequences by the size of chunk that suits their columns: short columns would leave large chunks mostly empty."""
    found: dict[int, list[int]] = {}
    for s, length in enumerate(cu_seqlens.lengths):
        if length > skip * stride:
            size = 1 << (-(-length // stride) - 1).bit_length()
            found.setdefault(min(size, largest), []).append(s)
    return found


def _tokens(cu_seqlens: CuSeqlens, members: list[int], stride: int) -> tuple[np.ndarray, np.ndarray]:
    """(length of each column, packed tokens of all columns, one after the other)."""
    lengths, tokens = [], []
    for s in members:
        length = cu_seqlens.lengths[s]
        at = np.arange(-(-length // stride) * stride).reshape(-1, stride).T
        tokens.append(at[at < length] + cu_seqlens.offsets[s])
        lengths.append((at < length).sum(1))
    found = np.concatenate(lengths)
    return found[found > 0], np.concatenate(tokens)
