"""A grammar for expressions of units, written here so that no text of a model's reaches pint's parser.

pint tokenises what it is given as Python and computes it: `6^800000` keeps it busy (hgrecco/pint#1306). Here a unit is
names with whole powers, products and quotients; powers, lengths and depths are bounded; names are looked up one by one
afterwards.

`m/s^2`, `m s^-2`, `kg·m²/s²`, `kW-h`, `J/(kg K)`, `meters per second squared`, `sq ft`. After a slash or `per` a
product without parentheses belongs to it as a whole: `J/kg K` and `J/kg·K` are J/(kg K); with `*` it is read from left
to right.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_CHARS = 200
MAX_POWER = 12
MAX_DEPTH = 4

_TOKEN = re.compile(
    r" *(?:(?P<power>(?:\^|\*\*) ?(?:\( ?([+-]?[0-9]+) ?\)|([+-]?[0-9]+)))"
    r"|(?P<name>US\$|[$€£¥¢₹₩₽%‰]|(?:\u0394|delta_)?°[A-Za-z]?(?![A-Za-z])|(?:delta_)?[^\W\d_]+(?:\.(?![A-Za-z]))?)"
    r"|(?P<digits>-?[0-9]+)|(?P<mark>[/*×·.()]))"
)
_HYPHEN = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_PER, _TIMES, _TIGHT = frozenset({"/", "per"}), frozenset({"*", "×"}), frozenset({"·", "."})
_BEFORE = {"square": 2, "sq": 2, "sq.": 2, "cubic": 3, "cu": 3, "cu.": 3}
_AFTER = {"squared": 2, "cubed": 3}


class UnitError(ValueError):
    """Says why a text is no unit."""


@dataclass(frozen=True, slots=True)
class Factor:
    """One unit's name as it was written (words joined by single spaces), and its power."""

    name: str
    power: int


def factors(text: str, is_name: Callable[[str], bool], max_words: int) -> tuple[Factor, ...]:
    """The factors of the unit that the whole of `text` (of `plain`) is; none for an empty text. Raises UnitError.

    is_name: whether words stand together for one unit (`fl oz`), of at most `max_words`.
    """
    if len(text) > MAX_CHARS:
        raise UnitError(f"a unit of {len(text)} characters; at most {MAX_CHARS} are read")
    # A hyphen between names does what a space does: `electron-volt`, `kW-h`.
    return tuple(_Parser(_tokens(_HYPHEN.sub(" ", text.strip())), is_name, max_words).whole())


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise UnitError(f"{text[position : position + 20]!r} is no part of a unit")
        kind = match.lastgroup or ""
        if kind == "digits" and text[position] == " ":
            raise UnitError(f"a number within the unit: {text[position : position + 20].strip()!r}")
        value = next(v for v in (match[2], match[3], match[kind]) if v is not None)
        found.append(_Token({"digits": "power"}.get(kind, kind), value))
        position = match.end()
    return found


class _Parser:
    def __init__(self, tokens: list[_Token], is_name: Callable[[str], bool], max_words: int) -> None:
        self._tokens, self._at = tokens, 0
        self._is_name, self._max_words = is_name, max_words

    def whole(self) -> list[Factor]:
        found = self._quotient(0) if self._tokens else []
        if self._at < len(self._tokens):
            raise UnitError(f"{self._tokens[self._at].text!r} is in the wrong place")
        return found

    def _quotient(self, depth: int) -> list[Factor]:
        """Products, divided and multiplied from left to right."""
        if depth > MAX_DEPTH:
            raise UnitError(f"parentheses nested deeper than {MAX_DEPTH}")
        found = [] if self._peek() in _PER else self._product(depth)
        while (mark := self._peek()) in _PER | _TIMES:
            self._at += 1
            sign = -1 if mark in _PER else 1
            found += [Factor(f.name, sign * f.power) for f in self._product(depth)]
        return found

    def _product(self, depth: int) -> list[Factor]:
        """Factors side by side, or with a dot between them."""
        found = self._factor(depth)
        while True:
            mark = self._peek()
            if mark in _TIGHT:
                self._at += 1
            elif mark is None or mark in _PER | _TIMES | {")"}:
                return found
            found += self._factor(depth)

    def _factor(self, depth: int) -> list[Factor]:
        if self._peek() == "(":
            self._at += 1
            inner = self._quotient(depth + 1)
            if self._peek() != ")":
                raise UnitError("a parenthesis that is not closed")
            self._at += 1
            power = self._power()
            return [Factor(f.name, _bounded(f.power * power)) for f in inner]
        before = _BEFORE.get((self._peek() or "").lower(), 1) if self._next_is_name(1) else 1
        self._at += before > 1
        name = self._name()
        return [Factor(name, _bounded(before * self._power()))]

    def _name(self) -> str:
        """As many words as stand together for one unit, one at least."""
        if not self._next_is_name(0):
            found = self._peek()
            raise UnitError("a unit is missing" if found is None else f"{found!r} is in the wrong place")
        words = [self._tokens[self._at].text]
        for token in self._tokens[self._at + 1 : self._at + self._max_words]:
            if token.kind != "name":
                break
            words.append(token.text)
        count = next((n for n in range(len(words), 1, -1) if self._is_name(" ".join(words[:n]))), 1)
        self._at += count
        name = " ".join(words[:count])
        return name if self._is_name(name) else name.removesuffix(".")

    def _power(self) -> int:
        """Of what stands before it; `squared` counts as one too. One follows at most."""
        if self._at == len(self._tokens):
            return 1
        token = self._tokens[self._at]
        if token.kind == "power":
            self._at += 1
            digits = token.text.lstrip("+-0") or "0"
            return _bounded((-1 if token.text.startswith("-") else 1) * int(digits[:6]))
        if token.text.lower() in _AFTER:
            self._at += 1
            return _AFTER[token.text.lower()]
        return 1

    def _peek(self) -> str | None:
        """The next mark or word; None at the end. A power is no mark."""
        if self._at == len(self._tokens):
            return None
        token = self._tokens[self._at]
        return token.text.lower() if token.text.lower() == "per" else token.text

    def _next_is_name(self, ahead: int) -> bool:
        at = self._at + ahead
        return at < len(self._tokens) and self._tokens[at].kind == "name" and self._tokens[at].text.lower() != "per"


def _bounded(power: int) -> int:
    if abs(power) > MAX_POWER:
        raise UnitError(f"a power beyond {MAX_POWER}")
    return power
