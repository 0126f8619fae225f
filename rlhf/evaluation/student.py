"""Student's t: its tail and its quantile, for any positive degrees of freedom, whole or not."""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist

_TINY, _CLOSE, _MOST_TERMS = 1e-300, 1e-15, 2000


def t_tail(t: float, degrees: float) -> float:
    """P(T >= |t|): half of I(v / (v + t^2); v/2, 1/2) (Abramowitz and Stegun 26.7.1)."""
    if not degrees > 0:
        raise ValueError(f"t_tail wants degrees > 0, not {degrees}")
    if math.isinf(t):
        return 0.0
    square = t * t
    return _beta_ratio(degrees / 2, 0.5, degrees / (degrees + square), square / (degrees + square)) / 2


@lru_cache(maxsize=4096)
def t_quantile(probability: float, degrees: float) -> float:
    """Quantile of Student's t for `probability` in (0.5, 1), by bisection of its tail."""
    if not (0.5 < probability < 1.0 and degrees > 0):
        raise ValueError(f"t_quantile wants a probability in (0.5, 1) and degrees > 0, not {probability}, {degrees}")
    wanted = 1 - probability
    low = high = NormalDist().inv_cdf(probability)  # t's tails are heavier, so the normal's quantile is below it
    while t_tail(high, degrees) > wanted:
        high *= 2
    while high - low > 1e-13 * high:
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, degrees) > wanted else (low, middle)
    return (low + high) / 2


def _beta_ratio(a: float, b: float, x: float, rest: float) -> float:
    """The regularised incomplete beta function I(x; a, b); rest = 1 - x, given apart so that none of it is lost.

    By its continued fraction (Abramowitz and Stegun 26.5.8), fast below the mean; above it, 1 - I(1 - x; b, a).
    """
    if x <= 0.0:
        return 0.0
    if rest <= 0.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(a, b, x) / a
    return 1 - front * _fraction(b, a, rest) / b


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction, by Lentz's method (W. J. Lentz, Applied Optics 15, 1976, p. 668)."""

    def safe(value: float) -> float:
        return value if abs(value) > _TINY else _TINY

    c, d = 1.0, 1 / safe(1 - (a + b) * x / (a + 1))
    result = d
    for m in range(1, _MOST_TERMS):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            c, d = safe(1 + term / c), 1 / safe(1 + term * d)
            result *= c * d
        if abs(c * d - 1) < _CLOSE:
            return result
    raise ArithmeticError(f"the incomplete beta function of {a}, {b}, {x} did not converge")
