"""Tokens of an unfinished chunk, put back before those that go on with it, so that chunks start where they should.

Axes: N any leading axis (heads), T packed tokens, C tokens of a chunk, S sequences.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rlhf.attention.contract import State
from rlhf.attention.cu_seqlens import CuSeqlens


def with_held(
    inputs: tuple[Tensor, ...], state: State, held: Sequence[int], cu_seqlens: CuSeqlens
) -> tuple[tuple[Tensor, ...], CuSeqlens, Tensor]:
    """(q, k, v, q', k') with the unfinished chunk's keys and values before each sequence's own tokens, where the
    sequences now lie, and the places of the own tokens, [T].

    held: tokens of each sequence's unfinished chunk. Their queries are not asked, and their linear keys are in the
    state's sum already: zeros stand for both.
    """
    longer = CuSeqlens.of_lengths([h + n for h, n in zip(held, cu_seqlens.lengths, strict=True)])
    kept = (None, state[2], state[3], None, None)
    grown = tuple(_joined(x, past, held, cu_seqlens) for x, past in zip(inputs, kept, strict=True))
    own = [torch.arange(span.start + h, span.stop) for span, h in zip(longer.spans(), held, strict=True)]
    return grown, longer, torch.cat(own).to(inputs[0].device)


def _joined(x_NTd: Tensor, past_SNCd: Tensor | None, held: Sequence[int], cu_seqlens: CuSeqlens) -> Tensor:
    pieces = []
    for i, span in enumerate(cu_seqlens.spans()):
        if past_SNCd is None:
            pieces.append(x_NTd.new_zeros(x_NTd.shape[0], held[i], x_NTd.shape[2]))
        else:
            pieces.append(past_SNCd[i, :, : held[i]])
        pieces.append(x_NTd[:, span])
    return torch.cat(pieces, 1)


def unfinished(x_NTd: Tensor, size: int, cu_seqlens: CuSeqlens) -> Tensor:
    """[S, N, C - 1, d] the tokens behind each sequence's last completed chunk of `size`, then zeros."""
    length_S = torch.tensor(cu_seqlens.lengths, device=x_NTd.device)
    start_S = torch.tensor(cu_seqlens.offsets[:-1], device=x_NTd.device) + length_S // size * size
    slots = torch.arange(size - 1, device=x_NTd.device)
    filled_SC = slots < (length_S % size)[:, None]
    index_SC = torch.where(filled_SC, start_S[:, None] + slots, 0)
    taken_SNCd = x_NTd.index_select(1, index_SC.flatten()).unflatten(1, index_SC.shape).transpose(0, 1)
    return torch.where(filled_SC[:, None, :, None], taken_SNCd, 0.0)
