"""The definition."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, repeat_heads, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.performer.extras import PerformerExtras, carried_top, key_features, query_features


def naive(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: PerformerExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    """See the package's formula; the state is a past that is already summed up."""
    heads = q_HTd.shape[0]
    q, k, v_GTe_wide, w = working(q_HTd, k_GTd, v_GTe, extras.features_Gmd)
    fq = query_features(q, repeat_heads(w, heads))
    fk, log_weight_GT = key_features(k, w)
    before_SG = carried_top(state)
    outputs, sums, norms, tops = [], [], [], []
    for i, span in enumerate(cu_seqlens.spans()):
        fq_s, fk_s, v_s, log_s = fq[:, span], fk[:, span], v_GTe_wide[:, span], log_weight_GT[:, span]
        top_GL = log_s.detach().cummax(-1).values
        if before_SG is not None:
            top_GL = top_GL.maximum(before_SG[i][:, None])
        later = torch.ones(top_GL.shape[1], top_GL.shape[1], dtype=torch.bool, device=q.device).triu(1)
        relative_GLL = (log_s[:, None, :] - top_GL[:, :, None]).masked_fill(later, -torch.inf).exp()
        weight_HLL = (fq_s @ repeat_heads(fk_s, heads).mT) * repeat_heads(relative_GLL, heads)
        numerator, denominator = weight_HLL @ repeat_heads(v_s, heads), weight_HLL.sum(-1, keepdim=True)
        added = fk_s * (log_s - top_GL[:, -1:]).exp()[..., None]
        after_S, after_z = added.mT @ v_s, added.sum(1)
        if state is not None and before_SG is not None:
            past_GL = (before_SG[i][:, None] - top_GL).exp()
            past_HLm = fq_s * repeat_heads(past_GL, heads)[..., None]
            numerator = numerator + past_HLm @ repeat_heads(state[0][i], heads)
            denominator = denominator + past_HLm @ repeat_heads(state[1][i], heads)[..., None]
            after_S = after_S + past_GL[:, -1, None, None] * state[0][i]
            after_z = after_z + past_GL[:, -1, None] * state[1][i]
        outputs.append(numerator / denominator)
        sums.append(after_S)
        norms.append(after_z)
        tops.append(top_GL[:, -1])
    after = torch.stack(sums), torch.stack(norms), torch.stack(tops)
    return torch.cat(outputs, 1).to(q_HTd.dtype), after, NO_AUX
