"""Operators as names: `\\int_0^1 f(x)dx`, `P(X=2)`, `\\frac{dy}{dx}` before an equality sign stand for their value."""

from __future__ import annotations

from verifiers.math.denials import denied_name
from verifiers.math.limits import UnreadableError
from verifiers.math.matrices import Matrices
from verifiers.math.nodes import Node, Symbol, symbols
from verifiers.math.relations import is_name

_OPERATORS = frozenset(
    (
        "\\int",
        "\\iint",
        "\\oint",
        "\\sum",
        "\\prod",
        "\\lim",
        "\\limsup",
        "\\liminf",
        "\\min",
        "\\max",
        "\\sup",
        "\\inf",
    )
) | {"\\Pr", "\\det"}
_OF_AN_EVENT = ("P", "E", "V")
_MEASURE = ("m", "\\angle")


class Operators(Matrices):
    def _set(self) -> Node:
        raise NotImplementedError

    def operator_name(self, start: int, end: int) -> Node | None:
        """The left side in tokens[start:end] as one name, if it is an operator's; a constant must agree."""
        part = self.tokens[start:end]
        if not part or any(token.text in ("and", "or", "\\ldots") for token in part):
            return None
        if len(part) > 1 and (part[0].text, part[1].text) == _MEASURE:
            return self._opaque(start + 1, end)
        if self._is_derivative(start, end):
            return self._opaque(start, end)
        if part[0].text not in _OPERATORS and not self._is_of_an_event(start, end):
            return None
        try:
            with self.within(start, end):
                node = self._set()
        except UnreadableError:
            return self._opaque(start, end)
        return node if is_name(node) or not symbols(node) else self._opaque(start, end)

    def _opaque(self, start: int, end: int) -> Symbol:
        return Symbol(f"\\operator{{{' '.join(token.text for token in self.tokens[start:end])}}}")

    def _is_derivative(self, start: int, end: int) -> bool:
        """`\\frac{dy}{dx}` and `\\frac{\\partial f}{\\partial x}`, alone."""
        if end - start < 8 or self.tokens[start].text != "\\frac" or self.tokens[start + 1].text != "{":
            return False
        below = self.tokens[start + 1].match + 1
        if below + 2 >= end or self.tokens[below].text != "{" or self.tokens[below].match != end - 1:
            return False
        sign = self.tokens[start + 2].text
        return sign in ("d", "\\partial") and self.tokens[below + 1].text == sign and below + 3 < end

    def _is_of_an_event(self, start: int, end: int) -> bool:
        """`P(X=2)`, `\\mathbb{E}[X]`, `\\text{Var}(X)`: a name, and brackets to the end."""
        first, last = self.tokens[start], self.tokens[end - 1]
        opening = last.match
        if last.text not in (")", "]") or opening <= start:
            return False
        if first.text == "\\mathbb" and opening in (start + 2, start + 4):
            return self.tokens[(start + opening) // 2].text in _OF_AN_EVENT
        if opening != start + 1:
            return False
        return first.text in _OF_AN_EVENT or (first.kind == "text" and not denied_name(first.text))
