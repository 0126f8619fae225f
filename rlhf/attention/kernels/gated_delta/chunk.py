"""Parallel over chunks: the tokens of a chunk at once by the UT transform, the chunks one after the other.

Inside a chunk, with c_i the log decay since its start, u_i what token i writes at its key, and S the state before,

    u_i = b_i (v_i - exp(c_i) k_i S - sum_{j < i} exp(c_i - c_j) (k_i . k_j) u_j)     (arXiv 2412.06464, sec. 3.3)

so (I + L) u = b v - b exp(c) k S with L strictly lower triangular: the inverse of I + L is taken once, for all chunks.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.contract import NO_AUX, Aux, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.grouped import fold, unfold
from rlhf.attention.kernels.gated_delta.decay import decay_pairs, since_start
from rlhf.attention.kernels.gated_delta.extras import GatedDeltaExtras
from rlhf.attention.kernels.gated_delta.recurrence import recur

CHUNK = 64


def chunk(
    q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: GatedDeltaExtras, state: State | None, cu_seqlens: CuSeqlens
) -> tuple[Tensor, State | None, Aux]:
    heads, groups = q_HTd.shape[0], k_GTd.shape[0]
    layout = cu_seqlens.chunks(CHUNK, q_HTd.device)
    wide = working(q_HTd, k_GTd, v_GTe, extras.log_decay_GT, extras.beta_GT)
    q, k, v, log_decay_GMC, beta_GMC = (layout.split(x) for x in wide)
    rows = fold(q * extras.query_scale(q.shape[-1]), groups)
    strong_k, since_GMC = k * beta_GMC[..., None], since_start(log_decay_GMC)
    scores_GMRC, lower_GMCC, until_GMC = decay_pairs(rows @ k.mT, strong_k @ k.mT, log_decay_GMC)
    inverse = _UnitInverse.apply(lower_GMCC)
    u_GMCe, before_GMde, after_SGde = recur(
        inverse @ (v * beta_GMC[..., None]),
        inverse @ (strong_k * since_GMC[..., None]),
        k * until_GMC[..., None],
        since_GMC[..., -1],
        None if state is None else state[0],
        layout,
    )
    out = scores_GMRC @ u_GMCe + _times(rows, since_GMC[..., None]) @ before_GMde
    return layout.join(unfold(out, heads)).to(q_HTd.dtype), (after_SGde,), NO_AUX


def _times(x_GMRn: Tensor, factor_GMCn: Tensor) -> Tensor:
    """[G, M, R * C, n] times what every of the R query heads shares, [G, M, C, n or 1]."""
    tokens = factor_GMCn.shape[2]
    if x_GMRn.shape[2] == tokens:
        return x_GMRn * factor_GMCn
    return (x_GMRn.unflatten(2, (-1, tokens)) * factor_GMCn[:, :, None]).flatten(2, 3)


class _UnitInverse(torch.autograd.Function):
    """The inverse of I + L, L [..., C, C] strictly lower triangular; what L holds elsewhere is not looked at."""

    @staticmethod
    def forward(ctx: Any, lower: Tensor) -> Tensor:
        identity = torch.eye(lower.shape[-1], dtype=lower.dtype, device=lower.device).expand_as(lower)
        inverse = torch.linalg.solve_triangular(lower, identity, upper=False, unitriangular=True)
        ctx.save_for_backward(inverse)
        return inverse

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (inverse,) = ctx.saved_tensors
        return (inverse.mT @ gradients[0] @ inverse.mT).tril_(-1).neg_()
