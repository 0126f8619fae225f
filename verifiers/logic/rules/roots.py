"""The real roots of a polynomial over the rationals, by Sturm's theorem and bisection: exact up to the last halving."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from itertools import pairwise

Coefficients = list[Fraction]
"""Of x^0, x^1, …; the last one is not zero."""

PRECISION = Fraction(1, 10**9)
MAX_DEGREE = 60


def real_roots(terms: Mapping[int, Fraction]) -> list[Fraction]:
    """Every real root once, in order, to within 1e-9. terms: exponent to factor, exponents not negative.

    Raises ValueError for a polynomial that is constant, or of too high a degree.
    """
    degree = max(terms, default=0)
    if not 0 < degree <= MAX_DEGREE or min(terms) < 0:
        raise ValueError(f"metadata.entry: no polynomial of degree 1 to {MAX_DEGREE}")
    polynomial = [terms.get(exponent, Fraction(0)) for exponent in range(degree + 1)]
    chain = _sturm(polynomial)
    bound = 1 + max(abs(factor / polynomial[-1]) for factor in polynomial)  # Cauchy's
    return _between(chain, -bound, bound)


def _sturm(polynomial: Coefficients) -> list[Coefficients]:
    """The chain of the polynomial without its repeated roots."""
    chain = _chain(polynomial)
    return chain if len(chain[-1]) == 1 else _chain(_divided(polynomial, chain[-1])[0])


def _chain(polynomial: Coefficients) -> list[Coefficients]:
    chain = [polynomial, [factor * exponent for exponent, factor in enumerate(polynomial)][1:]]
    while len(chain[-1]) > 1 and (rest := _divided(chain[-2], chain[-1])[1]):
        chain.append([-factor for factor in rest])
    return chain


def _divided(a: Coefficients, b: Coefficients) -> tuple[Coefficients, Coefficients]:
    """Quotient and remainder; the remainder without leading zeros."""
    rest, quotient = list(a), [Fraction(0)] * max(len(a) - len(b) + 1, 0)
    for shift in reversed(range(len(quotient))):
        quotient[shift] = rest[-1] / b[-1]
        for index, factor in enumerate(b):
            rest[shift + index] -= quotient[shift] * factor
        rest.pop()
    while rest and rest[-1] == 0:
        rest.pop()
    return quotient, rest


def _value(polynomial: Coefficients, at: Fraction) -> Fraction:
    total = Fraction(0)
    for factor in reversed(polynomial):
        total = total * at + factor
    return total


def _changes(chain: list[Coefficients], at: Fraction) -> int:
    """Changes of sign along the chain, zeros left out."""
    signs = [value > 0 for value in (_value(p, at) for p in chain) if value != 0]
    return sum(a != b for a, b in pairwise(signs))


def _between(chain: list[Coefficients], low: Fraction, high: Fraction) -> list[Fraction]:
    """The roots in (low, high]."""
    waiting, found = [(low, high)], []
    while waiting:
        low, high = waiting.pop()
        count = _changes(chain, low) - _changes(chain, high)
        if count == 1:
            found.append(_refined(chain[0], low, high))
        elif count > 1:
            middle = (low + high) / 2
            waiting += [(middle, high), (low, middle)]
    return sorted(found)


def _refined(polynomial: Coefficients, low: Fraction, high: Fraction) -> Fraction:
    """The only root in (low, high], a simple one: left of it the sign is another than right of it."""
    last = _value(polynomial, high)
    while last != 0 and high - low >= PRECISION:
        middle = (low + high) / 2
        value = _value(polynomial, middle)
        if value == 0:
            return middle
        low, high = (low, middle) if (value > 0) is (last > 0) else (middle, high)
    return high if last == 0 else (low + high) / 2
