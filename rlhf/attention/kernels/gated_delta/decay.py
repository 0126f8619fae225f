"""The decay between every two tokens of a chunk."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlhf.attention.kernels.gla.decayed import FAINTEST_EXPONENT


def between(log_decay_GMC: Tensor) -> Tensor:
    """[G, M, C, C]: exp(sum of the log decays of the tokens after j and up to i) at i, j; 1 at i = j, 0 above."""
    return _Between.apply(log_decay_GMC)


def since_start(log_decay_GMC: Tensor) -> Tensor:
    """[G, M, C]: the decay from before the chunk to each of its tokens."""
    return log_decay_GMC.cumsum(-1).clamp(min=FAINTEST_EXPONENT).exp()


class _Between(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, log_decay: Tensor) -> Tensor:
        # In float64: the difference of two long sums would lose what is left of float32.
        total = log_decay.double().cumsum(-1)
        exponent = (total[..., :, None] - total[..., None, :]).to(log_decay.dtype)
        decay = exponent.clamp_(FAINTEST_EXPONENT, 0.0).exp_().tril_()
        ctx.save_for_backward(decay)
        return decay

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (decay,) = ctx.saved_tensors
        # The diagonal is 1 whatever the decays are; left in, it would cancel, but for its rounding.
        weighed = (gradients[0] * decay).tril_(-1)
        total = weighed.sum(-1).sub_(weighed.sum(-2))
        return total.flip(-1).cumsum_(-1).flip(-1)
