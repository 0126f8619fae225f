"""The definition, quadratic, and one step of the recurrence: what `decayed` has to agree with.

Axes: H query heads, G key-value heads, T packed tokens, d key size, e value size, S sequences.
"""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens


def decayed_by_definition(
    q_HTd: Tensor,
    k_GTd: Tensor,
    v_GTe: Tensor,
    log_decay_GT: Tensor,
    initial_SGde: Tensor | None,
    cu_seqlens: CuSeqlens,
    scale: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """out_i = scale sum_{j <= i} (q_i . k_j) exp(sum_{j < t <= i} log_decay_t) v_j, not cast back; the final states.

    The matrix of decays is 1-semiseparable (arXiv 2405.21060, eq. 6). Its sums are float64: small differences of large
    ones must be right.
    """
    heads = q_HTd.shape[0]
    q, k, v = working(q_HTd, k_GTd, v_GTe)
    outputs, finals = [], []
    for s, span in enumerate(cu_seqlens.spans()):
        sum_Gt = log_decay_GT[:, span].to(torch.float64).cumsum(-1)
        gaps_Gtt = sum_Gt[:, :, None] - sum_Gt[:, None, :]
        ahead_tt = torch.ones_like(gaps_Gtt[0], dtype=torch.bool).triu(1)
        decay_Gtt = gaps_Gtt.masked_fill(ahead_tt, -torch.inf).exp().to(q.dtype)
        scores = q[:, span] @ repeat_heads(k[:, span], heads).mT * repeat_heads(decay_Gtt, heads)
        out = scores @ repeat_heads(v[:, span], heads)
        final = (k[:, span] * decay_Gtt[:, -1, :, None]).mT @ v[:, span]
        if initial_SGde is not None:
            since_start_Gt1 = sum_Gt.exp().to(q.dtype)[..., None]
            read = q[:, span] @ repeat_heads(initial_SGde[s].to(q.dtype), heads)
            out = out + read * repeat_heads(since_start_Gt1, heads)
            final = final + initial_SGde[s].to(q.dtype) * since_start_Gt1[:, -1:]
        outputs.append(out * scale)
        finals.append(final)
    return torch.cat(outputs, 1), torch.stack(finals)


def decayed_step(
    q_HSd: Tensor,
    k_GSd: Tensor,
    v_GSe: Tensor,
    log_decay_GS: Tensor,
    state_SGde: Tensor | None,
    scale: float = 1.0,
) -> tuple[Tensor, Tensor]:
    """One token a sequence: out [H, S, e], not cast back, and the states after it. log_decay_GS: or [G, 1]."""
    q, k, v = working(q_HSd, k_GSd, v_GSe)
    after_GSde = k[..., :, None] * v[..., None, :]
    if state_SGde is not None:
        decay_GS = log_decay_GS.to(torch.float64).exp().to(q.dtype)
        after_GSde = after_GSde + state_SGde.to(q.dtype).transpose(0, 1) * decay_GS[..., None, None]
    out = (q[..., None, :] @ repeat_heads(after_GSde, q.shape[0])).squeeze(-2)
    return out * scale, after_GSde.transpose(0, 1)
