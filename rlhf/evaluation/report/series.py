"""Numbers for charts: bins, running means, ticks, labels. Pure functions over columns of `float | None`."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

Value = float | None


def finite(value: Value) -> bool:
    return value is not None and math.isfinite(value)


@dataclass(frozen=True, slots=True)
class Bins:
    """Consecutive rows gathered into at most so many bins of one size (the last may be smaller).

    edges[i] to edges[i + 1] are the indices of bin i's rows.
    """

    edges: tuple[int, ...]

    @classmethod
    def of(cls, rows: int, most: int) -> Bins:
        size = max(1, -(-rows // most))
        return cls((*range(0, rows, size), rows))

    @property
    def size(self) -> int:
        """Rows of a bin."""
        return self.edges[1] - self.edges[0] if len(self) else 0

    def __len__(self) -> int:
        return len(self.edges) - 1

    def cells(self, column: Sequence[Value]) -> list[list[float]]:
        """Each bin's finite values."""
        column = list(column)
        return [[v for v in column[a:b] if v is not None and math.isfinite(v)] for a, b in pairwise(self.edges)]

    def means(self, column: Sequence[Value]) -> list[Value]:
        return [math.fsum(cell) / len(cell) if cell else None for cell in self.cells(column)]

    def ranges(self, column: Sequence[Value]) -> list[tuple[float, float] | None]:
        return [(min(cell), max(cell)) if cell else None for cell in self.cells(column)]


def spread(n: int, k: int) -> list[int]:
    """At most `k` indices of `range(n)`, evenly spread, the first and the last among them."""
    if n <= k:
        return list(range(n))
    return [round(i * (n - 1) / (k - 1)) for i in range(k)] if k > 1 else [n - 1]


def running_mean(values: Sequence[Value], window: int) -> list[Value]:
    """Mean of the last `window` values at each place, over those that are finite; None where there are none."""
    means: list[Value] = []
    for end in range(1, len(values) + 1):
        held = [v for v in values[max(0, end - window) : end] if v is not None and math.isfinite(v)]
        means.append(math.fsum(held) / len(held) if held and finite(values[end - 1]) else None)
    return means


def nice_ticks(low: float, high: float, about: int = 4) -> list[float]:
    """Round numbers that cover `low` to `high`: the first is at most `low`, the last at least `high`."""
    if high <= low:
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next((m * power for m in (1.0, 2.0, 2.5, 5.0) if m * power >= rough * 0.999), 10.0 * power)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten that cover `low` to `high` (both positive), at most about five."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    last = max(last, first + 1)
    stride = max(1, math.ceil((last - first) / 4))
    return [10.0**e for e in range(first, last + stride, stride)]


def short(value: float) -> str:
    """A number for an axis or a card: 3 to 4 digits, thousands as k, never more than 8 characters or so."""
    if not math.isfinite(value):
        return str(value)
    size = abs(value)
    if size >= 1e6:
        return f"{value / 1e6:.4g}M"
    if size >= 1e4:
        return f"{value / 1e3:.4g}k"
    if size >= 100 or value == int(value):
        return f"{value:,.0f}"
    if size >= 1e-3:
        return f"{value:.3g}"
    digits, _, power = f"{value:.1e}".partition("e")
    return f"{digits.removesuffix('.0')}e{int(power)}"
