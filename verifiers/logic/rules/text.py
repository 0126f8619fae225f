"""Words and texts: read strictly, then compared with the entry's own answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from decimal import Decimal
from functools import partial
from typing import Any

from verifiers.logic.grammar.literal import literal
from verifiers.logic.grammar.numbers import decimal, integer
from verifiers.logic.grammar.text import Unreadable, one_line, unquoted
from verifiers.logic.grammar.words import choice, sentence, sequence, word
from verifiers.logic.rule import Entry, Judged, Rule, right_if, same
from verifiers.logic.rules.values import WEEKDAYS


def _one_of(*options: str, **also: str) -> Rule[str]:
    """also: other words for them, in lower case."""

    def read(text: str) -> str:
        found = choice(text, (*options, *also))
        return also.get(found, found)

    return same(read)


TRUE_OR_FALSE = _one_of("True", "False")
BIT = _one_of("0", "1", false="0", true="1")
SCHEDULE = _one_of("True", "False", yes="True", no="False")
LIGHT = _one_of("on", "off", "undetermined")


def _calendar(text: str, entry: Entry) -> str | int:
    kind = entry["task"]
    if kind.startswith("weekday"):
        return choice(text, WEEKDAYS)
    return choice(text, ("Yes", "No")) if kind == "is_leap_year" else integer(text)


def _read_alike(rule_read: Any) -> Any:
    """A judge: right is what is read as the entry's own answer is."""

    def judge(value: Any, entry: Entry) -> Judged:
        return right_if(value == entry.readable(lambda text: rule_read(text, entry)), "another answer")

    return judge


CALENDAR = Rule(_calendar, _read_alike(_calendar))

WORD = same(word, str.casefold)
NAME = same(partial(word, pattern=r"[A-Za-z]+(?:[-' ][A-Za-z]+){0,4}"), str.casefold)
OUTPUT = same(partial(word, pattern=r"[A-Za-z]+|[0-9]+"))
SPELLED = same(partial(word, pattern=r"[A-Za-z0-9]+"), str.casefold)
DRAWN_WORD = same(lambda text: word("".join(unquoted(one_line(text)).split())), str.casefold)
FIVE_LETTERS = same(partial(word, pattern=r"[A-E]+"))
SENTENCE = Rule(
    lambda text, entry: sentence(text),
    lambda value, entry: right_if(entry.readable(sentence) in (value, unquoted(value)), "another text"),
)
WORDS = same(sentence, lambda text: unquoted(text).casefold().split())


def _rewritten(text: str) -> str:
    """Letters a to z; nothing may be left of a text."""
    return word(text, r"[a-z]*")


REWRITTEN = same(_rewritten)


def _tokens(text: str) -> list[str]:
    """A::B programs; nothing may be left of one."""
    return sequence(text, r"#[AB]|[AB]#") if one_line(text) else []


TOKENS = same(_tokens)

INTEGERS = same(partial(sequence, pattern=r"[+-]?[0-9]{1,12}"), lambda items: [int(item) for item in items])
PATH = same(partial(sequence, pattern=r"[0-9]{1,12}", arrows=True), lambda items: [int(item) for item in items])


def _decimals(text: str) -> list[Decimal]:
    return [decimal(item) for item in sequence(text, r"[+-]?[0-9]{1,30}(?:\.[0-9]{0,30})?")]


DECIMALS = same(_decimals)
LISTED_WORDS = same(partial(sequence, pattern=r"\w+"))


def _palindrome(value: str, entry: Entry) -> Judged:
    letters = value.casefold()
    if Counter(letters) != Counter("".join(entry["letters"]).casefold()):
        return right_if(False, "other letters than those given")
    return right_if(letters == letters[::-1], "not a palindrome")


PALINDROME = Rule(lambda text, entry: word(text, r"[A-Za-z]+"), _palindrome)


def _groups(text: str) -> list[list[str]]:
    value = literal(text)
    rows = value if isinstance(value, list) else []
    if not rows or not all(isinstance(row, list) and all(isinstance(item, str) for item in row) for row in rows):
        raise Unreadable("found no list of lists of texts")
    return rows


def _unordered(groups: Collection[Collection[str]]) -> list[list[str]]:
    return sorted(sorted(group) for group in groups)


GROUPS = same(_groups, _unordered)
PARTITIONS = same(_groups, lambda rows: {tuple(row) for row in rows})
