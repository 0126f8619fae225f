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
from rlhf.attention.kernels.flash.held import unfinished, with_held
from rlhf.attention.kernels.flash.local import attend
from rlhf.attention.scan import scan


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: FlashExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    inputs = working(q_HTd, k_GTd, v_GTe, *extras.linear())
    counts = [0] * cu_seqlens.count if state is None else [int(c) for c in state[4].flatten().tolist()]
    held = [count % extras.chunk for count in counts]
    if state is None or not any(held):
        out, after = _aligned(inputs, extras.chunk, state, counts, cu_seqlens)
    else:
        grown, longer, own_T = with_held(inputs, state, held, cu_seqlens)
        out, after = _aligned(grown, extras.chunk, state, counts, longer)
        out = out.index_select(1, own_T)
    ends = [[count + length] for count, length in zip(counts, cu_seqlens.lengths, strict=True)]
    return out.to(q_HTd.dtype), (*after, out.new_tensor(ends)), NO_AUX


def _aligned(
    inputs: tuple[Tensor, ...], size: int, state: State | None, counts: Sequence[int], cu_seqlens: CuSeqlens
) -> tuple[Tensor, State]:
    """[H, T, e], and the state but for the count. inputs: q, k, v, q', k', every sequence from a chunk's start; what
    the state holds of an unfinished chunk is among them, but for its sum of k' v^T.
    """
    q, k, v, q_linear, k_linear = inputs
    (heads, _, d), groups = q.shape, k.shape[0]
    layout = cu_seqlens.chunks(min(size, max(cu_seqlens.lengths)), q.device)
    values = layout.split(v)
    added_GMde = layout.split(k_linear).mT @ values
    if state is not None:
        first = layout.waves[0]
        pending = state[1].index_select(0, layout.order_S).transpose(0, 1)
        added_GMde = torch.cat([added_GMde[:, :first] + pending, added_GMde[:, first:]], 1)
    before_GMde, total_SGde = scan(added_GMde, None, None if state is None else state[0], layout)

    reach_M = size * _chunks_before(layout, counts, size).clamp(min=1).to(q.dtype)
    linear = fold(layout.split(q_linear), groups) @ (before_GMde * (d**-0.5 / reach_M)[:, None, None])
    out = attend(fold(layout.split(q), groups), layout.split(k), values, linear, 1 / (d * size))

    # No chunk stands behind an unfinished one, so its sum has been seen by none: it only leaves the total again.
    last_S = _last_chunks(layout, cu_seqlens)
    open_S111 = (layout.lengths_M[last_S] < size)[:, None, None, None]
    pending_SGde = torch.where(open_S111, added_GMde.index_select(1, last_S).transpose(0, 1), 0.0)
    after = total_SGde - pending_SGde, pending_SGde, unfinished(k, size, cu_seqlens), unfinished(v, size, cu_seqlens)
    return layout.join(unfold(out, heads)), after


def _chunks_before(layout: ChunkLayout, counts: Sequence[int], size: int) -> Tensor:
    """[M] completed chunks of its sequence before each chunk, those of the state included."""
    wave_M = torch.repeat_interleave(torch.arange(len(layout.waves)), torch.tensor(layout.waves))
    past_S = torch.tensor([count // size for count in counts])
    device = layout.sequence_M.device
    return wave_M.to(device) + past_S.to(device)[layout.sequence_M]


def _last_chunks(layout: ChunkLayout, cu_seqlens: CuSeqlens) -> Tensor:
    """[S] where each sequence's last chunk lies."""
    start_W = torch.tensor([0, *layout.waves]).cumsum(0)
    last_wave_S = torch.tensor([(length - 1) // layout.size for length in cu_seqlens.lengths])
    return start_W[last_wave_S].to(layout.rank_S.device) + layout.rank_S
