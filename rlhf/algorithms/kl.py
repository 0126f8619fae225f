"""Estimators of KL(p || q) from samples of p (spec: recipes, section 0; http://joschu.net/blog/kl-approx.html).

With d = log q - log p, gradients with respect to log p: k1: 1, k2: -d, k3: 1 - e^d.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor

from rlhf.algorithms.surrogates import MAX_LOG_RATIO


def k1(logp: Tensor, logq: Tensor) -> Tensor:
    """log p - log q: unbiased, of either sign; as a loss its expected gradient is zero."""
    return logp - logq


def k2(logp: Tensor, logq: Tensor) -> Tensor:
    """(log q - log p)^2 / 2: biased, small variance; as a loss its expected gradient is that of the KL."""
    return 0.5 * (logq - logp) ** 2


def k3(logp: Tensor, logq: Tensor) -> Tensor:
    """q/p - 1 - log(q/p): unbiased and never negative; as a loss its expected gradient is not that of the KL.

    Held within e^20: a token that the policy has all but ruled out must not be the whole gradient, nor overflow it.
    """
    difference = (logq - logp).clamp(-MAX_LOG_RATIO, MAX_LOG_RATIO)
    return difference.exp() - difference - 1.0


ESTIMATORS: Mapping[str, Callable[[Tensor, Tensor], Tensor]] = {"k1": k1, "k2": k2, "k3": k3}
