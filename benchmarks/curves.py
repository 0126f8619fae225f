"""What is read off curves over length: where two cross, how fast one rises, values between measured points."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from itertools import pairwise

Curve = Mapping[int, float]
"""Length in tokens -> seconds or bytes."""


def crossover(base: Curve, other: Curve) -> float | None:
    """From which length on `other` is below `base`, up to the longest: straight lines between the points in log-log.

    The shortest length where it always is; None where it is not at the longest.
    """
    lengths = sorted(set(base) & set(other))
    if not lengths or other[lengths[-1]] >= base[lengths[-1]]:
        return None
    gaps = [math.log(other[n] / base[n]) for n in lengths]
    for (short, above), (long, below) in reversed(list(pairwise(zip(lengths, gaps, strict=True)))):
        if above >= 0:
            share = above / (above - below)
            return math.exp(math.log(short) + share * (math.log(long) - math.log(short)))
    return float(lengths[0])


def crossover_in_words(base: Curve, other: Curve) -> str:
    lengths = sorted(set(base) & set(other))
    if not lengths:
        return "–"
    found = crossover(base, other)
    if found is None:
        return f"above {lengths[-1]:,}"
    always = all(other[n] < base[n] for n in lengths)
    return f"below {lengths[0]:,}" if always else f"{found:,.0f}"


def ratio(base: Curve, other: Curve) -> float | None:
    """base / other at the longest length that both have."""
    lengths = set(base) & set(other)
    return base[max(lengths)] / other[max(lengths)] if lengths else None


def growth(curve: Curve) -> float:
    """The value at the longest length over that at the shortest."""
    return curve[max(curve)] / curve[min(curve)]


def at(points: Sequence[Sequence[float]], x: float) -> float:
    """Of rising (x, y), straight lines between them; the ends beyond them."""
    i = bisect_left([p[0] for p in points], x)
    if i == 0 or i == len(points):
        return float(points[min(i, len(points) - 1)][1])
    (x0, y0), (x1, y1) = points[i - 1], points[i]
    return float(y0 + (y1 - y0) * (x - x0) / (x1 - x0))


def seconds_each(points: Sequence[Sequence[float]], length: int, window: int = 512) -> float:
    """Seconds a token over the last `window` tokens before `length` (at most half of them). points: tokens, seconds."""
    width = min(window, length // 2)
    return (at(points, length) - at(points, length - width)) / width
