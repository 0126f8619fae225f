"""Reading a number exactly: numerals as people and models write them, never an expression, never a float.

`1,234.5`, `1\\,234`, `.5`, `-3e8`, `6.02 × 10^23`, `10^{-3}`, `3/4`, `\\frac34`, `3 1/2`, `3½`, digits of any script.
All functions take text that `plain` has made.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from verifiers.answers.latex import NARROW

MAX_DIGITS = 1000
MAX_EXPONENT = 5000

SEPARATORS = {"english": (",", "."), "european": (".", ",")}
"""By name: the mark between groups of three digits, and the decimal mark."""

_ARABIC = {"english": str.maketrans("٬٫", ",."), "european": str.maketrans("٬٫", ".,")}
_POWER = re.compile(r"10 ?(?:\^|\*\*) ?(?:\( ?([+-]?[0-9]+) ?\)|([+-]?[0-9]+))")
_TIMES = re.compile(r" ?(?:×|·|\*|[xX]|times) ?(?=10 ?(?:\^|\*\*))")
_LETTER_E = re.compile(r"[eE]([+-]?[0-9]+)")
_MIXED = re.compile(rf"(?: ?(?=\([0-9]+\)/)|[ {NARROW}](?=[0-9]+ ?/ ?[0-9]))")
_SLASH = re.compile(r" ?/ ?(?=\(? ?[+-]? ?[.,]?[0-9])")
_NO_NAME = r"(?!\\n(?!u\b|abla\b)|\\?(?i:not|no|non|nor|neither|never|except|lnot|isnt|without)\b)"
_NAME = re.compile(rf"(?:{_NO_NAME}\\?[^\W\d_]{{1,20}}(?:_\(?\w{{1,20}}\)?)?(?:\([^()=]{{0,20}}\))? ?(?:=|≈|~)|≈|=) ?")
_JOINTS = re.compile(r";|,(?= )| (?:or|and|oder|ou|o|y|et|und|and/or) |或|和")


@dataclass(frozen=True, slots=True)
class Number:
    """value: exact. place: the power of ten of the last digit shown; None for a fraction, which shows none."""

    value: Fraction
    place: int | None


class NotANumberError(ValueError):
    """Says why a text is no number."""


def number(text: str, separators: str) -> Number:
    """The number that the whole of `text` is. Raises NotANumberError."""
    found, rest = leading_number(bare(text), separators)
    if rest:
        raise NotANumberError(_trouble(text, rest, separators))
    return found


def leading_number(text: str, separators: str) -> tuple[Number, str]:
    """The number that `text` begins with, and what follows it. Raises NotANumberError."""
    scan = _Scanner(text.translate(_ARABIC[separators]).strip(), separators)
    sign = scan.sign()
    bare = scan.at_digit()
    first = scan.operand()
    if bare and first.place == 0 and scan.take(_MIXED):
        top, bottom = scan.operand(), scan.divisor()
        if bottom is None or not 0 <= top.value < bottom.value or (top.place, bottom.place) != (0, 0):
            raise NotANumberError("neither a mixed number nor a fraction")
        return Number(sign * (first.value + top.value / bottom.value), None), scan.rest()
    bottom = scan.divisor()
    if bottom is None:
        return Number(sign * first.value, first.place), scan.rest()
    return Number(sign * first.value / bottom.value, None), scan.rest()


def bare(text: str) -> str:
    """Without one pair of parentheses around the whole."""
    text = text.strip()
    is_held = text.startswith("(") and text.endswith(")") and "(" not in text[1:]
    return text[1:-1].strip() if is_held else text


def unnamed(text: str) -> str:
    """What is said of a name: `5` of `x = 5`, of `f(2) ≈ 5` and of `≈ 5`."""
    found = _NAME.match(text)
    return text[found.end() :] if found else text


def several(text: str, separators: str) -> list[str]:
    """The parts of `text` that begin with a number, where it gives two or more such candidates; else nothing."""
    if "±" in text or "∓" in text:
        return ["+", "-"]
    found = []
    for part in _JOINTS.split(text)[: MAX_DIGITS + 1]:
        try:
            leading_number(unnamed(part.strip().removeprefix("either ")), separators)
        except NotANumberError:
            continue
        found.append(part.strip())
    return found if len(found) > 1 else []


class _Scanner:
    def __init__(self, text: str, separators: str) -> None:
        self._text, self._at = text, 0
        self._separators = separators

    def rest(self) -> str:
        return self._text[self._at :].lstrip(f" {NARROW}")

    def at_digit(self) -> bool:
        return self._text[self._at : self._at + 1].isdigit()

    def take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found:
            self._at = found.end()
        return found

    def sign(self) -> int:
        found = self.take(_SIGN)
        return -1 if found and found[1] == "-" else 1

    def operand(self) -> Number:
        """A numeral, or one in parentheses with a sign of its own."""
        start = self._at
        if not self.take(_OPENING):
            return self._numeral()
        sign, found = self.sign(), self._numeral()
        if not self.take(_CLOSING):
            self._at = start
            raise NotANumberError("a parenthesis that is not closed after a number")
        return Number(sign * found.value, found.place)

    def divisor(self) -> Number | None:
        if not self.take(_SLASH):
            return None
        found = self.operand()
        if found.value == 0:
            raise NotANumberError("a division by zero")
        return found

    def _numeral(self) -> Number:
        if (power := self.take(_POWER)) is not None:
            exponent = _exponent(power)
            return Number(Fraction(10) ** exponent, exponent)
        found = self.take(_decimal(self._separators))
        if found is None:
            raise NotANumberError("not a number")
        digits = re.sub(r"[^0-9]", "", found["whole"] or "")
        part = found["part"] or ""
        exponent = 0
        if (letter := self.take(_LETTER_E)) is not None or self.take(_TIMES):
            exponent = _exponent(letter or self.take(_POWER))
        if len(digits) + len(part) > MAX_DIGITS:
            raise NotANumberError(f"a number of {len(digits) + len(part):,} digits; at most {MAX_DIGITS:,} are read")
        place = exponent - len(part)
        return Number(int(digits + part) * Fraction(10) ** place, place)


_SIGN = re.compile(r"([+-]) ?")
_OPENING = re.compile(r"\( ?")
_CLOSING = re.compile(r" ?\)")


@lru_cache(maxsize=len(SEPARATORS))
def _decimal(separators: str) -> re.Pattern[str]:
    group, point = map(re.escape, SEPARATORS[separators])
    grouped = "|".join(rf"[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+(?![0-9])" for mark in (group, NARROW, "'"))
    return re.compile(rf"(?=[0-9]|{point}[0-9])(?P<whole>{grouped}|[0-9]+)?(?:{point}(?P<part>[0-9]+))?")


def _exponent(found: re.Match[str] | None) -> int:
    """Of a match with one group that holds it. It is bounded before it is converted."""
    signed = next(group for group in found.groups() if group is not None) if found else "0"
    digits = signed.lstrip("+-0") or "0"
    if len(digits) > len(str(MAX_EXPONENT)) or int(digits) > MAX_EXPONENT:
        raise NotANumberError(f"an exponent beyond {MAX_EXPONENT:,}")
    return -int(digits) if signed.startswith("-") else int(digits)


def _trouble(text: str, rest: str, separators: str) -> str:
    group, point = SEPARATORS[separators]
    if rest[0] in (group, point, NARROW) and rest[1:2].isdigit():
        return (
            f"ambiguous: {text[:40]!r} with separators: {separators}, where {group!r} groups by three and {point!r} is "
            "the decimal mark"
        )
    return f"{rest[:40]!r} follows a number"
