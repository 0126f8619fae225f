"""Two results of one benchmark, paired by problem: what differs, by how much, how sure that is, and on which problems.

Problems are compared, not samples: d = mean of B's samples - mean of A's, one value a problem, from -1 to 1. Pairing
takes out how hard a problem is, which is most of what varies (E. Miller, arXiv 2411.00640, section 4.2).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rlhf.evaluation.bounded import chance_not_above, mean_bounds
from rlhf.evaluation.estimators import avg_at_n
from rlhf.evaluation.intervals import ENOUGH_DECIDING, Interval, deciding
from rlhf.evaluation.results import BenchmarkResult, ProblemResult, ResultsError
from rlhf.evaluation.student import t_quantile, t_tail

PAIRED_T = "paired t"
MCNEMAR = "exact McNemar"
BOUNDED = "paired gaffke bound"
ENOUGH_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class Difference:
    """B - A, from -1 to 1, with its 95% interval; p_value: two-sided, that the population's mean difference is 0.

    The p-value is below 0.05 exactly where the interval leaves 0 out.
    """

    value: float
    low: float
    high: float
    p_value: float
    method: str
    n_problems: int

    def __post_init__(self) -> None:
        if not -1.0 <= self.low <= self.value <= self.high <= 1.0 or not 0.0 <= self.p_value <= 1.0:
            raise ValueError(f"a difference needs -1 <= low <= value <= high <= 1 and a p-value, not {self}")


@dataclass(frozen=True, slots=True)
class Pair:
    """A problem that both results hold. a, b: shares of correct samples."""

    before: ProblemResult
    after: ProblemResult
    a: float
    b: float

    @property
    def id(self) -> str:
        return self.before.id

    @property
    def flip(self) -> Literal["better", "worse"] | None:
        """From mostly wrong to mostly right, or back; half right is neither."""
        if self.a < 0.5 < self.b:
            return "better"
        return "worse" if self.b < 0.5 < self.a else None


@dataclass(frozen=True, slots=True)
class Band:
    """Problems by their pass rate, the mean of A's and B's. Bands hold their upper edge; 0 and 1 stand alone.

    By the mean of both, because bands of A's own rate would show a fall of its best and a rise of its worst problems
    between two results of one model: luck does not repeat.
    """

    label: str
    n_problems: int
    a: float | None
    b: float | None


@dataclass(frozen=True, slots=True)
class BenchmarkComparison:
    """only_a, only_b: problems of one result. unjudged: problems of both, left out for want of a judged sample."""

    a: BenchmarkResult
    b: BenchmarkResult
    pairs: tuple[Pair, ...]
    only_a: int
    only_b: int
    unjudged: int
    accuracy_a: Interval
    accuracy_b: Interval
    difference: Difference
    bands: tuple[Band, ...]

    @property
    def name(self) -> str:
        return self.a.name

    def flips(self, direction: Literal["better", "worse"]) -> list[Pair]:
        """The widest first, then in the order of A."""
        return sorted((p for p in self.pairs if p.flip == direction), key=lambda p: -abs(p.b - p.a))


def compare_benchmark(a: BenchmarkResult, b: BenchmarkResult) -> BenchmarkComparison:
    """Raises ResultsError if a problem's question or reference differs, or if no problem of both was judged."""
    first, second = _by_id(a), _by_id(b)
    both = [name for name in first if name in second]
    for name in both:
        _check_same(a.name, first[name], second[name])
    pairs = tuple(
        Pair(first[name], second[name], _share(first[name]), _share(second[name]))
        for name in both
        if first[name].correct_S and second[name].correct_S
    )
    if not pairs:
        raise ResultsError(
            f"{a.name}: no problem was judged in both results ({len(first)} problems and {len(second)}, {len(both)} in "
            "both); compare results of the same problems"
        )
    return BenchmarkComparison(
        a=a,
        b=b,
        pairs=pairs,
        only_a=len(first) - len(both),
        only_b=len(second) - len(both),
        unjudged=len(both) - len(pairs),
        accuracy_a=avg_at_n([pair.before.correct_S for pair in pairs]),
        accuracy_b=avg_at_n([pair.after.correct_S for pair in pairs]),
        difference=paired_difference([pair.a for pair in pairs], [pair.b for pair in pairs]),
        bands=difficulty_bands(pairs),
    )


def _by_id(result: BenchmarkResult) -> dict[str, ProblemResult]:
    found = {problem.id: problem for problem in result.problems}
    if len(found) != len(result.problems):
        ids = [problem.id for problem in result.problems]
        twice = next(name for name in ids if ids.count(name) > 1)
        raise ResultsError(f"{result.name}: problem {twice!r:.80} is there twice; evaluate again")
    return found


def _check_same(benchmark: str, a: ProblemResult, b: ProblemResult) -> None:
    for what, one, other, hint in (
        ("question", a.question, b.question, "these are not the same problems"),
        ("reference", a.reference, b.reference, "evaluate both with the same --errata and the same source"),
    ):
        if one != other:
            raise ResultsError(
                f"{benchmark}: problem {a.id!r:.80} has another {what} in each result: {one!r:.80} and {other!r:.80}; "
                f"{hint}"
            )


def _share(problem: ProblemResult) -> float:
    correct_S = problem.correct_S
    return sum(correct_S) / len(correct_S) if correct_S else 0.0


def paired_difference(a_P: Sequence[float], b_P: Sequence[float], level: float = 0.95) -> Difference:
    """B - A over P problems, each a share from 0 to 1, with interval and p-value by one method, named.

    - Where enough problems decide (20 problems, `deciding` of the differences at least 10): a paired t interval with as
      many degrees of freedom as the differences' kurtosis k leaves to their variance: 2 P / (k - 1), at most P - 1
      (Satterthwaite's approximation: the variance of s^2 / sigma^2 is near (k - 1) / P).
    - Where few do: Gaffke's bounds on [-1, 1] (`bounded.py`), which know that an unseen problem may go either way. For
      single samples their p-value is exactly McNemar's, of the flips alone: 3 problems of 200 that all got better are
      no proof (p = 0.25).

    Raises ValueError for no problems or values outside 0 to 1.
    """
    a, b = np.asarray(a_P, dtype=np.float64), np.asarray(b_P, dtype=np.float64)
    if len(a) != len(b) or len(a) == 0:
        raise ValueError(
            f"a paired difference needs as many values of A as of B, and some; found {len(a)} and {len(b)}"
        )
    if min(a.min(), b.min()) < 0 or max(a.max(), b.max()) > 1:
        raise ValueError("a problem's value goes from 0 to 1")
    d_P = b - a
    n = len(d_P)
    value = max(-1.0, min(1.0, math.fsum(d_P) / n))
    decide = deciding(d_P)
    if n >= ENOUGH_PROBLEMS and decide >= ENOUGH_DECIDING:
        degrees = n - 1.0 if n <= decide else min(n - 1.0, 2 / (1 / decide - 1 / n))
        error = math.sqrt(float(np.square(d_P - value).sum()) / (n - 1) / n)
        reach = t_quantile(0.5 + level / 2, degrees) * error
        low, high, p_value = value - reach, value + reach, 2 * t_tail(value / error, degrees)
        method = PAIRED_T
    else:
        low, high = mean_bounds(d_P, -1.0, 1.0, level)
        above, below = 1 - chance_not_above(d_P, 1.0, 0.0), 1 - chance_not_above(-d_P, 1.0, 0.0)
        p_value = min(1.0, 2 * min(above, below))
        method = MCNEMAR if bool(np.isin(d_P, (-1.0, 0.0, 1.0)).all()) else BOUNDED
    return Difference(value, max(-1.0, min(low, value)), min(1.0, max(high, value)), p_value, method, n)


def difficulty_bands(pairs: Sequence[Pair]) -> tuple[Band, ...]:
    """Six bands from never to always solved, with A's and B's accuracy on each band's problems."""
    edges = (0.0, 0.25, 0.5, 0.75)
    labels = ("0", "0 to 0.25", "0.25 to 0.5", "0.5 to 0.75", "0.75 to 1", "1")
    members: list[list[Pair]] = [[] for _ in labels]
    for pair in pairs:
        rate = (pair.a + pair.b) / 2
        members[5 if rate == 1 else sum(rate > edge for edge in edges)].append(pair)
    return tuple(
        Band(
            label,
            len(found),
            math.fsum(pair.a for pair in found) / len(found) if found else None,
            math.fsum(pair.b for pair in found) / len(found) if found else None,
        )
        for label, found in zip(labels, members, strict=True)
    )
