"""Numerals: decimals, repeating decimals, mixed numbers, numerals in another base."""

from __future__ import annotations

from fractions import Fraction

from verifiers.math.cursor import Cursor
from verifiers.math.lexer import Token
from verifiers.math.limits import UnreadableError, check_bits
from verifiers.math.nodes import Node, Number, Numeral

_BASE_WORDS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10}
_REPEATED = ("\\overline", "\\bar", "\\dot", "\\overparen", "\\widehat")


class Numerals(Cursor):
    """What begins with a digit. Primaries and scripts come from the classes that extend this one."""

    def primary(self) -> Node:
        raise NotImplementedError

    def script(self) -> Node:
        raise NotImplementedError

    def primary_number(self, token: Token) -> Number:
        """The exact value of a numeral."""
        mantissa, _, exponent = token.text.lower().partition("e")
        whole, point, part = mantissa.partition(".")
        shift = int(exponent or "0")
        check_bits(abs(shift) * 3.4 + 3.4 * len(mantissa))
        value = Fraction(int(whole + part or "0")) * Fraction(10) ** (shift - len(part))
        places = len(part) - shift if point else None
        return Number(value, places, len((whole + part).lstrip("0")))

    def number(self, token: Token) -> Node:
        number = self.primary_number(token)
        if "." in token.text and self.sees(*_REPEATED, "(") and not self._other_bracket(token):
            return self._repeating(token)
        if self.sees("_") and number.places is None:
            return self._in_base(token.text)
        if number.places is None and "e" not in token.text.lower():
            return self._mixed(number)
        return number

    def _other_bracket(self, token: Token) -> bool:
        """Whether a `(` after a numeral multiplies it: only `0.(3)` repeats."""
        return self.sees("(") and not token.text.endswith(".")

    def _repeating(self, token: Token) -> Node:
        """`0.1\\overline{6}`: the period's digits are those of the group."""
        whole, _, part = token.text.partition(".")
        if not self.sees("("):
            self.position += 1
        period = self._digits_of_group()
        base = Fraction(int(whole + part or "0"), 10 ** len(part))
        return Number(base + Fraction(int(period), (10 ** len(period) - 1) * 10 ** len(part)))

    def _digits_of_group(self) -> str:
        opening = self.take()
        if opening.kind == "number" and opening.text.isdigit():
            return opening.text
        inner = self.take()
        if opening.match != self.position or inner.kind != "number" or not inner.text.isdigit():
            raise UnreadableError("a period that is not digits")
        self.position += 1
        return inner.text

    def _mixed(self, number: Number) -> Node:
        """`3\\frac{1}{2}` and `3 1/2`: a whole number and a proper fraction directly after it are added."""
        one, over, two = self.peek(), self.peek(1), self.peek(2)
        if one is None:
            return number
        if one.kind == "command" and one.text == "\\frac":
            saved = self.position, [token.text for token in self.tokens[self.position : self.position + 3]]
            fraction = self.primary()
            if isinstance(fraction, Number) and 0 < fraction.value < 1:
                return Number(number.value + fraction.value)
            self.position = saved[0]
            for token, text in zip(self.tokens[saved[0] :], saved[1], strict=False):
                token.text = text
        elif one.kind == "number" and over and two and over.text == "/" and two.kind == "number":
            after = self.peek(3)
            fits = one.text.isdigit() and two.text.isdigit() and 0 < int(one.text) < int(two.text)
            if fits and (after is None or after.text not in ("^", "!", "_")):
                self.position += 3
                return Number(number.value + Fraction(int(one.text), int(two.text)))
        return number

    def _in_base(self, digits: str) -> Node:
        self.position += 1
        token, inner = self.peek(), self.peek(1)
        word = inner if token is not None and token.text == "{" else token
        if word is not None and word.kind == "text" and word.text.lower() in _BASE_WORDS:
            base = _BASE_WORDS[word.text.lower()]
            self.position += 1 if word is token else 3
            return Numeral(digits.lstrip("0") or "0", base)
        node = self.script() if self.sees("{") else self.primary()
        if not isinstance(node, Number) or node.places is not None or not 2 <= node.value <= 36:
            raise UnreadableError("a subscript of a numeral that is no base")
        return Numeral(digits.lstrip("0") or "0", int(node.value))
