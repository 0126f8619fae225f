"""One token a sequence."""

from __future__ import annotations

from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.performer.extras import PerformerExtras, carried_top, key_features, query_features


def step(
    q_HSd: Tensor, k_GSd: Tensor, v_GSe: Tensor, extras: PerformerExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    cu_seqlens.require_single_tokens()
    heads = q_HSd.shape[0]
    q, k, v, w = working(q_HSd, k_GSd, v_GSe, extras.features_Gmd)
    fq = query_features(q, repeat_heads(w, heads))
    fk, log_GS = key_features(k, w)
    top_SG, before_SG = log_GS.detach().T, carried_top(state)
    if before_SG is not None:
        top_SG = top_SG.maximum(before_SG)
    norm_SGm = (fk * (log_GS - top_SG.T).exp()[..., None]).transpose(0, 1)
    sum_SGme = norm_SGm[..., None] * v.transpose(0, 1)[..., None, :]
    if state is not None and before_SG is not None:
        past_SG1 = (before_SG - top_SG).exp()[..., None]
        sum_SGme, norm_SGm = sum_SGme + past_SG1[..., None] * state[0], norm_SGm + past_SG1 * state[1]
    numerator = (fq[..., None, :] @ repeat_heads(sum_SGme.transpose(0, 1), heads)).squeeze(-2)
    denominator = (fq * repeat_heads(norm_SGm.transpose(0, 1), heads)).sum(-1, keepdim=True)
    return (numerator / denominator).to(q_HSd.dtype), (sum_SGme, norm_SGm, top_SG), NO_AUX
