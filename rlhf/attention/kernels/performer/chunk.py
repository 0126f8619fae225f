"""Parallel over chunks: attention inside each, the sums of all chunks before it from a recurrence."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.performer.extras import PerformerExtras, carried_top
from rlhf.attention.kernels.performer.recurrence import attend

CHUNK = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: PerformerExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    heads, (groups, _, values) = q_HTd.shape[0], v_GTe.shape
    layout = cu_seqlens.chunks(CHUNK, q_HTd.device)
    q, k, v, w = working(q_HTd, k_GTd, v_GTe, extras.features_Gmd)
    top_SG = carried_top(state)
    if state is None or top_SG is None:
        initial_GSmx = v.new_zeros(groups, cu_seqlens.count, w.shape[1], values + 1)
        top_GS = v.new_full((groups, cu_seqlens.count), -torch.inf)
    else:
        initial_SGmx = torch.cat([state[0], state[1][..., None]], -1)
        initial_GSmx = initial_SGmx.index_select(0, layout.order_S).transpose(0, 1)
        top_GS = top_SG.index_select(0, layout.order_S).T
    out_GMNe, final_GSmx, final_GS = attend(
        fold(layout.split(q), groups), layout.split(k), layout.split(v), w, initial_GSmx, top_GS, layout
    )
    sum_SGme, norm_SGm1 = final_GSmx.transpose(0, 1).index_select(0, layout.rank_S).split([values, 1], -1)
    after = sum_SGme, norm_SGm1.squeeze(-1), final_GS.T.index_select(0, layout.rank_S)
    return layout.join(unfold(out_GMNe, heads)).to(q_HTd.dtype), after, NO_AUX
