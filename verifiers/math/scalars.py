"""Whether two expressions have the same value: refuted by numbers, proven exactly.

Cheapest first: the same tree; two rational numbers; different at a point; the same algebraic number; sympy.
"""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache

from verifiers.math.algebraic import equal_algebraic
from verifiers.math.exact import rational
from verifiers.math.nodes import Call, Node, Number, symbols
from verifiers.math.numeric import Evaluator, NoValueError, agree
from verifiers.math.rewrite import decimals, opaque
from verifiers.math.symbolic import proven_equal

PRINTED_DIGITS = 15
"""A decimal of so many significant digits is what a program prints for a value in double precision."""


@lru_cache(maxsize=4096)
def same_value(left: Node, right: Node) -> bool:
    """Equality, symmetric. Raises RefusedError for what is too large to be evaluated."""
    if left == right:
        return True
    one, two = rational(left), rational(right)
    if one is not None and two is not None:
        return one == two
    left, right = opaque(left), opaque(right)
    agreed = agree(left, right)
    if agreed is False:
        return False
    if agreed is None:
        return _same_parts(left, right)
    if not symbols(left) | symbols(right):
        algebraic = equal_algebraic(left, right)
        if algebraic is not None:
            return algebraic
    return proven_equal(left, right)


def rounds_to(answer: Node, reference: Node, least_digits: int) -> bool:
    """Whether an exact answer rounds to a decimal reference of at least `least_digits` significant digits (0: never).

    Or whether a decimal answer of 15 digits or more is an exact reference, as a program prints it.
    """
    if least_digits and _is_decimal(reference, least_digits) and not decimals(answer):
        return _within(answer, reference, Fraction(1, 2))
    if _is_decimal(answer, PRINTED_DIGITS) and not decimals(reference):
        return _within(reference, answer, Fraction(1))
    return False


def _is_decimal(node: Node, least_digits: int) -> bool:
    return isinstance(node, Number) and node.places is not None and node.digits >= least_digits


def _within(exact: Node, decimal: Node, units: Fraction) -> bool:
    """Whether they differ by at most so many units of the decimal's last place."""
    assert isinstance(decimal, Number) and decimal.places is not None
    if symbols(exact):
        return False
    limit = units / Fraction(10) ** decimal.places
    value = rational(exact)
    if value is not None:
        return abs(value - decimal.value) <= limit
    evaluator = Evaluator({})
    try:
        difference = evaluator.value(exact) - evaluator.value(decimal)
    except NoValueError:
        return False
    return bool(abs(difference) <= evaluator.value(Number(limit)))


def _same_parts(left: Node, right: Node) -> bool:
    """Of expressions without a value: the same operator of the same parts."""
    if not isinstance(left, Call) or not isinstance(right, Call):
        return False
    if left.head != right.head or len(left.args) != len(right.args):
        return False
    return all(same_value(a, b) for a, b in zip(left.args, right.args, strict=True))
