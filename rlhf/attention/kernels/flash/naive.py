"""The definition."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.flash.extras import FlashExtras, begin, tokens_so_far


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: FlashExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula; a state is chunks that are already summed up, and one that goes on."""
    q, k, v, q_linear, k_linear = working(q_HTd, k_GTd, v_GTe, *extras.linear())
    past = begin(k, v, extras, state, cu_seqlens)
    counts = tokens_so_far(past).tolist()
    parts = []
    for i, span in enumerate(cu_seqlens.spans()):
        own = tuple(t[i] for t in past[:4])
        parts.append(
            _sequence(q[:, span], k[:, span], v[:, span], q_linear[:, span], k_linear[:, span], own, counts[i], extras)
        )
    outputs, *after = zip(*parts, strict=True)
    return torch.cat(outputs, 1).to(q_HTd.dtype), tuple(torch.stack(field) for field in after), NO_AUX


def _sequence(
    q: Tensor, k: Tensor, v: Tensor, q_linear: Tensor, k_linear: Tensor, past: State, count: int, extras: FlashExtras
) -> tuple[Tensor, ...]:
    """One sequence after `count` tokens: [H, T, e], then its state's fields."""
    size, heads, d, length = extras.chunk, q.shape[0], q.shape[-1], q.shape[1]
    total, pending, held_k, held_v = past
    held, first = count % size, count // size
    place_i = torch.arange(count, count + length, device=q.device)
    chunk_i = place_i // size
    reach_i1 = (size * chunk_i.clamp(min=1)).to(q.dtype)[:, None]

    keys, values = torch.cat([held_k[:, :held], k], 1), torch.cat([held_v[:, :held], v], 1)
    place_j = torch.arange(count - held, count + length, device=q.device)
    near = (place_j // size == chunk_i[:, None]) & (place_j <= place_i[:, None])
    scores = (q @ repeat_heads(keys, heads).mT) * d**-0.5
    out = scores.relu().square().masked_fill(~near, 0.0) @ repeat_heads(values, heads) / size

    completed = chunk_i < chunk_i[:, None]
    linear = (q_linear @ repeat_heads(k_linear, heads).mT).masked_fill(~completed, 0.0) @ repeat_heads(v, heads)
    before = linear + q_linear @ repeat_heads(total, heads)
    before = before + (q_linear @ repeat_heads(pending, heads)).masked_fill((chunk_i == first)[:, None], 0.0)
    out = out + before * d**-0.5 / reach_i1

    end, open_tokens = (count + length) // size, (count + length) % size
    done = chunk_i < end
    outer = k_linear[..., :, None] * v[..., None, :]
    total = total + outer[:, done].sum(1) + (pending if first < end else 0.0)
    pending = outer[:, ~done].sum(1) + (pending if first == end else 0.0)
    filled = (place_j // size == end).nonzero().flatten()
    slots = torch.arange(open_tokens, device=q.device)
    after_k = torch.zeros_like(held_k).index_copy(1, slots, keys[:, filled])
    after_v = torch.zeros_like(held_v).index_copy(1, slots, values[:, filled])
    return out, total, pending, after_k, after_v, q.new_tensor([count + length])
