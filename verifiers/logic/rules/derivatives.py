"""Expressions with the elementary functions, worth their value and their derivative at given points.

Forward differentiation: a pair (value, derivative) at each point, to 60 digits; None where it has none (a pole, a
number too large). Whether two functions agree is asked at points that depend on the answer's text, so that no answer
can be written for them. mpmath is imported when first needed.
"""

from __future__ import annotations

import functools
import hashlib
import random
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from verifiers.logic.grammar.text import Unreadable

DIGITS = 60
AGREES = 25
"""Digits in which two values must agree."""

FUNCTIONS = frozenset(
    {"sin", "cos", "tan", "sec", "csc", "cot", "asin", "acos", "atan", "arcsin", "arccos", "arctan"}
    | {"sinh", "cosh", "tanh", "asinh", "acosh", "atanh", "exp", "log", "ln", "sqrt", "abs", "Abs"}
)
CONSTANTS = frozenset({"pi", "e", "E"})
_RANGES = ((-4.0, 4.0), (-0.3, 0.3), (0.01, 10.0), (-10.0, -0.01), (10.0, 60.0), (-60.0, -10.0))
_MAX_POWER = 3000
"""Bound on the logarithm of any value."""

Pair = tuple[Any, Any] | None
Pairs = tuple[Pair, ...]


@functools.cache
def context() -> Any:
    """An mpmath context of our own."""
    from mpmath.ctx_mp import MPContext

    made = MPContext()
    made.dps = DIGITS
    return made


def points(text: str, each: int = 8) -> tuple[Any, ...]:
    """Real points in several ranges, drawn by a hash of `text`."""
    drawn = random.Random(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
    return tuple(context().mpf(drawn.uniform(*span)) for span in _RANGES for _ in range(each))


class Differentiated:
    """The algebra of pairs at `at`, differentiated by `variable`; other letters are constants, each of some value."""

    def __init__(self, variable: str, at: tuple[Any, ...]) -> None:
        self._variable = variable
        self._at = at
        self._context = context()

    def number(self, value: Fraction) -> Pairs:
        return self._constant(self._context.mpf(value.numerator) / value.denominator)

    def name(self, name: str) -> Pairs:
        if name == self._variable:
            return tuple((x, self._context.mpf(1)) for x in self._at)
        if name in CONSTANTS:
            return self._constant(+self._context.pi if name == "pi" else +self._context.e)
        return self._constant(self._context.mpf(1 + ord(name[0])) / 7)  # a constant of integration

    def negate(self, a: Pairs) -> Pairs:
        return tuple(pair and (-pair[0], -pair[1]) for pair in a)

    def combine(self, operator: str, a: Pairs, b: Pairs) -> Pairs:
        steps = {"+": self._add, "-": self._subtract, "*": self._multiply, "/": self._divide}
        return self._each(steps[operator], a, b)

    def power(self, a: Pairs, b: Pairs) -> Pairs:
        return self._each(self._raise, a, b)

    def call(self, function: str, a: Pairs) -> Pairs:
        known = {"arcsin": "asin", "arccos": "acos", "arctan": "atan", "ln": "log", "Abs": "abs"}
        name = known.get(function, function)
        return tuple(pair and self._guarded(lambda p: self._function(name, p), pair) for pair in a)

    def _each(self, step: Callable[[Any, Any, Any, Any], Pair], a: Pairs, b: Pairs) -> Pairs:
        def both(left: Pair, right: Pair) -> Pair:
            if left is None or right is None:
                return None
            return self._guarded(lambda pair: step(*pair), (*left, *right))

        return tuple(map(both, a, b))

    def _guarded(self, step: Callable[[Any], Pair], argument: Any) -> Pair:
        try:
            found = step(argument)
        except (ZeroDivisionError, OverflowError, ValueError):
            return None
        if found is None or any(self._context.mag(part) > 2 * _MAX_POWER for part in found if part != 0):
            return None
        return found if all(self._context.isfinite(part) for part in found) else None

    def _constant(self, value: Any) -> Pairs:
        return tuple((value, self._context.mpf(0)) for _ in self._at)

    @staticmethod
    def _add(a: Any, da: Any, b: Any, db: Any) -> Pair:
        return a + b, da + db

    @staticmethod
    def _subtract(a: Any, da: Any, b: Any, db: Any) -> Pair:
        return a - b, da - db

    @staticmethod
    def _multiply(a: Any, da: Any, b: Any, db: Any) -> Pair:
        return a * b, da * b + a * db

    @staticmethod
    def _divide(a: Any, da: Any, b: Any, db: Any) -> Pair:
        return a / b, (da * b - a * db) / (b * b)

    def _raise(self, a: Any, da: Any, b: Any, db: Any) -> Pair:
        if a == 0:
            whole = db == 0 and self._context.isint(b) and b >= 1
            return (a, da if b == 1 else a) if whole else None
        logarithm = self._context.log(a)
        if abs(b * logarithm) > _MAX_POWER:
            return None
        value = self._context.power(a, b)
        return value, value * (db * logarithm + b * da / a)

    def _function(self, name: str, pair: tuple[Any, Any]) -> Pair:
        m, (a, da) = self._context, pair
        if abs(a) > _MAX_POWER * (1e6 if name in ("log", "sqrt", "abs") else 1):
            return None
        if name == "abs":
            return (abs(a), da * m.sign(a)) if m.im(a) == 0 and a != 0 else None
        value = getattr(m, name)(a)
        slopes: dict[str, Callable[[], Any]] = {
            "exp": lambda: value,
            "log": lambda: 1 / a,
            "sqrt": lambda: 1 / (2 * value),
            "sin": lambda: m.cos(a),
            "cos": lambda: -m.sin(a),
            "tan": lambda: 1 + value * value,
            "sec": lambda: value * m.tan(a),
            "csc": lambda: -value * m.cot(a),
            "cot": lambda: -1 - value * value,
            "asin": lambda: 1 / m.sqrt(1 - a * a),
            "acos": lambda: -1 / m.sqrt(1 - a * a),
            "atan": lambda: 1 / (1 + a * a),
            "sinh": lambda: m.cosh(a),
            "cosh": lambda: m.sinh(a),
            "tanh": lambda: 1 - value * value,
            "asinh": lambda: 1 / m.sqrt(1 + a * a),
            "acosh": lambda: 1 / (m.sqrt(a - 1) * m.sqrt(a + 1)),
            "atanh": lambda: 1 / (1 - a * a),
        }
        return value, da * slopes[name]()


def agree(found: Pairs, wanted: Pairs, least: int = 6) -> bool:
    """Whether the derivatives `found` are the real values `wanted` wherever both are, at `least` points or more.

    Raises Unreadable where `found` has too few values to tell.
    """
    ours = context()
    close = ours.mpf(10) ** -AGREES
    both = [(a[1], b[0]) for a, b in zip(found, wanted, strict=True) if a and b and ours.im(b[0]) == 0]
    if len(both) < least:
        raise Unreadable(f"it has a derivative at {len(both)} of the points where it is looked at")
    return all(abs(slope - value) <= close * (1 + abs(value)) for slope, value in both)
