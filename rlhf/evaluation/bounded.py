"""Bounds for the mean of values that are known to lie in a range, whatever else their distribution is.

Gaffke's bound (N. Gaffke, Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative
variable, 2005; E. Learned-Miller and P. Thomas, arXiv 1905.06208): one unseen value is put at the end of the range,
and every value is given a random weight, all weights together uniform on the simplex. The upper bound is the 97.5%
quantile of the weighted mean. It is conjectured to hold for every distribution on the range (no counterexample is
known), and of values that are only 0 or 1 it is Clopper and Pearson's exact bound.

No weights are drawn. Weights uniform on the simplex are standard exponential variables E over their sum, so the
weighted mean is at most q exactly where `sum E_i (x_i - q) <= 0`: the distribution function of a weighted sum of
exponential variables, which is one integral over its characteristic function.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np

_REACH = 32.0  # standard deviations that the sum of exponential variables is never away from its mean: e^-32 is 1e-14
_BLOCK = 64
_NOTHING = 1e-13
_MOST_STEPS = 100
_NORMAL = NormalDist()


def mean_bounds(values_P: np.ndarray, bottom: float, top: float, level: float = 0.95) -> tuple[float, float]:
    """Lower and upper bound of the mean, each missed with probability (1 - level) / 2 at most; level from 0.5."""
    if not 0.5 <= level < 1:
        raise ValueError(f"a level goes from 0.5 to below 1, not {level}")
    values_P = np.asarray(values_P, dtype=np.float64)
    return -_upper(-values_P, -bottom, level), _upper(values_P, top, level)


def chance_not_above(values_P: np.ndarray, top: float, q: float) -> float:
    """P(weighted mean of the values and an unseen one at `top` <= q).

    1 minus this is the p-value against "the mean is q or more", where the values speak for less.
    """
    distinct_V, counts_V = np.unique(np.append(np.asarray(values_P, dtype=np.float64), top), return_counts=True)
    return _sum_not_above_zero(distinct_V - q, counts_V.astype(np.float64))


def _upper(values_P: np.ndarray, top: float, level: float) -> float:
    """The quantile of the weighted mean at 0.5 + level / 2, by the secant method with a bracket (Illinois).

    It goes over normal scores, which are nearly straight in q.
    """
    distinct_V, counts = np.unique(np.append(values_P, top), return_counts=True)
    counts_V = counts.astype(np.float64)
    if len(distinct_V) == 1:
        return top
    wanted = _NORMAL.inv_cdf(0.5 + level / 2)

    def excess(q: float) -> float:
        chance = _sum_not_above_zero(distinct_V - q, counts_V)
        return _NORMAL.inv_cdf(min(max(chance, 1e-12), 1 - 1e-12)) - wanted

    n = float(counts_V.sum())
    low = float(distinct_V @ counts_V) / n
    spread = math.sqrt(float(np.square(distinct_V - low) @ counts_V)) / n
    high = min(top, low + (wanted + 1) * spread)
    at_low, at_high = excess(low), excess(high)
    if at_high < 0:  # far from normal
        low, at_low, high, at_high = high, at_high, top, excess(top)
    close = 1e-10 * (top - float(distinct_V[0])) + 8 * math.ulp(max(abs(top), abs(float(distinct_V[0]))))
    last = 0.0
    for _ in range(_MOST_STEPS):
        q = high - at_high * (high - low) / (at_high - at_low)
        at = excess(q)
        if abs(at) < 1e-8 or high - low < close:
            return q
        stuck = 0.5 if at * last > 0 else 1.0  # twice on one side: the other end counts half
        if at < 0:
            low, at_low, at_high = q, at, at_high * stuck
        else:
            high, at_high, at_low = q, at, at_low * stuck
        last = at
    raise ArithmeticError(f"the bound of {len(values_P)} values was not found in {_MOST_STEPS} steps")


def _sum_not_above_zero(scales_V: np.ndarray, counts_V: np.ndarray) -> float:
    """P(sum over V of scale times Gamma(count) <= 0), by Gil-Pelaez's inversion formula (Biometrika 38, 1951, p. 481).

    It is 1/2 - 1/pi times the integral of Im(phi(t)) / t over t > 0, with phi(t) = prod (1 - i t scale)^-count, in
    units in which the sum's standard deviation is 1. By the midpoint rule, whose error is the chance that the sum is
    further than about 2 pi / step from 0 (R. B. Davies, Biometrika 60, 1973, p. 415). Far out, where phi of few
    variables, or of many small beside one large, falls off and turns slowly, steps of t grow: t = s sinh(u / s).
    """
    if scales_V.max() <= 0:
        return 1.0
    if scales_V.min() >= 0:
        return 0.0
    scales_V = scales_V / np.abs(scales_V).max()  # the squares of what is left neither overflow nor vanish together
    scales_V = scales_V / math.sqrt(float(counts_V @ (scales_V * scales_V)))
    step = 2 * math.pi / (_REACH + abs(float(counts_V @ scales_V)))
    s = 3 * math.sqrt(float(counts_V.sum()))
    total, first = 0.0, 0
    while True:
        u_T = (np.arange(first, first + _BLOCK) + 0.5) * step
        t_T = s * np.sinh(u_T / s)
        x_TV = np.outer(t_T, scales_V)
        size_T = np.exp(-0.5 * (np.log1p(x_TV * x_TV) @ counts_V)) * np.cosh(u_T / s) / t_T
        total += step * float(np.sin(np.arctan(x_TV) @ counts_V) @ size_T)
        if size_T[-1] < _NOTHING:
            return min(1.0, max(0.0, 0.5 - total / math.pi))
        first += _BLOCK
