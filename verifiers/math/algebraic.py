"""Proof that two algebraic constants are equal, by a root separation bound: exact, fast, and without sympy.

An expression of integers, + - * / and roots that is not zero is at least 2^-((D-1) u + l) in size, where D bounds its
algebraic degree (the product of the degrees of its distinct roots) and u, l bound the logarithms of its conjugates
above and of its denominator (Burnikel, Fleischer, Mehlhorn, Schirra, "A strong and easily computable separation bound
for arithmetic expressions involving radicals", Algorithmica 27, 2000, theorem 1). Evaluated with that many bits, a
difference that is smaller is zero. Roots of unity, and with them `i` and cosines of rational angles, are roots of 1.
"""

from __future__ import annotations

import math
from fractions import Fraction

from verifiers.math.exact import bits, rational
from verifiers.math.limits import RefusedError
from verifiers.math.nodes import EULER, IMAGINARY, PI, Call, Node, Number, Symbol, add, negative
from verifiers.math.numeric import Evaluator, NoValueError

MAX_PRECISION = 20_000
_SPARE_BITS = 64
Bound = tuple[float, float]
"""log2 of the bound on the conjugates of the numerator, and on the denominator."""


class _NotAlgebraicError(Exception):
    pass


def equal_algebraic(left: Node, right: Node) -> bool | None:
    """Whether two constants are the same algebraic number; None for what is not one by its form, or is too costly."""
    difference = add(left, negative(right))
    bound = _Bounds()
    try:
        upper, lower = bound.of(difference)
    except (_NotAlgebraicError, RefusedError):
        return None
    degree = math.prod(bound.roots.values())
    precision = (degree - 1) * upper + lower + _SPARE_BITS
    if not 0 < precision <= MAX_PRECISION:
        return None
    digits = int(precision / 3) + 30
    evaluator = Evaluator({}, digits)
    try:
        size = abs(evaluator.value(difference))
    except (NoValueError, RefusedError):
        return None
    lost = evaluator.context.log(evaluator.peak, 2)
    if lost + precision > digits * 3.3:
        return None
    return bool(size < evaluator.context.mpf(2) ** -int(precision - _SPARE_BITS / 2))


class _Bounds:
    """roots: the degree of every distinct root that was met."""

    def __init__(self) -> None:
        self.roots: dict[object, int] = {}

    def of(self, node: Node) -> Bound:
        match node:
            case Number(value=value):
                return _of_rational(value)
            case Symbol():
                return self._unity(4) if node == IMAGINARY else _no()
            case Call(head=head, args=args):
                return self._call(node, head, args)
        return _no()

    def _call(self, node: Call, head: str, args: tuple[Node, ...]) -> Bound:  # noqa: PLR0911 - one return a kind
        match head:
            case "+":
                return _sum([self.of(arg) for arg in args])
            case "*":
                return _product([self.of(arg) for arg in args])
            case "^":
                return self._power(node, *args)
            case "root":
                degree = rational(args[1])
                return self._rooted(node, args[0], degree) if degree is not None else _no()
            case "sin" | "cos":
                return self._cosine(args[0])
            case "tan":
                upper, lower = self._cosine(args[0])
                return upper + lower + 1, upper + lower + 1
            case "%":
                upper, lower = self.of(args[0])
                return upper, lower + math.log2(100)
        value = rational(node)
        return _of_rational(value) if value is not None else _no()

    def _power(self, node: Call, base: Node, exponent: Node) -> Bound:
        if base == EULER:
            return self._unity_of(_imaginary_turn(exponent))
        power = rational(exponent)
        if power is None:
            return _no()
        upper, lower = self.of(base)
        if power < 0:
            upper, lower, power = lower, upper, -power
        if power.denominator > 1:
            self._count(("root", base, power.denominator), power.denominator)
            upper, lower = _of_root(upper, lower, power.denominator)
        return upper * power.numerator, lower * power.numerator

    def _rooted(self, node: Call, radicand: Node, degree: Fraction) -> Bound:
        if degree.denominator != 1 or degree < 1:
            return _no()
        self._count(("root", radicand, int(degree)), int(degree))
        return _of_root(*self.of(radicand), int(degree))

    def _cosine(self, angle: Node) -> Bound:
        """(z + 1/z) / 2 of a root of unity z."""
        self._unity_of(_turn(angle))
        return 1.0, 1.0

    def _unity_of(self, turn: Fraction | None) -> Bound:
        return _no() if turn is None else self._unity(turn.denominator)

    def _unity(self, order: int) -> Bound:
        """A root of 1 has at most `order` conjugates, all of size 1; all that occur are powers of one."""
        self._count("unity", math.lcm(self.roots.get("unity", 1), order))
        return 0.0, 0.0

    def _count(self, key: object, degree: int) -> None:
        self.roots[key] = degree
        if math.prod(self.roots.values()) > MAX_PRECISION:
            raise _NotAlgebraicError


def _no() -> Bound:
    raise _NotAlgebraicError


def _of_rational(value: Fraction) -> Bound:
    if bits(value) > MAX_PRECISION:
        return _no()
    return math.log2(max(abs(value.numerator), 1)), math.log2(value.denominator)


def _sum(parts: list[Bound]) -> Bound:
    lower = sum(low for _, low in parts)
    return max(up + lower - low for up, low in parts) + math.log2(len(parts)), lower


def _product(parts: list[Bound]) -> Bound:
    return sum(up for up, _ in parts), sum(low for _, low in parts)


def _of_root(upper: float, lower: float, degree: int) -> Bound:
    if upper >= lower:
        return (upper + (degree - 1) * lower) / degree, lower
    return upper, ((degree - 1) * upper + lower) / degree


def _turn(angle: Node) -> Fraction | None:
    """The part of a full turn that an angle is, if it is a rational one: 1/6 of `\\pi/3`."""
    if isinstance(angle, Call) and angle.head == "deg":
        degrees = rational(angle.args[0])
        return None if degrees is None else degrees / 360
    return _multiple_of(angle, (PI,))


def _imaginary_turn(exponent: Node) -> Fraction | None:
    return _multiple_of(exponent, (PI, IMAGINARY))


def _multiple_of(node: Node, factors: tuple[Symbol, ...]) -> Fraction | None:
    """r/2 if `node` is r times the product of `factors`, each once."""
    args = list(node.args) if isinstance(node, Call) and node.head == "*" else [node]
    if isinstance(node, Number) and node.value == 0:
        return Fraction(0)
    for factor in factors:
        if factor not in args:
            return None
        args.remove(factor)
    share = Fraction(1)
    for arg in args:
        value = rational(arg)
        if value is None:
            return None
        share *= value
    return share / 2
