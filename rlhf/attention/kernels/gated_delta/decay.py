"""The decay between every two tokens of a chunk, put on what the tokens have in common."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf.attention.kernels.gla.decayed import FAINTEST_EXPONENT


def decay_pairs(qk_GMRC: Tensor, kk_GMCC: Tensor, log_decay_GMC: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Products at (i, j) times exp(sum of the log decays after j and up to i), 0 for i < j; and until_GMC, the decay
    from each token to the chunk's end. qk: of R query heads, [G, M, R * C, C]."""
    return _DecayPairs.apply(qk_GMRC, kk_GMCC, log_decay_GMC)


def since_start(log_decay_GMC: Tensor) -> Tensor:
    """[G, M, C]: the decay from before the chunk to each of its tokens."""
    return log_decay_GMC.cumsum(-1).clamp(min=FAINTEST_EXPONENT).exp()


class _DecayPairs(torch.autograd.Function):
    """By hand, for a product's gradient times the product is what both products' decays need."""

    @staticmethod
    def forward(ctx: Any, qk: Tensor, kk: Tensor, log_decay: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        # In float64: the difference of two long sums would lose what is left of float32.
        total = log_decay.double().cumsum(-1)
        exponent = (total[..., :, None] - total[..., None, :]).to(log_decay.dtype)
        decay = exponent.clamp_(FAINTEST_EXPONENT, 0.0).exp_().tril_()
        scores, lower = (_squares(qk, kk) * decay[:, :, None]).view_as(qk), kk * decay
        ctx.save_for_backward(decay, scores, lower)
        return scores, lower, decay[..., -1, :].clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, ...]:
        g_scores, g_lower, g_until = gradients
        decay, scores, lower = ctx.saved_tensors
        g_squares = _squares(g_scores, decay)
        weighed = g_squares * _squares(scores, decay)
        weighed = weighed.sum(2) if weighed.shape[2] > 1 else weighed.squeeze(2)
        weighed.addcmul_(g_lower, lower)
        weighed[..., -1, :].addcmul_(g_until, decay[..., -1, :])
        # The diagonal is 1 whatever the decays are; left in, it would cancel, but for its rounding.
        weighed.tril_(-1)
        total = weighed.sum(-1).sub_(weighed.sum(-2))
        g_log_decay = total.flip(-1).cumsum_(-1).flip(-1)
        return (g_squares * decay[:, :, None]).view_as(g_scores), g_lower * decay, g_log_decay


def _squares(x_GMRC: Tensor, like_GMCC: Tensor) -> Tensor:
    """[G, M, R * C, C] -> [G, M, R, C, C]."""
    return x_GMRC.unflatten(2, (-1, like_GMCC.shape[2]))
