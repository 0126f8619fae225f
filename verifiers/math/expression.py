"""From a line of text to the expression in it, and from an expression to its parts. Plain text work, linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from verifiers.extract import boxes

_SEGMENT = re.compile(r"\$\$(.+?)\$\$|\$(.+?)(?<!\\)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_JOINT = re.compile(r"[\s,;&.]*(?:(?:and|or|und|et|y)\b[\s,;&.]*)?")
_OPEN, _CLOSE = "([{", ")]}"


def expression(text: str) -> str:
    """What `text` says in mathematics: its boxes, else its formulas, else itself. Several that are joined by commas,
    `and` or `or` alone are a list; else the last counts."""
    held = boxes(text)
    if held:
        return ", ".join(held)
    found = list(_SEGMENT.finditer(text))
    if not found:
        return text
    contents = [next(g for g in match.groups() if g is not None).strip() for match in found]
    joints = [text[a.end() : b.start()] for a, b in pairwise(found)]
    first = len(contents) - 1
    while first > 0 and _JOINT.fullmatch(joints[first - 1]):
        first -= 1
    return ", ".join(contents[first:])


@dataclass(frozen=True, slots=True)
class Collection:
    """opening, closing: the brackets, empty for a bare list. items: as written."""

    opening: str
    closing: str
    items: tuple[str, ...]

    @property
    def ordered(self) -> bool:
        return self.opening in ("(", "[")


def collection(normalised: str) -> Collection | None:
    """The parts of a list, tuple or set; None for anything else (an interval is a pair with its brackets)."""
    text = normalised.strip()
    for opening, closing in (("\\{", "\\}"), ("(", ")"), ("[", "]"), ("(", "]"), ("[", ")")):
        if text.startswith(opening) and text.endswith(closing):
            inner = text[len(opening) : -len(closing)]
            if _holds_together(inner):
                items = split(inner)
                return Collection(opening, closing, items) if len(items) > 1 or opening == "\\{" else None
    items = split(text)
    return Collection("", "", items) if len(items) > 1 else None


def split(text: str) -> tuple[str, ...]:
    """At the commas, semicolons and `and`s that no bracket holds."""
    parts, start, position = [], 0, 0
    depth = 0
    while position < len(text):
        char = text[position]
        if char == "\\":
            word = re.match(r"\\(?:[a-zA-Z]+|.)", text[position:], re.DOTALL)
            step = len(word.group()) if word else 1
            depth += {"\\{": 1, "\\}": -1}.get(text[position : position + step], 0)
            position += step
            continue
        depth += (char in _OPEN) - (char in _CLOSE)
        if depth == 0 and char in ",;":
            parts.append(text[start:position])
            start = position + 1
        position += 1
    parts.append(text[start:])
    return tuple(part.strip() for part in parts)


def _holds_together(inner: str) -> bool:
    """Whether brackets balance within, so that the outer two are partners. Any kind closes any: intervals."""
    depth = 0
    for token in re.findall(r"\\[{}]|[()\[\]]", inner):
        depth += 1 if token in ("\\{", "(", "[") else -1
        if depth < 0:
            return False
    return depth == 0
