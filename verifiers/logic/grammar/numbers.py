"""Exact numbers: whole, decimals, fractions, complex numbers, digits in a base. Digits are ASCII; there is no NaN."""

from __future__ import annotations

import re
from decimal import Decimal
from fractions import Fraction

from verifiers.logic.grammar.text import Unreadable, one_line, shown

MAX_DIGITS = 2000
MAX_EXPONENT = 1000

_GROUPED = r"[0-9]{1,3}(?:,[0-9]{3})+|[0-9]{1,3}(?:\{,\}[0-9]{3})+|[0-9]{1,3}(?:[ ][0-9]{3})+|[0-9]+"
_POWER = (
    r"[eE]\s?(?P<e>[+-]?[0-9]{1,5})"
    r"|\s?[×·*x]\s?10\s?(?:\^|\*\*)\s?(?:\{\s?(?P<b>[+-]?[0-9]{1,5})\s?\}|(?P<p>[+-]?[0-9]{1,5}))"
)
_DECIMAL = re.compile(
    rf"(?P<sign>[+-]?)\s?(?:(?P<whole>{_GROUPED})(?P<part>\.[0-9]*)?|(?P<bare>\.[0-9]+))(?:{_POWER})?"
)
_FRACTION = re.compile(
    r"([+-]?)\s?(?:\\frac\s?(?:\{\s?([+-]?[0-9]+)\s?\}|([0-9]))\s?(?:\{\s?([0-9]+)\s?\}|([0-9]))"
    r"|([0-9]+)\s?/\s?([0-9]+))"
)
_BASED = re.compile(r"(-?)\s?(0[bBoOxX])?([0-9A-Za-z]+)(?:_\s?(?:\{\s?([0-9]{1,2})\s?\}|([0-9]{1,2})))?")
_PART = re.compile(r"(?P<sign>[+-]?)(?P<amount>[0-9.,]*(?:(?<=[0-9.])[eE][+-]?[0-9]+)?)(?P<star>[*·]?)(?P<unit>[ij]?)")
_PREFIXES = {"0b": 2, "0o": 8, "0x": 16}


def decimal(text: str) -> Decimal:
    """`1,000.50`, `-3`, `5.`, `1.5e-3`, `2 \\times 10^{4}`; as many places as were written are kept."""
    line = one_line(text)
    found = _bounded(line) and _DECIMAL.fullmatch(line)
    if not found:
        raise Unreadable(f"found {shown(line)}, which is not a number")
    digits = re.sub(r"[^0-9.]", "", (found["whole"] or "") + (found["part"] or found["bare"] or ""))
    exponent = found["e"] or found["b"] or found["p"] or "0"
    if abs(int(exponent)) > MAX_EXPONENT:
        raise Unreadable(f"an exponent beyond {MAX_EXPONENT}")
    return Decimal(f"{found['sign']}{digits}e{exponent}")


def integer(text: str) -> int:
    """A decimal whose value is whole: `1,000`, `5.0`, `3e2`."""
    value = decimal(text)
    if value != value.to_integral_value():
        raise Unreadable(f"found {shown(text)}, which is not a whole number")
    return int(value)


def fraction(text: str) -> tuple[int, int]:
    """`3/4`, `\\frac{3}{4}` or a whole number, as it was written: numerator and denominator."""
    line = one_line(text)
    found = _bounded(line) and _FRACTION.fullmatch(line)
    if not found:
        return integer(line), 1
    sign, *parts = found.groups()
    above, below = (int(part) for part in parts if part is not None)
    if below == 0:
        raise Unreadable("a denominator of 0")
    return (-above if sign == "-" else above), below


def exact(text: str) -> Fraction | Decimal:
    """A decimal, a fraction or a percentage; a decimal stays one, so that its places can be counted."""
    line = one_line(text)
    if line.endswith("%"):
        sign, digits, exponent = decimal(line[:-1].rstrip()).as_tuple()
        assert isinstance(exponent, int)
        return Decimal((sign, digits, exponent - 2))
    if "/" in line or "\\frac" in line:
        return Fraction(*fraction(line))
    return decimal(line)


def in_base(text: str, base: int, prefixed: bool = False) -> int:
    """Digits in `base`, letters of either case for those above 9; `0x1f` and `1f_{16}` say the base themselves, and
    with `prefixed` must."""
    line = one_line(text)
    found = _bounded(line) and _BASED.fullmatch(line)
    if not found:
        raise Unreadable(f"found {shown(line)}, which is not a number in base {base}")
    sign, prefix, digits, braced, bare = found.groups()
    if prefix and _PREFIXES[prefix.lower()] != base:  # `0b1` is a number in base 16 too
        digits, prefix = prefix + digits, None
    below = braced or bare
    if (below and int(below) != base) or (prefixed and not (prefix or below)):
        raise Unreadable(f"found {shown(line)}; base {base} must be said, as in 0x1f")
    try:
        value = int(digits, base)
    except ValueError:
        raise Unreadable(f"found {shown(line)}, whose digits are not all of base {base}") from None
    return -value if sign else value


def complex_number(text: str) -> tuple[Decimal, Decimal]:
    """`3 + 2i`, `-i`, `2.0`, `4i - 1`, `(1 + j)`: the real and the imaginary part, each given at most once."""
    line = one_line(text).replace(" ", "")
    _bounded(line)
    if line.startswith("(") and line.endswith(")"):
        line = line[1:-1]
    given: dict[bool, Decimal] = {}
    position = 0
    while position < len(line) or not given:
        part = _PART.match(line, position)
        if part is None or part.end() == position or (position and not part["sign"]):
            raise Unreadable(f"found {shown(line)}, which is not of the form a + bi")
        is_imaginary = bool(part["unit"])
        amount = part["amount"] or ("1" if is_imaginary else "")
        if is_imaginary in given or (part["star"] and not (part["amount"] and is_imaginary)):
            raise Unreadable(f"found {shown(line)}, which is not of the form a + bi")
        given[is_imaginary] = decimal(part["sign"] + amount)
        position = part.end()
    return given.get(False, Decimal(0)), given.get(True, Decimal(0))


def _bounded(line: str) -> bool:
    if len(line) > MAX_DIGITS:
        raise Unreadable(f"a number of {len(line)} characters; at most {MAX_DIGITS} are read")
    return True
