"""What expressions are worth: exact numbers that remember what they were made of, and polynomials."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from verifiers.logic.grammar.text import Unreadable

MAX_BITS = 4000
"""Of a numerator or denominator."""


class DivisionByZero(Unreadable):
    """An expression that divides by zero is of no value."""


@dataclass(frozen=True, slots=True)
class Made:
    """A number, the literal numbers that it was made of, and the operators between them."""

    value: Fraction
    numbers: tuple[Fraction, ...] = ()
    operators: frozenset[str] = frozenset()


class Exact:
    """Fractions under `+ - * /` alone."""

    def number(self, value: Fraction) -> Made:
        return Made(value, (value,))

    def name(self, name: str) -> Made:
        raise Unreadable(f"found the name {name!r}")

    def negate(self, a: Made) -> Made:
        return Made(-a.value, a.numbers, a.operators | {"-"})

    def combine(self, operator: str, a: Made, b: Made) -> Made:
        if operator == "/" and b.value == 0:
            raise DivisionByZero("it divides by zero")
        match operator:
            case "+":
                value = a.value + b.value
            case "-":
                value = a.value - b.value
            case "*":
                value = a.value * b.value
            case _:
                value = a.value / b.value
        return Made(_bounded(value), a.numbers + b.numbers, a.operators | b.operators | {operator})

    def power(self, a: Made, b: Made) -> Made:
        raise Unreadable("found an exponent; the operators are + - * /")

    def call(self, function: str, a: Made) -> Made:
        raise Unreadable(f"found the function {function!r}")


def _bounded(value: Fraction) -> Fraction:
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MAX_BITS:
        raise Unreadable("a number too large")
    return value


MAX_DEGREE = 1000
MAX_TERMS = 2000
MAX_WORK = 60_000
"""Products of two terms, in one expression."""

Monomial = tuple[int, ...]
"""The exponent of each variable; it may be negative."""


@dataclass(frozen=True, slots=True)
class Polynomial:
    """Its terms, none of them zero. expanded: no product of sums, nor a power of one, was written."""

    terms: dict[Monomial, Fraction]
    expanded: bool = True


class Polynomials:
    """Polynomials over the rationals in `variables`, terms with negative exponents included."""

    def __init__(self, variables: Sequence[str]) -> None:
        self._variables = list(variables)
        self._work = 0

    def number(self, value: Fraction) -> Polynomial:
        return Polynomial({(0,) * len(self._variables): value} if value else {})

    def name(self, name: str) -> Polynomial:
        return Polynomial({tuple(int(name == variable) for variable in self._variables): Fraction(1)})

    def negate(self, a: Polynomial) -> Polynomial:
        return Polynomial({monomial: -factor for monomial, factor in a.terms.items()}, a.expanded)

    def combine(self, operator: str, a: Polynomial, b: Polynomial) -> Polynomial:
        match operator:
            case "+":
                return self._sum(a, b)
            case "-":
                return self._sum(a, self.negate(b))
            case "*":
                return self._product(a, b)
        return self._product(a, self._inverse(b))

    def power(self, a: Polynomial, b: Polynomial) -> Polynomial:
        exponent = self._whole(b)
        if exponent < 0:
            return self.power(self._inverse(a), self.negate(b))
        if len(a.terms) == 1:
            ((monomial, factor),) = a.terms.items()
            size = max(factor.numerator.bit_length(), factor.denominator.bit_length())
            if size * exponent > MAX_BITS or max(map(abs, monomial), default=0) * exponent > MAX_DEGREE:
                raise Unreadable("a number or an exponent too large")
            return Polynomial({tuple(e * exponent for e in monomial): factor**exponent}, a.expanded)
        value = self.number(Fraction(1))
        for _ in range(exponent if a.terms else min(exponent, 1)):
            value = self._product(value, a)
        return Polynomial(value.terms, a.expanded and exponent < 2)

    def call(self, function: str, a: Polynomial) -> Polynomial:
        raise Unreadable(f"found the function {function!r} in a polynomial")

    def _sum(self, a: Polynomial, b: Polynomial) -> Polynomial:
        self._spend(len(b.terms))
        terms = dict(a.terms)
        for monomial, factor in b.terms.items():
            total = terms.pop(monomial, Fraction(0)) + factor
            if total:
                terms[monomial] = _bounded(total)
        return self._checked(Polynomial(terms, a.expanded and b.expanded))

    def _product(self, a: Polynomial, b: Polynomial) -> Polynomial:
        self._spend(len(a.terms) * len(b.terms))
        terms: dict[Monomial, Fraction] = {}
        for left, x in a.terms.items():
            for right, y in b.terms.items():
                monomial = tuple(i + j for i, j in zip(left, right, strict=True))
                terms[monomial] = _bounded(terms.get(monomial, Fraction(0)) + x * y)
        multiplied_out = self._is_number(a) or self._is_number(b) or max(len(a.terms), len(b.terms)) == 1
        kept = {monomial: factor for monomial, factor in terms.items() if factor}
        return self._checked(Polynomial(kept, a.expanded and b.expanded and multiplied_out))

    def _inverse(self, a: Polynomial) -> Polynomial:
        if not a.terms:
            raise DivisionByZero("it divides by zero")
        if len(a.terms) > 1:
            raise Unreadable("a division by a sum, which gives no polynomial")
        ((monomial, factor),) = a.terms.items()
        return Polynomial({tuple(-exponent for exponent in monomial): 1 / factor}, a.expanded)

    def _whole(self, a: Polynomial) -> int:
        value = a.terms.get((0,) * len(self._variables), Fraction(0))
        if not self._is_number(a) or value.denominator != 1 or abs(value) > MAX_DEGREE:
            raise Unreadable(f"an exponent that is no whole number up to {MAX_DEGREE}")
        return int(value)

    def _is_number(self, a: Polynomial) -> bool:
        return all(not any(monomial) for monomial in a.terms)

    def _checked(self, a: Polynomial) -> Polynomial:
        if len(a.terms) > MAX_TERMS or any(abs(e) > MAX_DEGREE for monomial in a.terms for e in monomial):
            raise Unreadable(f"more than {MAX_TERMS} terms, or an exponent beyond {MAX_DEGREE}")
        return a

    def _spend(self, work: int) -> None:
        self._work += work
        if self._work > MAX_WORK:
            raise Unreadable("an expression with too many terms to multiply out")


def derivative(a: Polynomial, index: int) -> dict[Monomial, Fraction]:
    """The terms of its derivative by the variable number `index`."""
    terms: dict[Monomial, Fraction] = {}
    for monomial, factor in a.terms.items():
        if monomial[index]:
            lower = tuple(e - (i == index) for i, e in enumerate(monomial))
            terms[lower] = factor * monomial[index]
    return terms
