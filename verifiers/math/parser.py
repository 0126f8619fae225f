"""From text to the tree of an answer: lists, relations and sets around the arithmetic.

What is not in this grammar is an UnreadableError, what is too large a RefusedError; nothing is evaluated.
The grammar is this package's own, so that an answer reaches neither `parse_expr` nor any other parser that runs code.
"""

from __future__ import annotations

import re
from functools import lru_cache

from verifiers.math.labels import cut_currency, find_label
from verifiers.math.lexer import tokens
from verifiers.math.limits import MAX_ITEMS, RefusedError, UnreadableError, check_text
from verifiers.math.nodes import Call, Group, Node, Numeral, Quantity, Relation, integer, multiply
from verifiers.math.operators import Operators
from verifiers.math.unit_words import BARE_UNITS
from verifiers.math.vocabulary import SIGNS

_GROUPED = re.compile(r"(?<![\d,.])[1-9]\d{0,2}(?:,\d{3})+(?![\d,])")
_DECIMAL_COMMA = re.compile(r"([+-]?)(0|\d{4,}|\d+(?=,\d\d$)),(\d+)")
_SIGNED_EXPONENT = re.compile(r"(?<=\d)e(?=[+-]\d)")
_BASE_NUMERAL = re.compile(r"\(?([0-9]+|[0-9A-Fa-f]{2,})\)?_(?:\{(\d{1,2})\}|(\d{1,2}))")
_BARE_UNIT = re.compile(r"(.*\d) ?([A-Za-z]{1,3}(?:\^(?:\d|\{\d\}))?(?:/[A-Za-z]{1,3}(?:\^(?:\d|\{\d\}))?)?)")
_BARE_OHM = re.compile(r"(.*\d) ?\\Omega ?((?:\\text\{.*)?)")
_SLASH_AFTER_FUNCTION = re.compile(r"(?:ln|log|sin|cos|tan|cot|sec|csc)(?![A-Za-z]).*/")
_POINT = re.compile(r"[ABD-Z]\([^()]*,[^()]*\)")
_REVERSED = re.compile(r"([\[\]])([^\[\]]*[,;][^\[\]]*)([\[\]])")
_UNIT_WORD = re.compile(r"[A-Za-z]+")


def parse(normalised: str) -> Node:
    """The tree of one reading of `normalised`, its most natural one."""
    return readings(normalised)[0]


@lru_cache(maxsize=4096)
def readings(normalised: str, decimal_comma: bool = True) -> tuple[Node, ...]:
    """Its trees, the most natural first. More than one only where the writing itself is ambiguous: `1,234` is a number
    or a list, `1,22` a list or a decimal comma, `5m` five metres or a product, `\\ln 3/2` of 3/2 or half of `\\ln 3`.

    decimal_comma: whether it may hold one. A reference of two numbers is a list, and no decimal is paid for it.

    Raises what the first of them raises.
    """
    check_text(normalised)
    spellings = [_join_thousands(normalised)]
    if spellings[0] != normalised:
        spellings.append(normalised)
    if decimal_comma and (comma := _DECIMAL_COMMA.fullmatch(normalised)) is not None:
        spellings.append(f"{comma[1]}{comma[2]}.{comma[3]}")
    if _POINT.fullmatch(normalised):
        spellings.append(normalised[1:])  # the point A(1,2)
    if _SIGNED_EXPONENT.search(normalised):
        spellings.append(_SIGNED_EXPONENT.sub(r"\\mathrm{e}", normalised))
    if (ohms := _BARE_OHM.fullmatch(spellings[0])) is not None:
        spellings.append(f"{ohms[1]}\\text{{ohm}}{ohms[2]}")
    bare = _BARE_UNIT.fullmatch(spellings[0])
    if bare is not None and all(word in BARE_UNITS for word in _UNIT_WORD.findall(bare[2])):
        spellings.append(f"{bare[1]}\\text{{{bare[2]}}}")
    found = [_parse(spellings[0])]
    if _SLASH_AFTER_FUNCTION.search(normalised):
        found.append(_parse(spellings[0], slash_ends=True))
    for spelling in spellings[1:]:
        try:
            found.append(_parse(spelling))
        except UnreadableError:
            continue
    return tuple(dict.fromkeys(found))


def _turned(interval: re.Match[str]) -> str:
    """`(0,1]` for `]0,1]`, `[0,1)` for `[0,1[`."""
    return f"{'(' if interval[1] == ']' else '['}{interval[2]}{')' if interval[3] == '[' else ']'}"


def _join_thousands(text: str) -> str:
    """`1,234` as 1234 where no bracket holds it."""
    if "," not in text:
        return text
    parts, depth, start = [], 0, 0
    for found in _GROUPED.finditer(text):
        before = text[start : found.start()]
        depth += sum(before.count(c) for c in "([") - sum(before.count(c) for c in ")]")
        depth += before.count("\\{") - before.count("\\}")
        parts.append(before + (found.group().replace(",", "") if depth == 0 else found.group()))
        start = found.end()
    return "".join(parts) + text[start:]


def _parse(text: str, slash_ends: bool = False) -> Node:
    """slash_ends: whether a function's argument ends at a slash, `\\ln 3/2` being half of `\\ln 3`."""
    based = _BASE_NUMERAL.fullmatch(text)
    if based is not None:
        base = int(based[2] or based[3])
        if 2 <= base <= 36 and (based[1].isdigit() or base == 16):
            return Numeral(based[1].upper().lstrip("0") or "0", base)
    text, currency = cut_currency(_REVERSED.sub(_turned, text))
    node = Parser(tokens(text), slash_ends).answer()
    return Quantity(node, currency, currency=True) if currency else node


class Parser(Operators):
    """Lists, relations, sets and labels."""

    def answer(self) -> Node:
        found = self.items(0, self.end)
        if not found:
            raise UnreadableError("nothing")
        return found[0] if len(found) == 1 else Group("", "", found, self.joint(0, self.end))

    def items(self, start: int, end: int) -> tuple[Node, ...]:
        """What stands between commas, semicolons and the words `and` and `or`. With `;` and `,`, lists in a list."""
        with self.within(start, end):
            outer = [part for part in self.split(";") if part[0] < part[1]]
            separators = (",", "and", "or")
            lists = [self._list(*part, separators) for part in outer]
        if len(lists) > 1 and any(len(part) > 1 for part in lists):
            return tuple(
                part[0] if len(part) == 1 else Group("", "", part, self.joint(*at))
                for part, at in zip(lists, outer, strict=True)
            )
        return tuple(node for part in lists for node in part)

    def _list(self, start: int, end: int, separators: tuple[str, ...]) -> tuple[Node, ...]:
        if end > start and any(self.tokens[at].text in ("and", "or") for at in (start, end - 1)):
            raise UnreadableError("`and` or `or` beside nothing")
        with self.within(start, end):
            parts = [part for part in self.split(*separators) if part[0] < part[1]]
            if len(parts) > MAX_ITEMS:
                raise RefusedError(f"a list of more than {MAX_ITEMS} items")
            return tuple(self._item(*part) for part in parts)

    def _item(self, start: int, end: int) -> Node:
        labelled = find_label(self.tokens, start, end)
        with self.within(labelled.start, labelled.end):
            node = self._relation()
        if labelled.scale:
            node = multiply(node, integer(10**labelled.scale))
        if labelled.percent:
            return Call("%", (node,))
        if labelled.degrees:
            return Call("deg", (node,))
        return Quantity(node, labelled.label, labelled.currency) if labelled.label else node

    def _relation(self) -> Node:
        signs = self._signs()
        start = self.position
        if signs and signs[0][0] == start and signs[0][2] in ("~", "="):  # `\approx 5`, `= 5`
            start += signs.pop(0)[1]
        sides: list[Node] = []
        written: list[str] = []
        for at, width, _sign in [*signs, (self.end, 0, "")]:
            named = self.operator_name(start, at) if signs and not sides and signs[0][2] == "=" else None
            with self.within(start, at):
                sides.append(named or self._set())
            written.append(" ".join(token.text for token in self.tokens[start:at]))
            start = at + width
        if len(sides) == 1:
            return sides[0]
        if signs[-1][2] == "equiv" and isinstance(sides[-1], Call) and sides[-1].head == "mod":
            sides[-1] = Call("pmod", sides[-1].args)
        return Relation(tuple(sides), tuple(sign for _, _, sign in signs), tuple(written))

    def _signs(self) -> list[tuple[int, int, str]]:
        """Where the relation signs stand that no bracket holds: index, width in tokens, sign."""
        found, index = [], self.position
        while index < self.end:
            token = self.tokens[index]
            if token.match > index:
                index = token.match
            elif token.text == "\\not" and index + 1 < self.end:
                negated = {"=": "!=", "\\in": "notin", "\\equiv": "nequiv"}.get(self.tokens[index + 1].text)
                if negated is None:
                    raise UnreadableError("\\not before what it does not negate")
                found.append((index, 2, negated))
                index += 1
            elif token.text in SIGNS and token.kind in ("char", "command"):
                found.append((index, 1, SIGNS[token.text]))
            index += 1
        return found

    def _set(self) -> Node:
        """Unions of differences of intersections; a modulus stands after its value."""
        unions = self.split("\\cup", "\\bigcup")
        if len(unions) > 1:
            return Call("cup", tuple(self._part(*part) for part in unions))
        differences = self.split("\\setminus")
        if len(differences) > 1:
            return Call("setminus", tuple(self._part(*part) for part in differences))
        intersections = self.split("\\cap")
        if len(intersections) > 1:
            return Call("cap", tuple(self._part(*part) for part in intersections))
        return self._value()

    def _part(self, start: int, end: int) -> Node:
        with self.within(start, end):
            return self._set()

    def _value(self) -> Node:
        node = self.ratio()
        if self.accept("\\pmod"):
            modulus = self.tex_argument()
            node = Call("pmod", (node, modulus))
        if (left := self.peek()) is not None:
            raise UnreadableError(f"{left.text!r} where an operator should stand")
        return node
