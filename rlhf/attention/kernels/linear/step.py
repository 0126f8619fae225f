"""One token a sequence."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.linear.extras import EPS, LinearExtras, features, rotated


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: LinearExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    cu_seqlens.require_single_tokens()
    heads = q_HSd.shape[0]
    (v,) = working(v_GSe)
    fq, fk = features(q_HSd), features(k_GSd)
    rq, rk = rotated(fq, extras), rotated(fk, extras)
    sum_SGde = (rk[..., :, None] * v[..., None, :]).transpose(0, 1)
    norm_SGd = fk.transpose(0, 1)
    if state is not None:
        sum_SGde, norm_SGd = sum_SGde + state[0], norm_SGd + state[1]
    numerator = (rq[..., None, :] @ repeat_heads(sum_SGde.transpose(0, 1), heads)).squeeze(-2)
    denominator = (fq * repeat_heads(norm_SGd.transpose(0, 1), heads)).sum(-1, keepdim=True)
    return (numerator / (denominator + EPS)).to(q_HSd.dtype), (sum_SGde, norm_SGd), NO_AUX
