"""One token a sequence."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.block_local.extras import BlockLocalExtras


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: BlockLocalExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    cu_seqlens.require_single_tokens()
    q, k, v = working(q_HSd, k_GSd, v_GSe)
    heads, groups, sequences, slots = q.shape[0], k.shape[0], q.shape[1], extras.block - 1
    if state is None:
        k_SGnd, v_SGne = (
            k.new_zeros(sequences, groups, slots, k.shape[2]),
            v.new_zeros(sequences, groups, slots, v.shape[2]),
        )
        count_S = torch.zeros(sequences, dtype=torch.int64, device=q.device)
    else:
        count_S = state[2][:, 0].long()
        beyond_S1n1 = (torch.arange(slots, device=q.device) >= count_S[:, None])[:, None, :, None]
        k_SGnd, v_SGne = (held.to(q.dtype).masked_fill(beyond_S1n1, 0) for held in state[:2])
    keys = torch.cat([k_SGnd, k.transpose(0, 1)[:, :, None]], 2).transpose(0, 1)
    values = torch.cat([v_SGne, v.transpose(0, 1)[:, :, None]], 2).transpose(0, 1)
    seen_Sn = torch.arange(slots + 1, device=q.device) < count_S[:, None]
    seen_Sn[:, -1] = True  # the token itself
    scores_HSn = (repeat_heads(keys, heads) @ q[..., None]).squeeze(-1) / math.sqrt(q.shape[-1])
    weights = scores_HSn.masked_fill(~seen_Sn, -torch.inf).softmax(-1)
    out_HSe = (weights[:, :, None] @ repeat_heads(values, heads)).squeeze(2)

    full_S = count_S + 1 == extras.block
    here_Sn = (torch.arange(slots, device=q.device) == count_S[:, None])[:, None, :, None]
    gone_S = full_S[:, None, None, None]
    k_after = torch.where(here_Sn, k.transpose(0, 1)[:, :, None], k_SGnd).masked_fill(gone_S, 0)
    v_after = torch.where(here_Sn, v.transpose(0, 1)[:, :, None], v_SGne).masked_fill(gone_S, 0)
    count = torch.where(full_S, 0, count_S + 1).to(q.dtype)[:, None]
    return out_HSe.to(q_HSd.dtype), (k_after, v_after, count), NO_AUX
