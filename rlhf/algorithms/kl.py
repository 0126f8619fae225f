"""Estimators of KL(p || q) from samples of p (spec: recipes, section 0; http://joschu.net/blog/kl-approx.html)."""

from __future__ import annotations

from torch import Tensor


def k1(logp: Tensor, logq: Tensor) -> Tensor:
    """log p - log q: unbiased, of either sign; as a loss its expected gradient is zero."""
    return logp - logq


def k2(logp: Tensor, logq: Tensor) -> Tensor:
    """(log q - log p)^2 / 2: biased, small variance; as a loss its expected gradient is that of the KL."""
    return 0.5 * (logq - logp) ** 2


def k3(logp: Tensor, logq: Tensor) -> Tensor:
    """q/p - 1 - log(q/p): unbiased and never negative."""
    difference = logq - logp
    return difference.exp() - difference - 1.0
