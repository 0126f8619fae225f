"""95% intervals for a mean over problems, each saying by which method it was computed.

The quantity is the mean, over a population of problems, of a problem's expected value (the chance that a sample is
correct, that one of k is, that the majority is). Problems are the independent draws. Samples of one problem are not:
they are first made one value of their problem, from 0 to 1, and P such values are all that an interval rests on.

Which method is used follows from the data by this rule; `tests/evaluation/test_coverage.py` measures what comes of it:

- Enough problems decide, one sample a problem: Wilson's score interval (E. B. Wilson, JASA 22, 1927, p. 209).
- Enough problems decide, several samples: t over the problems' values (the clustered standard error, E. Miller, arXiv
  2411.00640, section 2.2), transformed so that a skewed population is covered on both sides (P. Hall, J. R. Stat. Soc.
  B 54, 1992, p. 221).
- Too few do: bounds that hold for every population on [0, 1] (`bounded.py`), which for one sample a problem are Clopper
  and Pearson's. Neither of the others is safe there: Wilson's interval of 30 problems covers only 84 to 92% at some
  accuracies, a t interval of a hard, skewed set as little as 77%, because a kind of problem which none of the 30 shows
  cannot widen it.

Enough means all of: 200 problems; what would be 10 solved and 10 unsolved ones; and a spread that at least 10 problems
make up (`deciding`).

What no rule can mend: of a population in which one problem in P or fewer differs greatly from all others, P problems
often show none, and above 200 problems the interval does not know.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from rlhf.evaluation.bounded import mean_bounds
from rlhf.evaluation.student import t_quantile

WILSON = "wilson"
EXACT = "clopper-pearson"
CLUSTERED_T = "t for skew, clustered by problem"
BOUNDED = "gaffke bound, clustered by problem"
ENOUGH_PROBLEMS, ENOUGH_DECIDING = 200, 10


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

    Every problem weighs the same, however many samples it has. Raises ValueError for no problems, or for a problem
    without samples (leave such problems out and count them).
    """
    if not len(correct_PS):
        raise ValueError("accuracy of no problems: there is nothing to estimate")
    for index, samples in enumerate(correct_PS):
        if not len(samples):
            raise ValueError(f"problem {index} has no samples: leave it out, and report how many were left out")
    means_P = [sum(map(bool, samples)) / len(samples) for samples in correct_PS]
    return mean_interval(means_P, sum(len(samples) for samples in correct_PS), level)


def mean_interval(values_P: Sequence[float], n_samples: int, level: float = 0.95) -> Interval:
    """Mean of one value per problem, each from 0 to 1, with its interval by the rule of this module.

    n_samples: of all problems together. Where it is the number of problems, the values are single verdicts, 0 or 1.
    """
    values = np.asarray(values_P, dtype=np.float64)
    n_problems = len(values)
    if n_problems == 0:
        raise ValueError("the mean of no problems: there is nothing to estimate")
    if values.min() < 0 or values.max() > 1:
        raise ValueError(f"a problem's value goes from 0 to 1; found {values.min()} to {values.max()}")
    value = min(1.0, math.fsum(values) / n_problems)
    single = n_samples == n_problems
    evidence = min(deciding(values), n_problems * value, n_problems * (1 - value))
    if n_problems < ENOUGH_PROBLEMS or evidence < ENOUGH_DECIDING:
        (low, high), method = mean_bounds(values, 0.0, 1.0, level), EXACT if single else BOUNDED
    elif single:
        (low, high), method = wilson(value, n_problems, level), WILSON
    else:
        (low, high), method = skewed_t(values, level), CLUSTERED_T
    low, high = max(0.0, min(value, low)), min(1.0, max(value, high))
    return Interval(value, low, high, method, n_problems, n_samples)


def deciding(values_P: np.ndarray) -> float:
    """How many values make up the spread: (sum c^2)^2 / sum c^4 of the deviations c from the mean, P / kurtosis.

    P / 3 where values are normal, P where they are half 0 and half 1, about m where m of many are 1 and the rest 0;
    0 where all are equal.
    """
    square_P = np.square(values_P - values_P.mean())
    if square_P.max() < 1e-20:  # rounding
        return 0.0
    return float(square_P.sum() ** 2 / np.square(square_P).sum())


def skewed_t(values_P: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The t interval of a mean with Hall's correction for skewness; not cut off.

    With T = (mean - mu) sqrt(P) / s and g the skewness, `T + g T^2 / (3 sqrt P) + g^2 T^3 / (27 P) + g / (6 sqrt P)` is
    symmetric to a higher order than T; it is monotone in T, so t's quantiles are taken back through it.
    """
    n, mean = len(values_P), float(values_P.mean())
    c_P = values_P - mean
    spread = math.sqrt(float(np.square(c_P).mean()))
    skewness = float((c_P**3).mean()) / spread**3
    quantile, root = t_quantile(0.5 + level / 2, n - 1), math.sqrt(n)

    def back(y: float) -> float:
        if abs(skewness) < 1e-6:
            return y
        return 3 * root / skewness * (math.cbrt(1 + skewness * (y / root - skewness / (6 * n))) - 1)

    error = spread / math.sqrt(n - 1)
    return mean - error * back(quantile), mean - error * back(-quantile)


def wilson(value: float, n: int, level: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval of a share `value` of `n` independent trials."""
    z = NormalDist().inv_cdf(0.5 + level / 2)
    middle = (value + z * z / (2 * n)) / (1 + z * z / n)
    reach = z * math.sqrt(value * (1 - value) / n + z * z / (4 * n * n)) / (1 + z * z / n)
    # At 0 and 1 the bound is exactly the value; rounding must not put it a hair inside.
    return max(0.0, min(value, middle - reach)), min(1.0, max(value, middle + reach))
