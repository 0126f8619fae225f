"""Exact rational values, with the size of every result bounded before it is computed."""

from __future__ import annotations

import math
from collections.abc import Callable
from fractions import Fraction

from verifiers.math.limits import check_bits, check_factorial
from verifiers.math.nodes import Call, Node, Number


def rational(node: Node) -> Fraction | None:
    """The value of `node` if it is rational by its form; None if it is not, or has none (a division by zero).

    Raises RefusedError for what is too large.
    """
    if isinstance(node, Number):
        return node.value
    if not isinstance(node, Call):
        return None
    args: list[Fraction] = []
    for arg in node.args:
        value = rational(arg)
        if value is None:
            return None
        args.append(value)
    rule = _RULES.get(node.head)
    return None if rule is None else rule(args)


def bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _sum(args: list[Fraction]) -> Fraction:
    check_bits(sum(bits(arg) for arg in args))
    return sum(args, Fraction(0))


def _product(args: list[Fraction]) -> Fraction:
    check_bits(sum(bits(arg) for arg in args))
    return math.prod(args, start=Fraction(1))


def _power(args: list[Fraction]) -> Fraction | None:
    base, exponent = args
    if exponent.denominator != 1:
        root = _nth_root(base, exponent.denominator)
        return None if root is None else _power([root, Fraction(exponent.numerator)])
    if base == 0:
        return Fraction(0) if exponent > 0 else None  # 0^0 is left undefined
    if abs(base) == 1:
        return base if exponent % 2 else Fraction(1)
    check_bits(abs(exponent) * max(bits(base) - 1, 1), "a power")
    return base ** int(exponent)


def _root(args: list[Fraction]) -> Fraction | None:
    radicand, degree = args
    if degree.denominator != 1 or degree < 1:
        return None
    return _nth_root(radicand, int(degree))


def _nth_root(value: Fraction, degree: int) -> Fraction | None:
    """The root if it is rational: of what is not negative, and the odd roots of what is."""
    if value < 0:
        root = _nth_root(-value, degree) if degree % 2 else None
        return None if root is None else -root
    if degree > 1 + bits(value):
        return value if value in (0, 1) else None
    top, bottom = _integer_root(value.numerator, degree), _integer_root(value.denominator, degree)
    return None if top is None or bottom is None else Fraction(top, bottom)


def _integer_root(value: int, degree: int) -> int | None:
    """By Newton's method from above."""
    if value < 2:
        return value
    root = 1 << (value.bit_length() // degree + 1)
    while (nearer := ((degree - 1) * root + value // root ** (degree - 1)) // degree) < root:
        root = nearer
    return root if root**degree == value else None


def _factorial(args: list[Fraction]) -> Fraction | None:
    (argument,) = args
    if argument.denominator != 1 or argument < 0:
        return None
    check_factorial(argument)
    return Fraction(math.factorial(int(argument)))


def _double_factorial(args: list[Fraction]) -> Fraction | None:
    (argument,) = args
    if argument.denominator != 1 or argument < 0:
        return None
    check_factorial(argument)
    return Fraction(math.prod(range(int(argument), 1, -2)))


def _binomial(args: list[Fraction]) -> Fraction | None:
    top, bottom = args
    if top.denominator != 1 or bottom.denominator != 1 or top < 0 or bottom < 0:
        return None
    check_factorial(top)
    return Fraction(math.comb(int(top), int(bottom)))


def _whole(of: Callable[..., int]) -> Callable[[list[Fraction]], Fraction | None]:
    return lambda args: Fraction(of(*map(int, args))) if args and all(a.denominator == 1 for a in args) else None


def _log(args: list[Fraction]) -> Fraction | None:
    """`\\log_2 8`: where the argument is a whole power of the base."""
    if len(args) != 2:
        return None
    argument, base = args
    if argument <= 0 or base <= 0 or base == 1:
        return None
    guess = round((_log2(argument)) / (_log2(base)))
    if abs(guess) * bits(base) > bits(argument) + bits(base) + 64:
        return None
    return Fraction(guess) if base**guess == argument else None


def _log2(value: Fraction) -> float:
    return math.log2(value.numerator) - math.log2(value.denominator)


def _modulo(args: list[Fraction]) -> Fraction | None:
    return args[0] % args[1] if args[1] else None


_RULES: dict[str, Callable[[list[Fraction]], Fraction | None]] = {
    "+": _sum,
    "*": _product,
    "^": _power,
    "root": _root,
    "!": _factorial,
    "!!": _double_factorial,
    "binom": _binomial,
    "abs": lambda args: abs(args[0]),
    "floor": lambda args: Fraction(math.floor(args[0])),
    "ceil": lambda args: Fraction(math.ceil(args[0])),
    "gcd": _whole(math.gcd),
    "lcm": _whole(math.lcm),
    "max": max,
    "min": min,
    "mod": _modulo,
    "log": _log,
    "%": lambda args: args[0] / 100,
    "sign": lambda args: Fraction((args[0] > 0) - (args[0] < 0)),
}
