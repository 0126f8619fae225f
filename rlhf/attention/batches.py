"""A batch as transformers hands it over, [B, N], as sequences on one packed axis.

Sequences are told apart by `cu_seq_lens`, else by position ids that start again, else they are the rows; what a mask
of padding leaves out stands on no packed axis.

Axes: B rows, N tokens of a row, T tokens of all sequences.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens


@dataclass(frozen=True, slots=True)
class PackedBatch:
    """row_length: N. token_T: where the sequences' tokens stand among the B * N, row after row; None: they are all."""

    cu_seqlens: CuSeqlens
    row_length: int
    token_T: Tensor | None = None

    def pack(self, x_BHNd: Tensor) -> Tensor:
        """[B, H, N, d] -> [H, T, d]; a view of a batch of one."""
        x_HTd = x_BHNd[0] if x_BHNd.shape[0] == 1 else x_BHNd.transpose(0, 1).flatten(1, 2)
        return x_HTd if self.token_T is None else x_HTd.index_select(1, self.token_T)

    def unpack(self, x_HTe: Tensor, rows: int) -> Tensor:
        """[H, T, e] -> [B, N, H, e], zero where padding is."""
        x_THe = x_HTe.transpose(0, 1)
        if self.token_T is not None:
            places = x_THe.new_zeros(rows * self.row_length, *x_THe.shape[1:])
            x_THe = places.index_copy(0, self.token_T, x_THe)
        return x_THe.unflatten(0, (rows, -1)).contiguous()


def packed_batch(
    rows: int, length: int, mask_BN: Tensor | None, position_BN: Tensor | None, cu_seq_lens: Tensor | None
) -> PackedBatch:
    """mask_BN: of padding, on the right (see `require_right_padding`)."""
    if cu_seq_lens is not None:
        if rows != 1 or mask_BN is not None:
            raise ValueError("cu_seq_lens describe a batch of one row without padding: pass attention_mask=None")
        offsets = cu_seq_lens.tolist()
        if offsets[-1] != length:
            raise ValueError(f"cu_seq_lens end at {offsets[-1]}, the row has {length} tokens")
        return PackedBatch(CuSeqlens(offsets), length)
    length_B = [length] * rows if mask_BN is None else mask_BN.sum(1).tolist()
    cuts = _starts_again(position_BN, rows, length)
    sizes, kept = [], []
    for row, used in enumerate(length_B):
        if not used:
            continue
        sizes += [b - a for a, b in pairwise([0, *(c for c in cuts[row] if c < used), used])]
        kept.append(torch.arange(used) + row * length)
    if not sizes:
        raise ValueError("the attention mask leaves no token")
    token_T = None if mask_BN is None else torch.cat(kept).to(mask_BN.device)
    return PackedBatch(CuSeqlens.of_lengths(sizes), length, token_T)


def require_right_padding(mask_BN: Tensor) -> None:
    """Refuse a mask that hides anything but the ends of rows."""
    length_B = mask_BN.sum(1, keepdim=True)
    if not bool((mask_BN == (torch.arange(mask_BN.shape[1], device=mask_BN.device) < length_B)).all()):
        raise ValueError(
            "the attention mask hides tokens before others of its row: pad on the right, or pack the sequences into "
            "one row with attention_mask=None"
        )


def _starts_again(position_BN: Tensor | None, rows: int, length: int) -> list[list[int]]:
    """Of each row the places, but for the first, whose position does not follow the one before."""
    if position_BN is None:
        return [[] for _ in range(rows)]
    if position_BN.ndim != 2 or position_BN.shape[1] != length or position_BN.shape[0] not in {1, rows}:
        raise ValueError(f"position_ids are [{rows}, {length}] or [1, {length}]; found {list(position_BN.shape)}")
    breaks = position_BN[:, 1:] - position_BN[:, :-1] != 1
    found: list[list[int]] = [[] for _ in range(position_BN.shape[0])]
    for row, place in breaks.nonzero().tolist():
        found[row].append(place + 1)
    return found if len(found) == rows else found * rows
