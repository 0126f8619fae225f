"""Proof by sympy, on expressions that are built node by node: no text ever reaches its parsers.

sympy sees only pairs that agree numerically to 25 digits wherever both have a value (numeric.py), whose powers,
factorials and numbers have been bounded there.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from verifiers.math.exact import rational
from verifiers.math.limits import MAX_DEGREE
from verifiers.math.nodes import EULER, IMAGINARY, INFINITY, PI, Call, Node, Number, Symbol, size

MAX_SIZE = 400
MAX_EXPANDED_TERMS = 3000


class NotInSympyError(Exception):
    """No sympy expression is built for this."""


def proven_equal(left: Node, right: Node) -> bool:
    """Whether sympy shows that the difference is zero where its variables are positive: the numbers, which have been
    looked at with either sign, would have told a difference elsewhere."""
    import sympy

    if size(left) + size(right) > MAX_SIZE:
        return False
    try:
        difference = build(left, {"positive": True}) - build(right, {"positive": True})
        if difference == 0:
            return True
        few = terms(left) + terms(right) <= MAX_EXPANDED_TERMS
        return few and (sympy.expand(difference) == 0 or sympy.simplify(difference) == 0)
    except NotInSympyError:
        return False
    except (ArithmeticError, AttributeError, NotImplementedError, TypeError, ValueError, sympy.PolynomialError):
        # What sympy raises on expressions that it cannot simplify: then nothing is proven. MemoryError and
        # RecursionError are not among them.
        return False


def terms(node: Node) -> int:  # noqa: PLR0911 - one return a kind
    """An upper bound on the terms of the expanded expression, itself cut to MAX_EXPANDED_TERMS and one."""
    beyond = MAX_EXPANDED_TERMS + 1
    if not isinstance(node, Call):
        return 1
    counts = [terms(arg) for arg in node.args]
    if node.head == "+":
        return min(sum(counts), beyond)
    if node.head == "*":
        product = 1
        for count in counts:
            product = min(product * count, beyond)
        return product
    if node.head == "binom":
        bottom = rational(node.args[1])  # of a constant `\\binom{x}{n}` is a polynomial of n + 1 terms
        return 1 if bottom is None or rational(node) is not None else min(int(abs(bottom)) ** 2 + 1, beyond)
    if node.head == "^":
        exponent = rational(node.args[1])
        if exponent is None or exponent.denominator != 1 or counts[0] == 1:
            return 1
        if abs(exponent) > MAX_DEGREE:
            return beyond
        power = int(abs(exponent))
        return min(math.comb(power + counts[0] - 1, counts[0] - 1), beyond) if counts[0] < beyond else beyond
    return 1


def build(node: Node, assumption: dict[str, bool]) -> Any:
    """The sympy expression of a tree. Raises NotInSympyError."""
    import sympy

    match node:
        case Number(value=value):
            return _number(value)
        case Symbol():
            constants = {PI: sympy.pi, EULER: sympy.E, IMAGINARY: sympy.I, INFINITY: sympy.oo}
            return constants[node] if node in constants else sympy.Symbol(node.name, **assumption)
        case Call(head=head, args=args):
            return _call(head, [build(arg, assumption) for arg in args])
    raise NotInSympyError


def _number(value: Fraction) -> Any:
    import sympy

    return sympy.Rational(value.numerator, value.denominator)


def _call(head: str, args: list[Any]) -> Any:
    import sympy

    if head.startswith("f:"):
        return sympy.Function(head[2:])(*args)
    if head == "log":
        return sympy.log(args[0]) / sympy.log(args[1] if len(args) == 2 else 10)
    rules: dict[str, Any] = {
        "+": sympy.Add, "*": sympy.Mul, "^": sympy.Pow, "root": lambda x, n: x ** (1 / n), "abs": sympy.Abs,
        "!": sympy.factorial, "!!": sympy.factorial2, "binom": sympy.binomial, "floor": sympy.floor,
        "ceil": sympy.ceiling, "%": lambda x: x / 100, "deg": lambda x: x * sympy.pi / 180, "mod": sympy.Mod,
        "max": sympy.Max, "min": sympy.Min, "gcd": sympy.gcd, "lcm": sympy.lcm, "sign": sympy.sign,
        "arcsin": sympy.asin, "arccos": sympy.acos, "arctan": sympy.atan, "arccot": sympy.acot,
        "arcsec": sympy.asec, "arccsc": sympy.acsc, "arsinh": sympy.asinh, "arcosh": sympy.acosh, "artanh": sympy.atanh,
        "sin": sympy.sin, "cos": sympy.cos, "tan": sympy.tan, "cot": sympy.cot, "sec": sympy.sec, "csc": sympy.csc,
        "sinh": sympy.sinh, "cosh": sympy.cosh, "tanh": sympy.tanh,
    }  # fmt: skip
    if head not in rules:
        raise NotInSympyError
    return rules[head](*args)
