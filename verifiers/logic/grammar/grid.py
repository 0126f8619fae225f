"""Rectangles of cells: rows on lines, cells with spaces between them; or a list of lists; or a LaTeX matrix."""

from __future__ import annotations

import re

from verifiers.logic.grammar.literal import literal
from verifiers.logic.grammar.text import Unreadable, plain, shown, unfenced
from verifiers.logic.grammar.words import lines

MAX_CELLS = 20_000
_BETWEEN = re.compile(r"[\s,&|]+")

INTEGER_CELL = r"[+-]?[0-9]{1,12}"
DECIMAL_CELL = r"[+-]?[0-9]{1,12}(?:\.[0-9]{0,12})?"


def grid(text: str, cell: str, width: int = 0) -> list[list[str]]:
    """Rows of cells that match `cell`, all rows of one length.

    width: of the wanted grid, where it is known; a row of so many characters may then do without spaces.
    """
    stripped = plain(unfenced(text))
    rows = _from_list(stripped) if stripped[:1] in ("[", "(") else _from_lines(text)
    if width > 1 and all(len(row) == 1 and len(row[0]) == width for row in rows):
        rows = [list(row[0]) for row in rows]
    if not rows or not rows[0] or len({len(row) for row in rows}) != 1:
        raise Unreadable("found no cells, or rows of different lengths")
    if len(rows) * len(rows[0]) > MAX_CELLS:
        raise Unreadable(f"more than {MAX_CELLS} cells")
    matches = re.compile(cell).fullmatch
    for row in rows:
        for item in row:
            if not matches(item):
                raise Unreadable(f"found {shown(item)} in a cell")
    return rows


def integers(text: str, width: int = 0) -> list[list[int]]:
    """A grid of whole numbers."""
    return [[int(item) for item in row] for row in grid(text, INTEGER_CELL, width)]


def _from_lines(text: str) -> list[list[str]]:
    return [[item for item in _BETWEEN.split(line) if item] for line in lines(text)]


def _from_list(text: str) -> list[list[str]]:
    rows = literal(text)
    if isinstance(rows, list) and not any(isinstance(row, list) for row in rows):
        rows = [rows]  # a single one
    if not isinstance(rows, list) or not all(isinstance(row, list) for row in rows):
        raise Unreadable("found a list that does not hold rows alone")
    if any(isinstance(item, (list, dict, bool)) or item is None for row in rows for item in row):
        raise Unreadable("found a cell that is no number or text")
    return [[str(item) for item in row] for row in rows]
