"""Parallel over chunks: the decayed recurrence with nothing decaying, the normaliser one more column of the values."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.decay import decayed
from rlhf.attention.kernels.linear.extras import EPS, LinearExtras, features, rotated


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: LinearExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    fq, fk = features(q_HTd), features(k_GTd)
    (v,) = working(v_GTe)
    kept_G = v.new_zeros(v.shape[0])  # log-decays
    if extras.cos_Td is None:
        initial = None if state is None else torch.cat([state[0], state[1][..., None]], -1)
        v_GTf = torch.cat([v, torch.ones_like(v[..., :1])], -1)
        sums_HTf, after_SGdf = decayed(fq, fk, v_GTf, kept_G, initial, cu_seqlens)
        after = after_SGdf[..., :-1], after_SGdf[..., -1]
    else:
        turned = rotated(fq, extras), rotated(fk, extras)
        sum_0, norm_0 = (None, None) if state is None else (state[0], state[1][..., None])
        numerator, after_sum = decayed(*turned, v, kept_G, sum_0, cu_seqlens)
        denominator, after_norm = decayed(fq, fk, torch.ones_like(v[..., :1]), kept_G, norm_0, cu_seqlens)
        sums_HTf, after = torch.cat([numerator, denominator], -1), (after_sum, after_norm.squeeze(-1))
    return _Normalised.apply(sums_HTf).to(q_HTd.dtype), after, NO_AUX


class _Normalised(torch.autograd.Function):
    """[..., e + 1] -> [..., e]: all but the last column over the last. By hand: a third of what autograd's costs."""

    @staticmethod
    def forward(ctx: Any, sums: Tensor) -> Tensor:
        per_norm = (sums[..., -1:] + EPS).reciprocal_()
        out = sums[..., :-1] * per_norm
        ctx.save_for_backward(out, per_norm)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, g_out: Tensor) -> Tensor:
        out, per_norm = ctx.saved_tensors
        g_sums = g_out.new_empty(*g_out.shape[:-1], g_out.shape[-1] + 1)
        torch.mul(g_out, per_norm, out=g_sums[..., :-1])
        torch.mul((g_out * out).sum(-1, keepdim=True), -per_norm, out=g_sums[..., -1:])
        return g_sums
