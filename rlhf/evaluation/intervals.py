"""95% intervals for accuracy, each saying by which method it was computed.

The quantity is the mean, over a population of problems, of the chance that one sample is correct. Problems
are the independent draws; samples of one problem are not, so they are averaged within their problem first.

- one sample a problem: Wilson's score interval (E. B. Wilson, JASA 22, 1927, p. 209).
- several samples: a t interval over the problems' means with `n_problems - 1` degrees of freedom (the
  clustered standard error, E. Miller, arXiv 2411.00640, section 2.2), cut off at 0 and 1. With few problems,
  or a mean near 0 or 1, its coverage falls below the nominal.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from statistics import NormalDist

WILSON = "wilson"
CLUSTERED_T = "t, clustered by problem"
WILSON_NO_SPREAD = "wilson on the number of problems (all problems have the same mean)"
UNKNOWN = "none: one problem says nothing about others"


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with its interval. value, low and high are fractions from 0 to 1."""

    value: float
    low: float
    high: float
    method: str
    n_problems: int
    n_samples: int

    def __post_init__(self) -> None:
        if not 0.0 <= self.low <= self.value <= self.high <= 1.0:
            raise ValueError(
                f"an interval needs 0 <= low <= value <= high <= 1, not {self.low}, {self.value}, {self.high}"
            )

    def overlaps(self, other: Interval) -> bool:
        return self.low <= other.high and other.low <= self.high

    def __str__(self) -> str:
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


def accuracy_interval(correct_PS: Sequence[Sequence[bool]], level: float = 0.95) -> Interval:
    """Accuracy of P problems with S samples each (S may differ between problems), with its interval.

    Raises ValueError for no problems, or for a problem without samples (leave such problems out and count them).
    """
    if not correct_PS:
        raise ValueError("accuracy of no problems: there is nothing to estimate")
    for index, samples in enumerate(correct_PS):
        if not len(samples):
            raise ValueError(f"problem {index} has no samples: leave it out, and report how many were left out")
    means_P = [sum(map(bool, samples)) / len(samples) for samples in correct_PS]
    n_problems, n_samples = len(means_P), sum(len(samples) for samples in correct_PS)
    value = min(1.0, math.fsum(means_P) / n_problems)
    if n_samples == n_problems:
        return Interval(value, *wilson(value, n_problems, level), WILSON, n_problems, n_samples)
    if n_problems == 1:
        return Interval(value, 0.0, 1.0, UNKNOWN, n_problems, n_samples)
    spread = math.sqrt(math.fsum((mean - value) ** 2 for mean in means_P) / (n_problems - 1))
    if spread < 1e-12:
        # A t interval would have no width, as if nothing were uncertain.
        return Interval(value, *wilson(value, n_problems, level), WILSON_NO_SPREAD, n_problems, n_samples)
    reach = t_quantile(0.5 + level / 2, n_problems - 1) * spread / math.sqrt(n_problems)
    return Interval(value, max(0.0, value - reach), min(1.0, value + reach), CLUSTERED_T, n_problems, n_samples)


def wilson(value: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share `value` of `n` independent trials."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 and 1 the bound is exactly the value; rounding must not put it a hair inside.
    return max(0.0, min(value, middle - reach)), min(1.0, max(value, middle + reach))


@lru_cache(maxsize=256)
def t_quantile(probability: float, degrees: int) -> float:
    """Quantile of Student's t for `probability` in (0.5, 1): the root of its distribution function.

    P(T <= t) = 1 - I(v / (v + t^2); v/2, 1/2) / 2, with mpmath's regularised incomplete beta function I
    (Abramowitz and Stegun 26.7.1). mpmath comes with sympy, which torch and math-verify need.
    """
    if not (0.5 < probability < 1.0 and degrees >= 1):
        raise ValueError(f"t_quantile wants a probability in (0.5, 1) and degrees >= 1, not {probability}, {degrees}")
    import mpmath

    def excess(t: float) -> float:
        return (
            float(1 - mpmath.betainc(degrees / 2, 0.5, 0, degrees / (degrees + t * t), regularized=True) / 2)
            - probability
        )

    low = high = NormalDist().inv_cdf(probability)  # t's tails are heavier, so the normal's quantile is below it
    while excess(high) < 0:
        high *= 2
    for _ in range(200):
        middle = (low + high) / 2
        if middle in (low, high):
            break
        low, high = (middle, high) if excess(middle) < 0 else (low, middle)
    return (low + high) / 2
