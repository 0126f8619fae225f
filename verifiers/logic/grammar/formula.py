"""Propositional formulas, read into the set of valuations under which they hold.

    equivalence = implication { "↔" implication }
    implication = either [ "→" either ]              (a chain of arrows can be read in two ways, and is refused)
    either      = both { "∨" both }
    both        = negated { "∧" negated }
    negated     = { "¬" } ( letter | "(" equivalence ")" )

A set of valuations is an integer: bit i stands for the valuation in which variable j is true where bit j of i is.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from verifiers.logic.grammar.text import MAX_DEPTH, Unreadable, one_line, shown

MAX_TOKENS = 4000
MAX_VARIABLES = 12

_TOKEN = re.compile(
    r"\s*(?:(?P<iff>↔|<->|<=>|⇔|≡|(?i:iff)\b)|(?P<then>→|->|=>|⇒|⊃|(?i:implies)\b)|(?P<or>∨|\|\|?|(?i:or)\b)"
    r"|(?P<and>∧|&&?|(?i:and)\b)|(?P<not>¬|~|!|(?i:not)\b)|(?P<open>[(\[{])|(?P<close>[)\]}])|(?P<letter>[A-Z](?![A-Za-z])))"
)


@dataclass(frozen=True, slots=True)
class Formula:
    """truth: its valuations. form: the same text for formulas that differ in brackets, spaces and the order of a
    conjunction's or disjunction's parts. sign, parts: of a conjunction or disjunction."""

    truth: int
    form: str
    sign: str = ""
    parts: tuple[Formula, ...] = ()


def formula(text: str, variables: Sequence[str]) -> Formula:
    """Read `text`, whose letters are among `variables`."""
    if len(variables) > MAX_VARIABLES:
        raise ValueError(f"{len(variables)} variables; a truth table is made for {MAX_VARIABLES} at most")
    parser = _Parser(_tokens(one_line(text.replace("/\\", "∧").replace("\\/", "∨"))), variables)
    value = parser.equivalence(0)
    parser.end()
    return value


def everything(variables: Sequence[str]) -> int:
    """All valuations."""
    return (1 << (1 << len(variables))) - 1


def _tokens(line: str) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    position = 0
    while position < len(line):
        token = _TOKEN.match(line, position)
        if token is None or token.lastgroup is None:
            raise Unreadable(f"found {shown(line[position:])}, which belongs to no formula")
        if len(found) >= MAX_TOKENS:
            raise Unreadable(f"more than {MAX_TOKENS} letters and signs")
        found.append((token.lastgroup, token[token.lastgroup]))
        position = token.end()
    return [*found, ("end", "the end")]


class _Parser:
    def __init__(self, tokens: list[tuple[str, str]], variables: Sequence[str]) -> None:
        self._tokens = tokens
        self._position = 0
        self._all = everything(variables)
        self._true = {name: self._where_true(index, len(variables)) for index, name in enumerate(variables)}

    @staticmethod
    def _where_true(index: int, count: int) -> int:
        block = ((1 << (1 << index)) - 1) << (1 << index)  # 0…01…1 → the upper half of a block of 2^(index+1)
        repeated, length = block, 2 << index
        while length < 1 << count:
            repeated |= repeated << length
            length *= 2
        return repeated

    def equivalence(self, depth: int) -> Formula:
        if depth > MAX_DEPTH:
            raise Unreadable(f"brackets nested deeper than {MAX_DEPTH}")
        value = self._implication(depth)
        while self._take("iff"):
            other = self._implication(depth)
            value = Formula(self._all & ~(value.truth ^ other.truth), f"({value.form}↔{other.form})")
        return value

    def _implication(self, depth: int) -> Formula:
        value = self._either(depth)
        if self._take("then"):
            other = self._either(depth)
            if self._kind() == "then":
                raise Unreadable("a chain of arrows can be read in two ways; write brackets")
            return Formula(self._all & ~value.truth | other.truth, f"({value.form}→{other.form})")
        return value

    def _either(self, depth: int) -> Formula:
        parts = [self._both(depth)]
        while self._take("or"):
            parts.append(self._both(depth))
        truth = 0
        for part in parts:
            truth |= part.truth
        return parts[0] if len(parts) == 1 else Formula(truth, _joined("∨", parts), "∨", tuple(parts))

    def _both(self, depth: int) -> Formula:
        parts = [self._negated(depth)]
        while self._take("and"):
            parts.append(self._negated(depth))
        truth = self._all
        for part in parts:
            truth &= part.truth
        return parts[0] if len(parts) == 1 else Formula(truth, _joined("∧", parts), "∧", tuple(parts))

    def _negated(self, depth: int) -> Formula:
        negations = 0
        while self._take("not"):
            negations += 1
        value = self._atom(depth)
        return value if negations % 2 == 0 else Formula(self._all & ~value.truth, f"¬{value.form}")

    def _atom(self, depth: int) -> Formula:
        kind, text = self._tokens[self._position]
        if kind == "letter":
            self._position += 1
            if text not in self._true:
                raise Unreadable(f"found {text!r}; the letters are {', '.join(self._true)}")
            return Formula(self._true[text], text)
        if not self._take("open"):
            raise Unreadable(f"found {text!r} where a letter should stand")
        value = self.equivalence(depth + 1)
        if not self._take("close"):
            raise Unreadable(f"found {self._tokens[self._position][1]!r} where a bracket should close")
        return value

    def end(self) -> None:
        if self._kind() != "end":
            raise Unreadable(f"found {self._tokens[self._position][1]!r} where the formula should end")

    def _kind(self) -> str:
        return self._tokens[self._position][0]

    def _take(self, kind: str) -> bool:
        if self._kind() != kind:
            return False
        self._position += 1
        return True


def _joined(sign: str, parts: Sequence[Formula]) -> str:
    """Parts of the same sign are one flat, sorted list."""
    flat: list[str] = []
    for part in parts:
        flat += part.form[1:-1].split(sign) if _is_flat(part.form, sign) else [part.form]
    return f"({sign.join(sorted(flat))})"


def _is_flat(form: str, sign: str) -> bool:
    return form.startswith("(") and form.endswith(")") and "(" not in form[1:] and sign in form
