"""Metric values that know how to be merged: a mean carries its count, so that a mean of means is right.

`a + b` merges two of one kind and is associative and commutative (up to rounding of sums), so workers,
micro-batches and ranks may be merged in any order. Two things are kept apart:

- *no data* (a mean over nothing) is `None`, never 0 and never NaN;
- NaN is data: it is never skipped, and survives every merge, so that a diverged run shows it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable


@runtime_checkable
class Metric(Protocol):
    """A value that can be merged with others of its kind."""

    def __add__(self, other: Self, /) -> Self: ...

    def value(self) -> float | None:
        """The reduced number, or None where there is no data."""
        ...


@dataclass(frozen=True, slots=True)
class Mean:
    """`sum / count`; the count may be fractional (token weights). None while the count is 0."""

    sum: float = 0.0
    count: float = 0.0

    def __post_init__(self) -> None:
        if not self.count >= 0.0:  # also refuses a NaN count
            raise ValueError(f"the count of a mean is 0 or more, not {self.count!r}")

    def __add__(self, other: Mean) -> Mean:
        _same_kind(self, other)
        return Mean(self.sum + other.sum, self.count + other.count)

    def value(self) -> float | None:
        return self.sum / self.count if self.count else None


@dataclass(frozen=True, slots=True)
class Sum:
    """A total. A sum over nothing is 0."""

    total: float = 0.0

    def __add__(self, other: Sum) -> Sum:
        _same_kind(self, other)
        return Sum(self.total + other.total)

    def value(self) -> float | None:
        return self.total


@dataclass(frozen=True, slots=True)
class Max:
    """The greatest value seen; `None` is no data."""

    greatest: float | None = None

    def __add__(self, other: Max) -> Max:
        _same_kind(self, other)
        return Max(_extreme(self.greatest, other.greatest, max))

    def value(self) -> float | None:
        return self.greatest


@dataclass(frozen=True, slots=True)
class Min:
    """The least value seen; `None` is no data."""

    least: float | None = None

    def __add__(self, other: Min) -> Min:
        _same_kind(self, other)
        return Min(_extreme(self.least, other.least, min))

    def value(self) -> float | None:
        return self.least


@dataclass(frozen=True, slots=True)
class Ratio:
    """`part / whole`, each summed over everything merged (tokens per second, share of truncated responses).

    None while the whole is 0. Unlike `Mean`, `whole` may be any quantity, not only a number of observations.
    """

    part: float = 0.0
    whole: float = 0.0

    def __add__(self, other: Ratio) -> Ratio:
        _same_kind(self, other)
        return Ratio(self.part + other.part, self.whole + other.whole)

    def value(self) -> float | None:
        return self.part / self.whole if self.whole else None


class MetricBag(Mapping[str, Metric]):
    """Metrics by name. One bag a worker and step; bags of several workers are merged with `+` or `merge`."""

    def __init__(self, metrics: Mapping[str, Metric] | None = None) -> None:
        self._metrics: dict[str, Metric] = dict(metrics or {})

    def add(self, name: str, metric: Metric) -> None:
        """Merges `metric` into what the bag holds under `name`.

        Raises TypeError if the name holds a metric of another kind.
        """
        held = self._metrics.get(name)
        if held is None:
            self._metrics[name] = metric
            return
        if type(held) is not type(metric):
            raise TypeError(
                f"metric {name!r} is a {type(held).__name__}; a {type(metric).__name__} cannot be added to it"
            )
        self._metrics[name] = held + metric

    def mean(self, name: str, value: float, count: float = 1.0) -> None:
        """Adds `value`, the mean of `count` observations."""
        self.add(name, Mean(float(value) * count, count) if count else Mean())

    def sum(self, name: str, value: float) -> None:
        self.add(name, Sum(float(value)))

    def max(self, name: str, value: float) -> None:
        self.add(name, Max(float(value)))

    def min(self, name: str, value: float) -> None:
        self.add(name, Min(float(value)))

    def ratio(self, name: str, part: float, whole: float) -> None:
        self.add(name, Ratio(float(part), float(whole)))

    def merge(self, other: MetricBag) -> None:
        """Merges another worker's bag into this one; a name that only one of them holds is kept."""
        for name, metric in other.items():
            self.add(name, metric)

    def __add__(self, other: MetricBag) -> MetricBag:
        merged = MetricBag(self)
        merged.merge(other)
        return merged

    def values_by_name(self) -> dict[str, float | None]:
        """The step's plain numbers, in the order of their names; None where there is no data."""
        return {name: self._metrics[name].value() for name in sorted(self._metrics)}

    def __getitem__(self, name: str) -> Metric:
        return self._metrics[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._metrics)

    def __len__(self) -> int:
        return len(self._metrics)

    def __repr__(self) -> str:
        return f"MetricBag({self._metrics!r})"


def _same_kind(left: object, right: object) -> None:
    if type(left) is not type(right):
        raise TypeError(f"a {type(left).__name__} merges with its own kind only, not with {type(right).__name__}")


def _extreme(left: float | None, right: float | None, pick: _Pick) -> float | None:
    if left is None or right is None:
        return right if left is None else left
    if math.isnan(left) or math.isnan(right):
        return math.nan  # max() and min() would let the order of their arguments decide
    return pick(left, right)


class _Pick(Protocol):
    def __call__(self, left: float, right: float, /) -> float: ...
