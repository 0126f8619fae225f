"""Parallel over chunks: attention inside each, the sums of all chunks before it from a scan."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import causal, fold, unfold
from rlhf.attention.kernels.linear.extras import EPS, LinearExtras, features, rotated
from rlhf.attention.scan import scan

CHUNK = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: LinearExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    heads, groups = q_HTd.shape[0], k_GTd.shape[0]
    layout = cu_seqlens.chunks(CHUNK, q_HTd.device)
    fq, fk = features(q_HTd), features(k_GTd)
    rq = fold(layout.split(rotated(fq, extras)), groups)
    rk, v = layout.split(rotated(fk, extras)), layout.split(working(v_GTe)[0])
    before_GMde, sum_SGde = scan(rk.mT @ v, None, None if state is None else state[0], layout)
    numerator = unfold(rq @ before_GMde + causal(rq @ rk.mT, heads // groups) @ v, heads)

    fk = layout.split(fk)
    norm_before, norm_SGd1 = scan(fk.sum(2)[..., None], None, None if state is None else state[1][..., None], layout)
    norm_GMCd = fk.cumsum(2) + norm_before.transpose(-1, -2)
    fq_GRMCd = layout.split(fq).unflatten(0, (groups, heads // groups))
    denominator = (fq_GRMCd * norm_GMCd[:, None]).sum(-1, keepdim=True).flatten(0, 1)

    out = layout.join(numerator / (denominator + EPS))
    return out.to(q_HTd.dtype), (sum_SGde, norm_SGd1.squeeze(-1)), NO_AUX
