"""Times of kernels at several lengths, and what is read off them: ratios, growth, whether targets are met. No torch."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.common import median

SDPA = "SDPA"
BOTH, FORWARD = "forward and backward", "forward"


@dataclass(frozen=True, slots=True)
class Cell:
    """One length in one dtype. seconds: by direction and name, every run. other_work: share of the cores that other
    processes used meanwhile."""

    dtype: str
    length: int
    other_work: float
    seconds: Mapping[str, Mapping[str, Sequence[float]]]


@dataclass(frozen=True, slots=True)
class Verdict:
    """Over all dtypes and lengths, forward and backward. least_beside: least speed in times the program's beside, None
    where it has no such kernel. growth: greatest cost at the longest length over that at a quarter of it, None where
    that was not run."""

    name: str
    least_beside: float | None
    growth: float | None

    def met(self, slowest: float, steepest: float) -> bool:
        return (self.least_beside is None or self.least_beside >= slowest) and (
            self.growth is None or self.growth <= steepest
        )


@dataclass(frozen=True, slots=True)
class Times:
    """twins: by kernel, the functions of the program beside that compute the same. linear: the kernels whose cost is
    linear in length, so that a target for their growth makes sense."""

    cells: Sequence[Cell]
    kernels: Sequence[str]
    twins: Mapping[str, Sequence[str]]
    linear: Collection[str]

    @property
    def dtypes(self) -> list[str]:
        return list(dict.fromkeys(cell.dtype for cell in self.cells))

    @property
    def directions(self) -> list[str]:
        return list(self.cells[0].seconds)

    def lengths(self, dtype: str) -> list[int]:
        return [cell.length for cell in self.cells if cell.dtype == dtype]

    def names(self, dtype: str, direction: str) -> list[str]:
        return list(dict.fromkeys(n for cell in self.cells if cell.dtype == dtype for n in cell.seconds[direction]))

    def medians(self, dtype: str, direction: str, name: str) -> dict[int, float]:
        """Seconds by length."""
        mine = [cell for cell in self.cells if cell.dtype == dtype]
        return {cell.length: median(cell.seconds[direction][name]) for cell in mine if name in cell.seconds[direction]}

    def growth(self, dtype: str, direction: str, name: str) -> float | None:
        found = self.medians(dtype, direction, name)
        if not found:
            return None
        longest = max(found)
        return found[longest] / found[longest // 4] if longest // 4 in found else None

    # -- tables -----------------------------------------------------------------------------------------------

    def milliseconds(self, dtype: str, direction: str) -> list[list[object]]:
        rows: list[list[object]] = []
        for name in self.names(dtype, direction):
            found = self.medians(dtype, direction, name)
            growth = self.growth(dtype, direction, name)
            cells = [1e3 * found[n] if n in found else "" for n in self.lengths(dtype)]
            rows.append([name, *cells, "" if growth is None else growth])
        return rows

    def over(self, dtype: str, direction: str, name: str, others: Sequence[str]) -> dict[int, float]:
        """By length: how many times as fast as the fastest of the others."""
        mine = self.medians(dtype, direction, name)
        theirs = [self.medians(dtype, direction, other) for other in others]
        return {n: min(t[n] for t in theirs) / s for n, s in mine.items() if all(n in t for t in theirs) and theirs}

    def ratios(self, dtype: str, direction: str, against: Mapping[str, Sequence[str]]) -> list[list[object]]:
        """against: by kernel, whom it is compared with; a kernel that is not there has no row."""
        rows: list[list[object]] = []
        for name in self.kernels:
            if name in against:
                found = self.over(dtype, direction, name, against[name])
                rows.append([name, *(found.get(n, "") for n in self.lengths(dtype))])
        return rows

    def against_sdpa(self) -> dict[str, Sequence[str]]:
        return dict.fromkeys(self.kernels, (SDPA,))

    def verdicts(self) -> list[Verdict]:
        """Of forward and backward together, for the kernels of linear cost."""
        found = []
        for name in (kernel for kernel in self.kernels if kernel in self.linear):
            speeds: list[float] = []
            growths: list[float] = []
            for dtype in self.dtypes:
                speeds += self.over(dtype, BOTH, name, self.twins.get(name, ())).values()
                if (growth := self.growth(dtype, BOTH, name)) is not None:
                    growths.append(growth)
            found.append(Verdict(name, min(speeds, default=None), max(growths, default=None)))
        return found

    def as_json(self) -> dict[str, Any]:
        """cells with every run; results: a line each, milliseconds and how often it was run."""
        results = [
            {
                "dtype": cell.dtype,
                "direction": direction,
                "name": name,
                "length": cell.length,
                "ms": 1e3 * median(seconds),
                "best_ms": 1e3 * min(seconds),
                "runs": len(seconds),
            }
            for cell in self.cells
            for direction, by_name in cell.seconds.items()
            for name, seconds in by_name.items()
        ]
        return {
            "twins": self.twins,
            "linear": sorted(self.linear),
            "cells": [asdict(cell) for cell in self.cells],
            "results": results,
        }
