"""Blocks of queries against the keys of their windows; the older keys of a sequence's first ones from the state."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.sliding_window.blocks import Blocks, Span, attend
from rlhf.attention.kernels.sliding_window.extras import SlidingWindowExtras, remember

BLOCK = 64
"""Queries of a block. On a CPU at a window of 128, 48 and 64 are best; SDPA over copied windows took 1.4 times that."""
GPU_BLOCK = 512
"""A GPU wants fewer and larger multiplications, and has the room. Not measured."""


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: SlidingWindowExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    keys, values, spans = with_past(k, v, state, cu_seqlens, extras.window)
    longest = max(s.past + s.stop - s.start for s in spans)
    blocks = Blocks(
        spans,
        window=min(extras.window, longest),
        size=min(BLOCK if q.device.type == "cpu" else GPU_BLOCK, longest),
        repeats=q.shape[0] // k.shape[0],
        scale=extras.scale_for(q.shape[-1]),
    )
    out = attend(q, keys, values, blocks)
    return out.to(q_HTd.dtype), remember(k, v, state, cu_seqlens, extras.window), NO_AUX


def with_past(
    k_GTd: Tensor, v_GTe: Tensor, state: State | None, cu_seqlens: CuSeqlens, window: int
) -> tuple[Tensor, Tensor, tuple[Span, ...]]:
    """Keys and values with the state's before each sequence's own, oldest first, and where they lie."""
    counts = [0] * cu_seqlens.count if state is None else [int(c) for c in state[2].flatten().tolist()]
    spans, keys, values, key_start = [], [], [], 0
    for i, (span, count) in enumerate(zip(cu_seqlens.spans(), counts, strict=True)):
        past = min(count, window - 1)
        if state is not None and past:
            slots = torch.arange(count - past, count, device=k_GTd.device) % window
            keys.append(state[0][i].index_select(1, slots))
            values.append(state[1][i].index_select(1, slots))
        keys.append(k_GTd[:, span])
        values.append(v_GTe[:, span])
        spans.append(Span(span.start, span.stop, key_start, past))
        key_start += past + span.stop - span.start
    if len(keys) == cu_seqlens.count:
        return k_GTd, v_GTe, tuple(spans)
    return torch.cat(keys, 1), torch.cat(values, 1), tuple(spans)
