"""Parallel over chunks: attention inside each, the sums of all chunks before it from a scan."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.performer.extras import PerformerExtras, carried_top, key_features, query_features
from rlhf.attention.kernels.performer.running import running_max
from rlhf.attention.scan import scan

CHUNK = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: PerformerExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    heads, (groups, _, values) = q_HTd.shape[0], v_GTe.shape
    layout = cu_seqlens.chunks(CHUNK, q_HTd.device)
    q, k, v, w = working(q_HTd, k_GTd, v_GTe, extras.features_Gmd)
    q_GMRd, k_GMCd = fold(layout.split(q), groups), layout.split(k)
    fq = query_features(q_GMRd.flatten(1, 2), w).view(*q_GMRd.shape[:3], -1)
    fk, log_GN = key_features(k_GMCd.flatten(1, 2), w)
    fk, log_GMC = fk.view(*k_GMCd.shape[:3], -1), log_GN.view(k_GMCd.shape[:3])

    with torch.no_grad():
        at_GMC = log_GMC.detach()
        if layout.padded:
            at_GMC = at_GMC.masked_fill(~layout.valid_MC, -torch.inf)
        within_GMC = at_GMC.cummax(-1).values
        before_GM, final_SG = running_max(within_GMC[..., -1], carried_top(state), layout)
        top_GMC = within_GMC.maximum(before_GM[..., None])
        after_GM1 = top_GMC[..., -1:]
        key_GMCC = (at_GMC[..., None, :] - top_GMC[..., None]).clamp_(max=0).exp_().tril_()
        past_GMC1 = (before_GM[..., None] - top_GMC).exp()[..., None]
    # A key's weight stands in these constants; its gradient goes through a factor of 1 beside its value.
    one_GMC1 = (log_GMC - log_GMC.detach()).exp()[..., None]
    v_GMCe = torch.cat([layout.split(v) * one_GMC1, one_GMC1], -1)
    added_GMme = fk.mT @ (v_GMCe * (at_GMC - after_GM1).exp()[..., None])
    before_GMme, after_SGme = scan(added_GMme, (before_GM - after_GM1.squeeze(-1)).exp(), _packed(state), layout)

    repeats = heads // groups
    near = (fq @ fk.mT).unflatten(2, (repeats, -1)) * key_GMCC[:, :, None]
    far = (fq @ before_GMme).unflatten(2, (repeats, -1)) * past_GMC1[:, :, None]
    both = unfold(far.flatten(2, 3) + near.flatten(2, 3) @ v_GMCe, heads)
    numerator, denominator = layout.join(both).split([values, 1], -1)
    sum_SGme, norm_SGm1 = after_SGme.split([values, 1], -1)
    return (numerator / denominator).to(q_HTd.dtype), (sum_SGme, norm_SGm1.squeeze(-1), final_SG), NO_AUX


def _packed(state: State | None) -> Tensor | None:
    """The two sums side by side, [S, G, m, e + 1]."""
    return None if state is None else torch.cat([state[0], state[1][..., None]], -1)
