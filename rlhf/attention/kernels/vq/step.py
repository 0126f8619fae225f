"""One token a sequence."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.vq.extras import VqExtras, aux, rounded, scale_of


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: VqExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """A block of one token: a key's gradient comes from its own query alone."""
    cu_seqlens.require_single_tokens()
    heads, sequences = q_HSd.shape[:2]
    q, k, v, codebook = working(q_HSd, k_GSd, v_GSe, extras.codebook_Gcd.detach())
    codes_GS, k_hat = rounded(k, extras, codebook)
    groups, codes, _ = codebook.shape
    if state is None:
        state = v.new_zeros(sequences, groups, codes, v.shape[-1]), v.new_zeros(sequences, groups, codes)
    sum_SGce, count_SGc = state[0], state[1].detach()
    count_HSc = repeat_heads(count_SGc.transpose(0, 1), heads)
    past_HSc = q @ repeat_heads(codebook, heads).mT * scale_of(extras) + count_HSc.log()
    own_HS1 = (q * repeat_heads(k_hat, heads)).sum(-1, keepdim=True) * scale_of(extras)
    weight_HSc, weight_HS1 = torch.cat([past_HSc, own_HS1], -1).softmax(-1).split([codes, 1], -1)
    each_HS1c = (weight_HSc / count_HSc.clamp(min=1))[..., None, :]
    past_HSe = (each_HS1c @ repeat_heads(sum_SGce.transpose(0, 1), heads)).squeeze(-2)
    out = past_HSe + weight_HS1 * repeat_heads(v, heads)
    at = torch.arange(sequences, device=q.device)[:, None], torch.arange(groups, device=q.device), codes_GS.T
    after_V = (sum_SGce * (count_SGc > 0)[..., None]).index_put_(at, v.transpose(0, 1), accumulate=True)
    after_n = count_SGc.index_put(at, torch.ones_like(v[..., 0].T), accumulate=True)
    return out.to(q_HSd.dtype), (after_V, after_n), aux(k, k_hat, codes_GS, codes)
