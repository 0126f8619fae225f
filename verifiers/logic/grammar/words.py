"""Words, names, sentences, one of several choices, and sequences of items."""

from __future__ import annotations

import re
from collections.abc import Collection

from verifiers.logic.grammar.literal import literal
from verifiers.logic.grammar.text import Unreadable, one_line, plain, shown, unfenced, unquoted

MAX_ITEMS = 20_000
_ARROW = re.compile(r"\s*(?:→|->|=>|⟶|➡)\s*")


def word(text: str, pattern: str = r"[A-Za-z]+(?:-[A-Za-z]+)*") -> str:
    """One word, without quotation marks or a full stop."""
    line = unquoted(one_line(text))
    line = line if re.fullmatch(pattern, line) else line.removesuffix(".").rstrip()
    if not re.fullmatch(pattern, line):
        raise Unreadable(f"found {shown(line)}, which is not one word")
    return line


def bare(text: str) -> str:
    """One line, without quotation marks or a full stop around it."""
    return unquoted(unquoted(one_line(text)).removesuffix("."))


def choice(text: str, among: Collection[str]) -> str:
    """One of `among`, whatever its case."""
    line = bare(text).casefold()
    for option in among:
        if option.casefold() == line:
            return option
    raise Unreadable(f"found {shown(line)}; an answer is one of {', '.join(among)}")


def sentence(text: str) -> str:
    """A text with single spaces; as it stands: letter case and marks count."""
    line = one_line(text)
    if not line:
        raise Unreadable("found nothing")
    return line


def sequence(text: str, pattern: str, *, arrows: bool = False) -> list[str]:
    """Items that match `pattern`, with white space, commas or (with `arrows`) arrows between them; or a list of them in
    brackets, quoted or not. One kind of separator."""
    line = one_line(text)
    if not line:
        raise Unreadable("found nothing")
    if line[0] in "[(":
        items = _bracketed(line)
    elif arrows and _ARROW.search(line):
        items = _ARROW.split(line)
    elif "," in line:
        items = [item.strip() for item in line.split(",")]
    else:
        items = line.split()
    if len(items) > MAX_ITEMS:
        raise Unreadable(f"{len(items)} items; at most {MAX_ITEMS} are read")
    compiled = re.compile(pattern)
    for item in items:
        if not compiled.fullmatch(item):
            raise Unreadable(f"found {shown(item)} among the items")
    return items


def _bracketed(line: str) -> list[str]:
    if '"' not in line and "'" not in line:
        if line[-1] not in "])" or line[1:-1].strip(" ,")[:1] in ("[", "("):
            raise Unreadable(f"found {shown(line)}, which is not a plain list")
        inner = line[1:-1].strip()
        return [item.strip() for item in inner.split(",")] if inner else []
    values = literal(line)
    if not isinstance(values, list) or any(isinstance(value, (list, dict, bool)) or value is None for value in values):
        raise Unreadable(f"found {shown(line)}, which is not a plain list")
    return [str(value).strip() for value in values]


def lines(text: str) -> list[str]:
    """The lines that are not blank, without a code fence around them."""
    found = [line.strip() for line in plain(unfenced(text)).split("\n")]
    return [line for line in found if line]
