"""Numerical values at chosen points, with many digits: a cheap refutation. What agrees here is not yet proven equal."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import mpmath

from verifiers.math.exact import rational
from verifiers.math.limits import check_bits, check_factorial
from verifiers.math.nodes import EULER, IMAGINARY, INFINITY, PI, Call, Node, Number, Symbol, holds, negative, symbols

DIGITS = 50
AGREE_DIGITS = 25
_MAX_ARGUMENT = 1e6
_POINTS = 5
_SLACK_DIGITS = 8
Value = Any


@cache
def _context(digits: int) -> Any:
    """A context of its own for each precision: mpmath's global one belongs to sympy."""
    context = mpmath.MPContext()
    context.dps = digits
    return context


class NoValueError(Exception):
    """Not a number here: undefined, infinite, or nothing that has a value."""


class Evaluator:
    """Values at one point, and two bounds on what was lost on the way: `peak`, the largest magnitude met, bounds the
    absolute error, and `loss`, the cancellation in its sums, the relative one."""

    def __init__(self, point: Mapping[Symbol, Value], digits: int = DIGITS) -> None:
        self.context = _context(digits)
        self._point = point
        self._rules = self._table()
        self.peak: Value = self.context.mpf(1)
        self.loss: Value = self.context.mpf(1)

    def value(self, node: Node) -> Value:
        """Raises NoValueError, or RefusedError for what is too large."""
        try:
            found = self._value(node)
        except (ZeroDivisionError, ValueError, OverflowError, ArithmeticError, TypeError) as problem:
            raise NoValueError(str(problem)) from problem  # mpmath's ways to say that a function has no value there
        return found

    def _value(self, node: Node) -> Value:
        match node:
            case Number(value=value):
                return self._kept(self.context.mpf(value.numerator) / value.denominator)
            case Symbol():
                return self._symbol(node)
            case Call(head=head, args=args):
                if head == "^" and (root := self._real_root(*args)) is not None:
                    return self._kept(root)
                rule = self._rules.get(head)
                if rule is None:
                    raise NoValueError(f"{head} has no value")
                return self._kept(rule(*[self._value(arg) for arg in args]))
        raise NoValueError(f"a {type(node).__name__} has no value")

    def _kept(self, value: Value) -> Value:
        if not self.context.isfinite(value):
            raise NoValueError("not finite")
        self.peak = max(self.peak, abs(value))
        return value

    def _symbol(self, symbol: Symbol) -> Value:
        constants = {PI: self.context.pi, EULER: self.context.e, IMAGINARY: self.context.mpc(0, 1)}
        if symbol == INFINITY:
            raise NoValueError("infinity")
        return self.context.mpf(self._point[symbol]) if symbol in self._point else +constants[symbol]

    def noise(self, scale: Value) -> Value:
        """The error of a value of size `scale`, at most."""
        return min(self.peak, scale * self.loss) * self.context.mpf(10) ** (_SLACK_DIGITS - self.context.dps)

    def _sum(self, *args: Value) -> Value:
        total = self.context.fsum(args)
        largest = max(map(abs, args))
        if largest:
            self.loss *= max(1, largest / abs(total)) if total else self.context.inf
        return total

    def _power(self, base: Value, exponent: Value) -> Value:
        if base == 0:
            if exponent == 0:
                raise NoValueError("0^0")
            return self.context.power(base, exponent)
        size = abs(self.context.log(abs(base), 2) if base else 0) * abs(exponent)
        check_bits(float(min(size, self.context.mpf(1e300))), "a power")
        return self.context.power(base, exponent)

    def _real_root(self, base: Node, exponent: Node) -> Value | None:
        """Of a negative real number to a power with an odd denominator, the real value: `(-8)^{1/3}` is -2 alone."""
        share = rational(exponent)
        if share is None or share.denominator % 2 == 0 or share.denominator == 1:
            return None
        value = self._value(base)
        if self.context.im(value) != 0 or self.context.re(value) >= 0:
            return None
        size = self._power(-self.context.re(value), self.context.mpf(share.numerator) / share.denominator)
        return -size if share.numerator % 2 else size

    def _root(self, radicand: Value, degree: Value) -> Value:
        whole = self.context.isint(degree) and degree > 0
        if not whole:
            return self._power(radicand, 1 / degree)
        if degree % 2 == 1 and self.context.im(radicand) == 0 and self.context.re(radicand) < 0:
            return -self.context.root(-self.context.re(radicand), int(degree))  # school's cube root is real
        return self.context.root(radicand, int(degree))

    def _factorial(self, argument: Value) -> Value:
        check_factorial(abs(argument))
        return self.context.factorial(argument)

    def _bounded(self, function: Callable[[Value], Value]) -> Callable[[Value], Value]:
        def call(argument: Value) -> Value:
            if abs(argument) > _MAX_ARGUMENT:
                raise NoValueError("an argument too large")
            return function(argument)

        return call

    def _log(self, argument: Value, base: Value | None = None) -> Value:
        natural = self.context.log(argument)
        return natural / self.context.log(10 if base is None else base)

    def _binomial(self, top: Value, bottom: Value) -> Value:
        check_factorial(max(abs(top), abs(bottom)))
        return self.context.binomial(top, bottom)

    def _table(self) -> dict[str, Callable[..., Value]]:
        mp = self.context
        table: dict[str, Callable[..., Value]] = {
            "+": self._sum,
            "*": lambda *args: mp.fprod(args),
            "^": self._power,
            "root": self._root,
            "!": self._factorial,
            "binom": self._binomial,
            "log": self._log,
            "abs": abs,
            "%": lambda x: x / 100,
            "deg": lambda x: x * mp.pi / 180,
            "floor": mp.floor,
            "ceil": mp.ceil,
            "mod": lambda a, b: a - b * mp.floor(a / b),
            "max": max,
            "min": min,
            "sign": mp.sign,
        }
        for name, attribute in _FUNCTIONS.items():
            table[name] = self._bounded(getattr(mp, attribute))
        return table


_FUNCTIONS = {
    "sin": "sin", "cos": "cos", "tan": "tan", "cot": "cot", "sec": "sec", "csc": "csc", "sinh": "sinh", "cosh": "cosh",
    "tanh": "tanh", "arcsin": "asin", "arccos": "acos", "arctan": "atan", "arccot": "acot", "arcsec": "asec",
    "arccsc": "acsc", "arsinh": "asinh", "arcosh": "acosh", "artanh": "atanh",
}  # fmt: skip


def points(names: frozenset[Symbol]) -> list[dict[Symbol, Value]]:
    """A few points of the real space of `names`: small and larger, all positive, mixed, all negative."""
    ordered = sorted(names, key=lambda symbol: symbol.name)
    found = []
    for index in range(_POINTS if ordered else 1):
        point = {}
        for place, symbol in enumerate(ordered):
            fraction = math.modf((index + 1) * (0.6180339887 + 0.4142135623 * place) + 0.2360679 * place)[0]
            size = (0.3 + 2.1 * fraction, 0.55 + fraction / 3, 3 + 5 * fraction)[index % 3]
            negative = index == 3 or (index == 4 and place % 2 == 0)
            point[symbol] = -size if negative else size
        found.append(point)
    return found


def agree(left: Node, right: Node) -> bool | None:
    """False where a point shows them different; True if they agree wherever both have a value; None if nowhere.

    Without `i` in either, only points at which both are real are looked at: `\\ln x^2` and `2\\ln x` agree where both
    exist. Raises RefusedError.
    """
    names = symbols(left) | symbols(right)
    complex_too = any(_holds_i(node) for node in (left, right))
    seen = False
    for point in points(names):
        verdict = _agree_at(left, right, point, complex_too)
        if verdict is False:
            return False
        seen = seen or verdict is True
    return True if seen else None


def _agree_at(left: Node, right: Node, point: Mapping[Symbol, Value], complex_too: bool) -> bool | None:
    """Looks again with more digits where the first ones were lost on the way, or nearly agree."""
    for digits in (DIGITS, 8 * DIGITS):
        evaluator = Evaluator(point, digits)
        try:
            one, two = evaluator.value(left), evaluator.value(right)
        except NoValueError:
            return None
        mp = evaluator.context
        if not complex_too and point and (_imaginary(mp, one) or _imaginary(mp, two)):
            return None
        scale, difference = max(abs(one), abs(two)), abs(one - two)
        noise = evaluator.noise(scale)
        clear = mp.mpf(10) ** -AGREE_DIGITS * scale
        if difference > max(noise, clear):
            return False
        if difference <= noise < clear:
            return True
    return bool(difference <= noise)


def _imaginary(context: Any, value: Value) -> bool:
    return bool(abs(context.im(value)) > abs(value) * context.mpf(10) ** -AGREE_DIGITS)


def _holds_i(node: Node) -> bool:
    if isinstance(node, Symbol):
        return node == IMAGINARY
    return isinstance(node, Call) and any(_holds_i(arg) for arg in node.args)


def real_value(node: Node) -> float | None:
    """A real number as a float, infinities included; None for anything else."""
    if node == INFINITY:
        return math.inf
    if node == negative(INFINITY):
        return -math.inf
    if symbols(node) or holds(node, "pm", "mp"):
        return None
    evaluator = Evaluator({}, 30)
    try:
        value = evaluator.value(node)
    except NoValueError:
        return None
    return None if _imaginary(evaluator.context, value) else float(evaluator.context.re(value))
