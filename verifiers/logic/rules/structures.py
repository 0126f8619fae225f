"""Graphs, JSON values and word ladders."""

from __future__ import annotations

import csv
import functools
import importlib.util
import json
import re
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

from verifiers.logic.grammar.literal import literal
from verifiers.logic.grammar.text import Unreadable, shown
from verifiers.logic.grammar.words import sequence
from verifiers.logic.rule import RIGHT, Entry, Judged, Rule, right_if, wrong


def _coloring(text: str, entry: Entry) -> dict[str, int]:
    value = literal(text)
    if not isinstance(value, dict) or not all(type(color) is int for color in value.values()):
        raise Unreadable("found no map of vertices to whole numbers")
    return value


def _proper(value: dict[str, int], entry: Entry) -> Judged:
    """Any coloring with the given colors in which no edge joins two of one."""
    puzzle = entry["puzzle"]
    if set(value) != {str(vertex) for vertex in puzzle["vertices"]}:
        return wrong("not one color for every vertex")
    if not set(value.values()) <= set(puzzle["color_options"]):
        return wrong("a color that is not given")
    edge = next((edge for edge in puzzle["edges"] if value[str(edge[0])] == value[str(edge[1])]), None)
    return RIGHT if edge is None else wrong(f"an edge joins two vertices of one color: {edge[0]} and {edge[1]}")


COLORING = Rule(_coloring, _proper, lambda entry: json.dumps(entry["possible_answer"]))


def _value(text: str, entry: Entry) -> Any:
    return literal(text)


def _same_value(value: Any, entry: Entry) -> Judged:
    return right_if(_equal(value, entry.readable(literal), entry.tolerance), "another value")


def _equal(a: Any, b: Any, tolerance: Fraction) -> bool:
    """Numbers by value, everything else by type and value."""
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a is b
    if isinstance(a, (int, Decimal)) and isinstance(b, (int, Decimal)):
        return a == b or abs(Fraction(a) - Fraction(b)) <= tolerance * abs(Fraction(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(_equal(x, y, tolerance) for x, y in zip(a, b, strict=True))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key], tolerance) for key in a)
    return isinstance(a, str) and a == b


def _boxable(entry: Entry) -> str:
    """The entry's answer with the braces inside its texts as escapes, so that those of a \\boxed{} still balance."""

    def escaped(text: re.Match[str]) -> str:
        return text[0].replace("{", "\\u007b").replace("}", "\\u007d")

    return re.sub(r'"(?:[^"\\]|\\.)*"', escaped, entry.gold)


JSON_VALUE = Rule(_value, _same_value, _boxable)


@functools.cache
def vocabulary(length: int) -> frozenset[str]:
    """Words of 3 to 5 letters, upper case, from the data of reasoning-gym, which is not imported."""
    package = importlib.util.find_spec("reasoning_gym")
    if package is None or package.origin is None:
        raise ValueError("word_ladder is judged by the word list of reasoning-gym, which is not installed")
    path = Path(package.origin).parent / "data" / "words.csv"
    with path.open(encoding="utf-8", newline="") as file:
        words = (row.get(f"{length}_letter") for row in csv.DictReader(file))
        return frozenset(word.upper() for word in words if word)


def _ladder(text: str, entry: Entry) -> list[str]:
    length = len(entry["end_word"])
    words = [word.upper() for word in sequence(text, rf"[A-Za-z]{{{length}}}", arrows=True)]
    if len(words) > 1000:
        raise Unreadable(f"{len(words)} words; {shown(words[0])} and so on")
    return words


def _climbs(value: list[str], entry: Entry) -> Judged:
    """From the first word to the last by words of the list, one letter changed at a time."""
    if len(value) < 2 or value[0] != entry["start_word"] or value[-1] != entry["end_word"]:
        return wrong("another first or last word")
    for word, following in pairwise(value):
        if sum(a != b for a, b in zip(word, following, strict=True)) != 1:
            return wrong(f"not one letter changes from {word} to {following}")
    unknown = [word for word in value if word not in vocabulary(len(word))]
    return right_if(not unknown, f"not a word of the list: {', '.join(unknown[:3])}")


LADDER = Rule(_ladder, _climbs)
