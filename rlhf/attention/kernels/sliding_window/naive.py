"""The definition."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.sliding_window.extras import SlidingWindowExtras, ring_positions, tokens_so_far


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: SlidingWindowExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """Every token against every token, and what is no longer or not yet in its window masked."""
    heads, window, device = q_HTd.shape[0], extras.window, q_HTd.device
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    past_S = tokens_so_far(state, cu_seqlens.count, device)
    held_SW = ring_positions(past_S, window)
    rings = empty_rings(k, v, cu_seqlens.count, window) if state is None else state[:2]
    outputs, rings_k, rings_v, counts = [], [], [], []
    for i, (span, length) in enumerate(zip(cu_seqlens.spans(), cu_seqlens.lengths, strict=True)):
        position_i = past_S[i] + torch.arange(length, device=device)
        position_j = torch.cat([held_SW[i], position_i])
        k_j, v_j = torch.cat([rings[0][i], k[:, span]], 1), torch.cat([rings[1][i], v[:, span]], 1)
        seen = (position_j >= 0) & (position_j <= position_i[:, None]) & (position_j > position_i[:, None] - window)
        scores = (q[:, span] @ repeat_heads(k_j, heads).mT) * extras.scale_for(q.shape[-1])
        outputs.append(scores.masked_fill(~seen, -torch.inf).softmax(-1) @ repeat_heads(v_j, heads))

        last = slice(max(length - window, 0), length)
        slots = position_i[last] % window
        rings_k.append(rings[0][i].index_copy(1, slots, k[:, span][:, last]))
        rings_v.append(rings[1][i].index_copy(1, slots, v[:, span][:, last]))
        counts.append(position_i[-1:] + 1)
    after = (torch.stack(rings_k), torch.stack(rings_v), torch.stack(counts).to(q.dtype))
    return torch.cat(outputs, 1).to(q_HTd.dtype), after, NO_AUX


def empty_rings(k_GTd: Tensor, v_GTe: Tensor, sequences: int, window: int) -> tuple[Tensor, Tensor]:
    """Empty rings."""
    shapes = ((sequences, x.shape[0], window, x.shape[2]) for x in (k_GTd, v_GTe))
    keys, values = (k_GTd.new_zeros(shape) for shape in shapes)
    return keys, values
