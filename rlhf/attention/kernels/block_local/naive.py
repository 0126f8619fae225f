"""The definition."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.block_local.extras import BlockLocalExtras


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: BlockLocalExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula; the state's tokens stand before a sequence's own."""
    heads, block = q_HTd.shape[0], extras.block
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    outputs, keys, values, counts = [], [], [], []
    for s, span in enumerate(cu_seqlens.spans()):
        k_s, v_s, past = k[:, span], v[:, span], 0
        if state is not None:
            past = int(state[2][s])
            k_s = torch.cat([state[0][s][:, :past].to(k.dtype), k_s], 1)
            v_s = torch.cat([state[1][s][:, :past].to(v.dtype), v_s], 1)
        at = torch.arange(k_s.shape[1], device=k.device)
        seen = (at[past:, None] >= at) & (at[past:, None] // block == at // block)
        scores = q[:, span] @ repeat_heads(k_s, heads).mT / math.sqrt(q.shape[-1])
        outputs.append(scores.masked_fill(~seen, -torch.inf).softmax(-1) @ repeat_heads(v_s, heads))
        left = len(at) % block
        empty = block - 1 - left
        keys.append(torch.nn.functional.pad(k_s[:, len(at) - left :], (0, 0, 0, empty)))
        values.append(torch.nn.functional.pad(v_s[:, len(at) - left :], (0, 0, 0, empty)))
        counts.append(q.new_tensor([left]))
    after = (torch.stack(keys), torch.stack(values), torch.stack(counts))
    return torch.cat(outputs, 1).to(q_HTd.dtype), after, NO_AUX
