"""Units, currencies and other words beside a value: found among the tokens of an item, and spelled in one way."""

from __future__ import annotations

import re
from dataclasses import dataclass

from verifiers.math.denials import denied_label
from verifiers.math.lexer import Token, is_label
from verifiers.math.limits import UnreadableError
from verifiers.math.unit_words import UNITS
from verifiers.math.units import factors, unit
from verifiers.math.vocabulary import CURRENCIES, DEGREES, LEADING, PERCENTS, SCALES

_CURRENCY = re.compile(r"\\\$|[€£¥₹₽₩¢]|\\(?:euro|pounds|yen)(?![A-Za-z])")
_ENDS_VALUE = frozenset(("}", ")", "]", "!", "|", "\\}", "%", "\\rangle", "\\rfloor", "\\rceil", "'", "\\circ"))


@dataclass(frozen=True, slots=True)
class Labelled:
    """tokens[start:end] is the value. label: its unit or currency, normal spelling, empty without one.
    scale: the power of ten of a `million` before it."""

    start: int
    end: int
    label: str = ""
    currency: bool = False
    scale: int = 0
    percent: bool = False
    degrees: bool = False


def find_label(tokens: list[Token], start: int, end: int) -> Labelled:
    """The value in tokens[start:end] without the words before and after it. Currency signs are cut out."""
    while start < end and tokens[start].kind == "text" and _leads(tokens[start], tokens, start + 1, end):
        start += 1
    first = _label_start(tokens, start, end)
    if first in (start, end):
        return Labelled(start, end)
    spelled = " ".join(token.text for token in tokens[first:end])
    words = spelled.casefold().strip(" .")
    if words in PERCENTS:
        return Labelled(start, first, percent=True)
    if words in DEGREES:
        return Labelled(start, first, degrees=True)
    scale, _, rest = words.partition(" ")
    if scale in SCALES:
        label = CURRENCIES.get(rest) or (_label(rest) if rest else "")
        return Labelled(start, first, label, rest in CURRENCIES, scale=SCALES[scale])
    if words in CURRENCIES:
        return Labelled(start, first, CURRENCIES[words], currency=True)
    return Labelled(start, first, _label(spelled))


def _label(spelled: str) -> str:
    """A unit, or words that only say what is counted."""
    label = unit(spelled)
    if label.startswith("?") and denied_label(spelled):
        raise UnreadableError(f"a value followed by {spelled!r}")
    return label


def _leads(token: Token, tokens: list[Token], after: int, end: int) -> bool:
    """Whether a word only introduces what follows it."""
    if after >= end or token.text in ("and", "or"):
        return False
    words = token.text.casefold().strip(" :").split()
    return all(word in LEADING for word in words) or (tokens[after].text == ":" and token.text.casefold() == "answer")


def _label_start(tokens: list[Token], start: int, end: int) -> int:
    """Where the words at the end begin: `cm`, `cm^2`, `km / h`, `square units`."""
    first = end
    while first > start:
        last = tokens[first - 1]
        if (is_label(last) and (len(last.text) > 1 or last.text in UNITS or not last.text.isascii())) or (
            first < end and last.text in ("/", "\\cdot") and is_label(tokens[first])
        ):
            first -= 1
        elif last.kind == "number" and first - 3 >= start and _raises_label(tokens, first - 2):
            first -= 3
        elif last.text == "}" and last.match - 2 >= start and _raises_label(tokens, last.match - 1):
            first = last.match - 2
        elif last.text == "}" and (over := _unit_fraction(tokens, start, first - 1)) is not None:
            first = over
        else:
            break
    while first < end and tokens[first].text in ("/", "\\cdot") and not is_label(tokens[first]):
        first += 1
    if first > start and first < end and not _ends_value(tokens[first - 1]):
        return end
    return first


def _unit_fraction(tokens: list[Token], start: int, last: int) -> int | None:
    """Where the `\\frac{\\text{m}}{\\text{s}}` that ends at `last` begins."""
    below = tokens[last].match
    if below - 4 < start or tokens[below - 1].text != "}":
        return None
    over = tokens[below - 1].match - 1
    if over < start or tokens[over].text != "\\frac":
        return None
    spelled = " ".join(token.text for token in tokens[over : last + 1])
    return None if factors(spelled) is None else over


def _raises_label(tokens: list[Token], at: int) -> bool:
    return tokens[at].text == "^" and is_label(tokens[at - 1])


def _ends_value(token: Token) -> bool:
    return token.kind in ("number", "letter") or token.text in _ENDS_VALUE or token.text in ("\\pi", "\\infty")


def cut_currency(text: str) -> tuple[str, str]:
    """`text` without currency signs, and the currency; two different ones are not one amount."""
    found = {CURRENCIES[sign] for sign in _CURRENCY.findall(text)}
    if len(found) > 1:
        raise UnreadableError("two currencies")
    return (_CURRENCY.sub("", text), found.pop()) if found else (text, "")
