"""Populations of problems to draw benchmarks from: how often a sample of a problem is correct, p, differs between problems."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

Draw = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


@dataclass(frozen=True)
class Population:
    name: str
    draw: Draw

    def truth(self, value_of_count: Sequence[float]) -> float:
        """Mean over the population of a problem's expected value; value_of_count[c]: what c correct of n samples are worth."""
        n = len(value_of_count) - 1
        p = self.draw(np.random.default_rng(99), (200_000,))
        levels, counts = np.unique(p, return_counts=True)
        if len(levels) > 10:  # continuous: a fine grid of its quantiles is closer than the draws themselves
            levels, counts = np.quantile(p, (np.arange(2_000) + 0.5) / 2_000), np.ones(2_000)
        total = np.zeros(len(levels))
        with np.errstate(divide="ignore", invalid="ignore"):
            log_p, log_q = np.log(levels), np.log1p(-levels)
            for c, value in enumerate(value_of_count):
                power = np.where(c > 0, c * log_p, 0.0) + np.where(n - c > 0, (n - c) * log_q, 0.0)
                total += value * math.comb(n, c) * np.exp(power)
        return float(total @ counts / counts.sum())


def beta(a: float, b: float) -> Population:
    return Population(f"beta({a}, {b})", lambda rng, shape: rng.beta(a, b, shape))


def two_kinds(share: float, high: float, low: float) -> Population:
    """A share of the problems has p = high, the others low."""
    return Population(
        f"{share:.0%} at {high}, others {low}", lambda rng, shape: np.where(rng.random(shape) < share, high, low)
    )


def constant(p: float) -> Population:
    return Population(f"all {p}", lambda rng, shape: np.full(shape, p))


MIDDLE = (
    beta(0.5, 0.5),
    beta(1, 1),
    beta(0.1, 0.6),
    beta(6, 2),
    two_kinds(0.3, 1, 0),
    two_kinds(0.12, 1, 0),
    two_kinds(0.05, 1, 0.3),
    constant(0.5),
    constant(0.12),
)
"""Means from 0.12 to 0.75."""

EXTREME = (
    beta(0.2, 4),
    beta(0.05, 1),
    beta(0.02, 2),
    beta(20, 0.5),
    two_kinds(0.05, 1, 0),
    two_kinds(0.01, 1, 0),
    two_kinds(0.05, 1, 0.02),
    two_kinds(0.97, 1, 0),
    constant(0.01),
    constant(0.99),
)
"""Means from 0.01 to 0.08 and from 0.97."""
