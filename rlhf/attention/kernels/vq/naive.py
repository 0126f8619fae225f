"""The definition."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.vq.extras import VqExtras, aux, rounded, scale_of, sum_by_code


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: VqExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """Dense softmax over the rounded keys. A past is one key a code, as often as it occurred, with its values' mean."""
    heads = q_HTd.shape[0]
    q, k, v, codebook = working(q_HTd, k_GTd, v_GTe, extras.codebook_Gcd.detach())
    codes_GT, k_hat = rounded(k, extras, codebook)
    count = codebook.shape[1]
    outputs, sums, counts = [], [], []
    for i, span in enumerate(cu_seqlens.spans()):
        q_s, k_s, v_s, codes_s = q[:, span], k_hat[:, span], v[:, span], codes_GT[:, span]
        place_L = torch.arange(v_s.shape[1], device=q.device)
        block_L = place_L // extras.block
        near_LL = block_L[:, None] == block_L[None]
        keys = repeat_heads(k_s, heads).mT
        scores = torch.where(near_LL, q_s @ keys, q_s @ keys.detach()) * scale_of(extras)
        scores = scores.masked_fill(place_L[:, None] < place_L[None], -torch.inf)
        values = repeat_heads(v_s, heads)
        after_V, after_n = sum_by_code(v_s, codes_s, count), sum_by_code(torch.ones_like(v_s[..., :1]), codes_s, count)
        if state is not None:
            past_n = state[1][i].detach()[..., None]
            past_V = state[0][i] * (past_n > 0)
            past = q_s @ repeat_heads(codebook, heads).mT * scale_of(extras) + repeat_heads(past_n, heads).log().mT
            scores = torch.cat([past, scores], -1)
            values = torch.cat([repeat_heads(past_V / past_n.clamp(min=1), heads), values], 1)
            after_V, after_n = after_V + past_V, after_n + past_n
        outputs.append(scores.softmax(-1) @ values)
        sums.append(after_V)
        counts.append(after_n.squeeze(-1))
    out = torch.cat(outputs, 1).to(q_HTd.dtype)
    return out, (torch.stack(sums), torch.stack(counts)), aux(k, k_hat, codes_GT, count)
