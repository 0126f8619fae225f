"""Arithmetic expressions: one recursive-descent parser, and the algebra that says what an expression is worth.

    sum      = product { ("+" | "-") product }
    product  = signed { ("*" | "/") signed | power }        (the second: `2x`, `3(x+1)`; not after "/")
    signed   = { "+" | "-" } power
    power    = atom [ ("^" | "**") { "+" | "-" } power ]
    atom     = number | name | function group | "(" sum ")" | "\\frac" group group | "\\sqrt" group

Nothing is built and nothing evaluated but what the algebra computes, step by step; it bounds its own numbers.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from fractions import Fraction
from typing import Generic, Protocol, TypeVar

from verifiers.logic.grammar.text import MAX_DEPTH, Unreadable, one_line, shown

MAX_TOKENS = 4000
MAX_NUMBER = 400
"""Characters of one number."""

T = TypeVar("T")

_TOKEN = re.compile(
    r"\s*(?:(?P<number>[0-9]+(?:\.[0-9]*)?|\.[0-9]+)|(?P<name>\\?[A-Za-z]+)|(?P<mark>\*\*|[-+*/^(){}\[\]×·÷]))"
)
_SAME = {"×": "*", "·": "*", "÷": "/", "**": "^"}
_CLOSES = {"(": ")", "{": "}", "[": "]"}


class Algebra(Protocol[T]):
    """What numbers, names and operators mean. Raises Unreadable on what has no meaning in it, or is too large."""

    def number(self, value: Fraction) -> T: ...
    def name(self, name: str) -> T: ...
    def negate(self, a: T) -> T: ...
    def combine(self, operator: str, a: T, b: T) -> T:
        """operator: one of `+ - * /`."""

    def power(self, a: T, b: T) -> T: ...
    def call(self, function: str, a: T) -> T: ...


def evaluate(text: str, algebra: Algebra[T], names: Collection[str] = (), functions: Collection[str] = ()) -> T:
    """What `text` is worth in `algebra`. names: of variables and constants, single letters or longer."""
    line = one_line(text)
    parser = _Parser(_tokens(line), algebra, frozenset(names), frozenset(functions))
    value = parser.sum(0)
    parser.end()
    return value


def _tokens(line: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    line = line.rstrip()
    while position < len(line):
        token = _TOKEN.match(line, position)
        if token is None or token.lastgroup is None:
            raise Unreadable(f"found {shown(line[position:].strip())}, which belongs to no expression")
        if len(found) >= MAX_TOKENS:
            raise Unreadable(f"more than {MAX_TOKENS} numbers and signs")
        kind, text = token.lastgroup, token[token.lastgroup]
        if kind == "number" and len(text) > MAX_NUMBER:
            raise Unreadable(f"a number of {len(text)} digits; at most {MAX_NUMBER} are read")
        found.append((kind, _SAME.get(text, text)))
        position = token.end()
    return [*found, ("end", "")]


class _Parser(Generic[T]):
    def __init__(
        self, tokens: list[tuple[str, str]], algebra: Algebra[T], names: frozenset[str], functions: frozenset[str]
    ) -> None:
        self._tokens = tokens
        self._position = 0
        self._algebra = algebra
        self._names = names
        self._functions = functions

    def sum(self, depth: int) -> T:
        if depth > MAX_DEPTH:
            raise Unreadable(f"brackets nested deeper than {MAX_DEPTH}")
        value = self._product(depth)
        while self._peek() in ("+", "-"):
            operator = self._next()
            value = self._algebra.combine(operator, value, self._product(depth))
        return value

    def end(self) -> None:
        if self._tokens[self._position][0] != "end":
            raise Unreadable(f"found {self._peek()!r} where the expression should end")

    def _product(self, depth: int) -> T:
        value = self._signed(depth)
        divided = False
        while True:
            if self._peek() in ("*", "/"):
                divided = self._peek() == "/"
                value = self._algebra.combine(self._next(), value, self._signed(depth))
            elif self._juxtaposed():
                if divided:
                    raise Unreadable("a factor without '*' after a division, which can be read in two ways")
                value = self._algebra.combine("*", value, self._power(depth))
            else:
                return value

    def _juxtaposed(self) -> bool:
        kind, text = self._tokens[self._position]
        return kind == "name" or text in _CLOSES

    def _signed(self, depth: int) -> T:
        negative = self._signs()
        value = self._power(depth)
        return self._algebra.negate(value) if negative else value

    def _signs(self) -> bool:
        negative = False
        while self._peek() in ("+", "-"):
            negative ^= self._next() == "-"
        return negative

    def _power(self, depth: int) -> T:
        value = self._atom(depth)
        if self._peek() != "^":
            return value
        self._next()
        if depth >= MAX_DEPTH:
            raise Unreadable(f"exponents nested deeper than {MAX_DEPTH}")
        negative = self._signs()
        exponent = self._power(depth + 1)
        return self._algebra.power(value, self._algebra.negate(exponent) if negative else exponent)

    def _atom(self, depth: int) -> T:
        kind, text = self._tokens[self._position]
        if kind == "number":
            self._next()
            return self._algebra.number(Fraction(text))
        if kind == "name":
            return self._named(depth)
        return self._group(depth)

    def _group(self, depth: int) -> T:
        opening = self._peek()
        if opening not in _CLOSES:
            raise Unreadable(f"found {opening or 'the end'!r} where a number should stand")
        self._next()
        value = self.sum(depth + 1)
        if self._peek() != _CLOSES[opening]:
            raise Unreadable(f"found {self._peek() or 'the end'!r} where {_CLOSES[opening]!r} should stand")
        self._next()
        return value

    def _named(self, depth: int) -> T:
        text = self._peek()
        if text == "\\frac":
            self._next()
            above = self._group(depth)
            return self._algebra.combine("/", above, self._group(depth))
        name = text.removeprefix("\\")
        if name in self._functions:
            self._next()
            return self._call(name, depth)
        if name in self._names:
            self._next()
            return self._algebra.name(name)
        if len(text) > 1 and set(text) <= self._names:  # `xy` is x·y
            self._tokens[self._position : self._position + 1] = [("name", letter) for letter in text]
            return self._named(depth)
        raise Unreadable(f"found the name {shown(text)}; known are {', '.join(sorted(self._names)) or 'numbers alone'}")

    def _call(self, name: str, depth: int) -> T:
        """`sin(x)`, `\\sin^{2}(x)`: of an exponent before the brackets only a whole number above 1 is read."""
        exponent: T | None = None
        if self._peek() == "^":
            self._next()
            braces = self._peek() == "{"
            start = self._position + braces
            kind, text = self._tokens[start]
            closed = not braces or self._tokens[start + 1][1] == "}"
            if kind != "number" or not closed or not text.isdigit() or int(text) < 2:
                raise Unreadable(f"found an exponent of {name} that can be read in two ways")
            self._position = start + 1 + braces
            exponent = self._algebra.number(Fraction(text))
        value = self._algebra.call(name, self._group(depth))
        return value if exponent is None else self._algebra.power(value, exponent)

    def _peek(self) -> str:
        return self._tokens[self._position][1]

    def _next(self) -> str:
        text = self._peek()
        self._position += 1
        return text
