"""Parallel over the definition's own chunks: squared relu inside each, the sums of those before it from a scan."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rlhf.attention.chunking import ChunkLayout
from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.flash.extras import FlashExtras
from rlhf.attention.kernels.flash.local import attend
from rlhf.attention.scan import scan


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: FlashExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    wide = working(q_HTd, k_GTd, v_GTe, *extras.linear())
    counts = [0] * cu_seqlens.count if state is None else [int(c) for c in state[4].flatten().tolist()]
    held = [count % extras.chunk for count in counts]
    if state is None or not any(held):
        out, after = _aligned(*wide, extras, state, counts, cu_seqlens)
    else:
        out, after = _aligned(
            *_with_held(wide, state, held, cu_seqlens), extras, state, counts, _grown(cu_seqlens, held)
        )
        out = out.index_select(1, _own(cu_seqlens, held).to(out.device))
    count_S1 = torch.tensor(counts, device=out.device) + torch.tensor(cu_seqlens.lengths, device=out.device)
    return out.to(q_HTd.dtype), (*after, count_S1[:, None].to(out.dtype)), NO_AUX


def _aligned(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    q_linear: Tensor,
    k_linear: Tensor,
    extras: FlashExtras,
    state: State | None,
    counts: Sequence[int],
    cu_seqlens: CuSeqlens,
) -> tuple[Tensor, State]:
    """Every sequence from the start of a chunk; what its state holds of that chunk is among the tokens.

    Returns [H, T, e] and the state but for the count.
    """
    size, (heads, _, d), groups = extras.chunk, q.shape, k.shape[0]
    layout = cu_seqlens.chunks(min(size, max(cu_seqlens.lengths)), q.device)
    values = layout.split(v)
    added_GMde = layout.split(k_linear).mT @ values
    if state is not None:
        first = state[1].index_select(0, layout.order_S).transpose(0, 1)
        added_GMde = torch.cat([added_GMde[:, : layout.waves[0]] + first, added_GMde[:, layout.waves[0] :]], 1)
    full_M11 = (layout.lengths_M == size)[:, None, None]
    complete_GMde = torch.where(full_M11, added_GMde, 0.0)
    before_GMde, total_SGde = scan(complete_GMde, None, None if state is None else state[0], layout)

    reach_M = size * _chunks_before(layout, counts, size).clamp(min=1).to(q.dtype)
    linear = fold(layout.split(q_linear), groups) @ (before_GMde * (d**-0.5 / reach_M)[:, None, None])
    out = attend(fold(layout.split(q), groups), layout.split(k), values, linear, 1 / (d * size))

    last_S = _last_chunks(layout, cu_seqlens)
    pending_GSde = torch.where(full_M11, 0.0, added_GMde).index_select(1, last_S)
    keys, values = (_unfinished(x, size, cu_seqlens) for x in (k, v))
    return layout.join(unfold(out, heads)), (total_SGde, pending_GSde.transpose(0, 1), keys, values)


def _chunks_before(layout: ChunkLayout, counts: Sequence[int], size: int) -> Tensor:
    """[M] completed chunks of its sequence before each chunk, those of the state included."""
    wave_M = torch.repeat_interleave(torch.arange(len(layout.waves)), torch.tensor(layout.waves))
    past_S = torch.tensor([count // size for count in counts])
    return wave_M.to(layout.sequence_M.device) + past_S.to(layout.sequence_M.device)[layout.sequence_M]


def _last_chunks(layout: ChunkLayout, cu_seqlens: CuSeqlens) -> Tensor:
    """[S] where each sequence's last chunk lies."""
    start_W = torch.tensor([0, *layout.waves]).cumsum(0)
    last_wave_S = torch.tensor([(length - 1) // layout.size for length in cu_seqlens.lengths])
    return start_W[last_wave_S].to(layout.rank_S.device) + layout.rank_S


def _unfinished(x_GTd: Tensor, size: int, cu_seqlens: CuSeqlens) -> Tensor:
    """[S, G, C - 1, d] the tokens behind each sequence's last completed chunk, then zeros."""
    length_S = torch.tensor(cu_seqlens.lengths, device=x_GTd.device)
    start_S = torch.tensor(cu_seqlens.offsets[:-1], device=x_GTd.device) + length_S // size * size
    slots = torch.arange(size - 1, device=x_GTd.device)
    filled_SC = slots < (length_S % size)[:, None]
    index_SC = torch.where(filled_SC, start_S[:, None] + slots, 0)
    taken_SGCd = x_GTd.index_select(1, index_SC.flatten()).unflatten(1, index_SC.shape).transpose(0, 1)
    return torch.where(filled_SC[:, None, :, None], taken_SGCd, 0.0)


def _grown(cu_seqlens: CuSeqlens, held: Sequence[int]) -> CuSeqlens:
    return CuSeqlens.of_lengths([a + b for a, b in zip(held, cu_seqlens.lengths, strict=True)])


def _own(cu_seqlens: CuSeqlens, held: Sequence[int]) -> Tensor:
    """[T] where the sequences' own tokens lie among those with the held ones before them."""
    grown = _grown(cu_seqlens, held)
    return torch.cat([torch.arange(span.start + h, span.stop) for span, h in zip(grown.spans(), held, strict=True)])


def _with_held(
    wide: tuple[Tensor, ...], state: State, held: Sequence[int], cu_seqlens: CuSeqlens
) -> tuple[Tensor, ...]:
    """q, k, v, q', k' with the unfinished chunk's keys and values before each sequence's own.

    Their queries are not asked, and their linear keys are in the state's sum already: zeros stand for both.
    """
    kept: tuple[Tensor | None, ...] = (None, state[2], state[3], None, None)
    grown = []
    for x_NTd, held_SNCd in zip(wide, kept, strict=True):
        pieces = []
        for i, span in enumerate(cu_seqlens.spans()):
            if held_SNCd is None:
                pieces.append(x_NTd.new_zeros(x_NTd.shape[0], held[i], x_NTd.shape[2]))
            else:
                pieces.append(held_SNCd[i, :, : held[i]])
            pieces.append(x_NTd[:, span])
        grown.append(torch.cat(pieces, 1))
    return tuple(grown)
