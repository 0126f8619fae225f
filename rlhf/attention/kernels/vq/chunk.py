"""Parallel over blocks: dense attention inside each, by code over all blocks before it."""

from __future__ import annotations

import torch
from torch import Tensor

from rlhf.attention.contract import Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.vq.attend import attend
from rlhf.attention.kernels.vq.extras import VqExtras, aux, past_sums, rounded, scale_of
from rlhf.attention.kernels.vq.sums import sums_before


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: VqExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    heads, (groups, _, values) = q_HTd.shape[0], v_GTe.shape
    layout = cu_seqlens.chunks(extras.block, q_HTd.device)
    q_HT, k_GT, v_GT, codebook = working(q_HTd, k_GTd, v_GTe, extras.codebook_Gcd.detach())
    codes_GT, k_hat = rounded(k_GT, extras, codebook)
    q, k, v = fold(layout.split(q_HT * scale_of(extras)), groups), layout.split(k_hat), layout.split(v_GT)
    one_GMC1 = layout.valid_MC.to(v.dtype).expand(v.shape[:3])[..., None]
    before_GMcx, after_SGcx = sums_before(
        torch.cat([v, one_GMC1], -1), layout.split(codes_GT), codebook.shape[1], past_sums(state), layout
    )
    out = layout.join(unfold(attend(q, k, v, codebook, before_GMcx), heads))
    after_V, after_n = after_SGcx.split([values, 1], -1)
    return out.to(q_HTd.dtype), (after_V, after_n.detach().squeeze(-1)), aux(k_GT, k_hat, codes_GT, codebook.shape[1])
