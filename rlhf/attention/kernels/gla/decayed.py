"""What the decays do to the queries and keys of a chunk, exactly and for any gate.

With b_i the sum of the log gates up to token i of the chunk,

    scores[i, j] = sum_c q_i[c] k_j[c] exp(b_i - b_j)[c] for j <= i     (arXiv 2312.06635, sec. 4.1)

is a matrix product of q exp(b) and k exp(-b) as long as exp(-b) stays far from overflow, which gates near 1 allow for a
whole chunk. A chunk where they do not is halved until they do: between the halves the decay is measured from their
boundary, where the exponents of queries and keys are both at most 0. A single token needs no exponent.

Axes: G heads, M chunks, R query heads of a key-value head, C tokens, d key channels, N any leading axes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.grouped import causal

LARGEST_EXPONENT = 40.0
"""exp(40) is 2e17: it leaves float32 twenty decimal orders for the queries and keys themselves."""

FAINTEST_EXPONENT = -80.0
"""Anything fainter counts as this, 1.8e-35: CPUs take 30 times as long over numbers that underflow."""


@dataclass(frozen=True, slots=True)
class Decayed:
    """scores: inside the chunk, causal. read: q exp(b), for the state before the chunk; write: k exp(b_C - b), for the
    state after it; decay: exp(b_C), of the state over the chunk."""

    scores_GMRC: Tensor
    read_GMRd: Tensor
    write_GMCd: Tensor
    decay_GMd: Tensor


def decayed(q_GMRd: Tensor, k_GMCd: Tensor, log_alpha_GMCd: Tensor) -> Decayed:
    """q_GMRd: [G, M, R * C, d], the rows of the R query heads one after the other (`grouped.fold`)."""
    with torch.no_grad():
        b_GMCd = log_alpha_GMCd.cumsum(2)
        harsh_M = ~_mild_N(b_GMCd[:, :, -1]).all(0)
    if not harsh_M.any():
        return Decayed(*_Factored.apply(q_GMRd, k_GMCd, log_alpha_GMCd, b_GMCd))
    beyond = harsh_M[:, None, None]
    outside = _Factored.apply(q_GMRd, k_GMCd, log_alpha_GMCd.masked_fill(beyond, 0), b_GMCd.masked_fill(beyond, 0))
    chunks_N = harsh_M.nonzero().squeeze(-1)
    inside = _harsh(*(x.index_select(1, chunks_N) for x in (q_GMRd, k_GMCd, log_alpha_GMCd)))
    return Decayed(*(whole.index_copy(1, chunks_N, part) for whole, part in zip(outside, inside, strict=True)))


def _harsh(q_GMRd: Tensor, k_GMCd: Tensor, log_alpha_GMCd: Tensor) -> tuple[Tensor, ...]:
    q_GMRCd = q_GMRd.unflatten(2, (-1, k_GMCd.shape[2]))
    since_GMCd, until_GMCd = _since_start(log_alpha_GMCd), _until_end(log_alpha_GMCd)
    scores = _halved(q_GMRCd, k_GMCd, log_alpha_GMCd).flatten(2, 3)
    return scores, (q_GMRCd * since_GMCd[:, :, None]).flatten(2, 3), k_GMCd * until_GMCd, since_GMCd[:, :, -1]


def _mild_N(sum_Nd: Tensor) -> Tensor:
    """False for NaN too: another sequence's NaN must not decide."""
    return (sum_Nd >= -LARGEST_EXPONENT).all(-1)


def _since_start(log_alpha_NCd: Tensor) -> Tensor:
    """exp(b_i)."""
    return log_alpha_NCd.cumsum(-2).clamp(min=FAINTEST_EXPONENT).exp()


def _until_end(log_alpha_NCd: Tensor) -> Tensor:
    """exp(b_C - b_i), from a sum of the gates behind and no difference of two sums: nothing cancels."""
    behind = torch.cat([log_alpha_NCd[..., 1:, :], torch.zeros_like(log_alpha_NCd[..., :1, :])], -2)
    return behind.flip(-2).cumsum(-2).clamp(min=FAINTEST_EXPONENT).exp().flip(-2)


def _halved(q_NRCd: Tensor, k_NCd: Tensor, log_alpha_NCd: Tensor) -> Tensor:
    """scores [N, R, C, C]."""
    size = k_NCd.shape[-2]
    if size == 1:
        return (q_NRCd * k_NCd[..., None, :, :]).sum(-1, keepdim=True)
    if _mild_N(log_alpha_NCd.detach().sum(-2)).all():
        b_NCd = log_alpha_NCd.cumsum(-2)
        return ((q_NRCd * b_NCd.exp()[..., None, :, :]) @ (k_NCd * (-b_NCd).exp())[..., None, :, :].mT).tril()
    half = size // 2
    q_NRhd = q_NRCd.unflatten(-2, (2, half)).movedim(-3, -4)
    k_Nhd, log_alpha_Nhd = k_NCd.unflatten(-2, (2, half)), log_alpha_NCd.unflatten(-2, (2, half))
    (k, _), (before, after) = k_Nhd.unbind(-3), log_alpha_Nhd.unbind(-3)
    read = q_NRhd.select(-4, 1) * _since_start(after)[..., None, :, :]
    between = read @ (k * _until_end(before))[..., None, :, :].mT
    first, second = _halved(q_NRhd, k_Nhd, log_alpha_Nhd).unbind(-4)
    above = torch.cat([first, torch.zeros_like(first)], -1)
    return torch.cat([above, torch.cat([between, second], -1)], -2)


class _Factored(torch.autograd.Function):
    """The whole chunk at once, of mild gates, with a backward that makes few temporaries.

    A gate moves the outputs only through q exp(b) and k exp(-b), so the gradient of b is that of q times q less that of
    k times k (arXiv 2312.06635, sec. 4.3).
    """

    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, log_alpha: Tensor, b: Tensor) -> tuple[Tensor, ...]:
        repeats = q.shape[2] // k.shape[2]
        grown = b.exp()
        read = _times(q, grown, repeats)
        undone = k / grown
        scores = causal(read @ undone.mT, repeats)
        decay = grown[:, :, -1].clone()
        ctx.save_for_backward(grown, read, undone)
        return scores, read, undone * decay[:, :, None], decay

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        g_scores, g_read, g_write, g_decay = gradients
        grown, read, undone = ctx.saved_tensors
        repeats, decay = read.shape[2] // undone.shape[2], grown[:, :, -1]
        g_scores = causal(g_scores, repeats)
        g_read = (g_scores @ undone).add_(g_read)
        g_write = g_write * decay[:, :, None]
        g_end = (g_write * undone).sum(2).add_(g_decay * decay)
        g_undone = (g_scores.mT @ read).add_(g_write)
        g_b = g_read * read
        if repeats > 1:
            g_b = g_b.unflatten(2, (repeats, -1)).sum(2)
        g_b.addcmul_(g_undone, undone, value=-1)
        later = torch.ones(g_b.shape[2], g_b.shape[2], dtype=g_b.dtype, device=g_b.device).triu()
        g_log_alpha = (later @ g_b).add_(g_end[:, :, None])
        return _times(g_read, grown, repeats), g_undone.div_(grown), g_log_alpha, None


def _times(x_GMRd: Tensor, factor_GMCd: Tensor, repeats: int) -> Tensor:
    if repeats == 1:
        return x_GMRd * factor_GMCd
    return (x_GMRd.unflatten(2, (repeats, -1)) * factor_GMCd[:, :, None]).flatten(2, 3)
