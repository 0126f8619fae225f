"""Grids: compared with the entry's own, or checked by the puzzle's rules, so that every right filling is right."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

from verifiers.logic.grammar.grid import grid, integers
from verifiers.logic.grammar.literal import literal
from verifiers.logic.grammar.text import Unreadable, plain, shown, unfenced
from verifiers.logic.grammar.words import lines
from verifiers.logic.rule import RIGHT, Entry, Judged, Rule, right_if, same, wrong

Board = Sequence[Sequence[Any]]


def _shape(board: Board) -> tuple[int, ...]:
    return tuple(len(row) for row in board)


MATRIX = same(integers)
"""Whole numbers, compared cell by cell."""


def _row(text: str, entry: Entry) -> list[list[int]]:
    return integers(text, len(entry.readable(integers)[0]))


def _same_board(value: Board, entry: Entry) -> Judged:
    return right_if(value == entry.readable(integers), "another grid")


DIGITS = Rule(_row, _same_board)
"""Single digits: a row may do without spaces."""


def _json_board(text: str) -> list[list[int]]:
    rows = literal(text) if plain(unfenced(text)).startswith("[") else integers(text)
    numbers = all(isinstance(row, list) and all(type(cell) is int for cell in row) for row in rows)
    if not isinstance(rows, list) or not rows or not numbers:
        raise Unreadable("found no list of lists of whole numbers")
    return rows


LIFE = same(_json_board)


def _marks(text: str) -> list[str]:
    rows = ["".join(line.split()) for line in lines(text)]
    if not rows or any(set(row) - {"✅", "❌"} for row in rows):
        raise Unreadable("found other signs than ✅ and ❌")
    return rows


MARKS = same(_marks)


def _clues_kept(value: Board, puzzle: Board, blank: object = 0) -> bool:
    return all(
        clue in (blank, found)
        for row, clues in zip(value, puzzle, strict=True)
        for found, clue in zip(row, clues, strict=True)
    )


def _sudoku(text: str, entry: Entry) -> list[list[int]]:
    return integers(text, len(entry["puzzle"]))


def _solves_sudoku(value: Board, entry: Entry) -> Judged:
    puzzle = entry["puzzle"]
    size, box = len(puzzle), math.isqrt(len(puzzle))
    if _shape(value) != _shape(puzzle):
        return wrong("a grid of another size")
    if not _clues_kept(value, puzzle):
        return wrong("a given number was changed")
    boxes = [
        [value[r][c] for r in range(top, top + box) for c in range(left, left + box)]
        for top in range(0, size, box)
        for left in range(0, size, box)
    ]
    each = set(range(1, size + 1))
    holds = all(set(part) == each for part in (*value, *zip(*value, strict=True), *boxes))
    return right_if(holds, "a row, column or box does not hold every number")


SUDOKU = Rule(_sudoku, _solves_sudoku)

_NUMBERS = re.compile(r"[0-9]{1,3}(?:(?:\s*[<>|]\s*|\s+)[0-9]{1,3})*")
_SIGNS = re.compile(r"[∧∨^vV\s|]*")


def _futoshiki(text: str, entry: Entry) -> list[list[int]]:
    """Lines of numbers, between which < and > may stand, and lines of ∧ and ∨; the signs are not looked at. Or
    a list of rows."""
    if plain(unfenced(text)).startswith("["):
        return integers(text)
    rows: list[list[int]] = []
    for line in lines(text):
        if _NUMBERS.fullmatch(line):
            rows.append([int(number) for number in re.findall("[0-9]+", line)])
        elif not _SIGNS.fullmatch(line):
            raise Unreadable(f"found {shown(line)}; a line holds numbers and < >, or ∧ and ∨")
    if not rows:
        raise Unreadable("found no numbers")
    return rows


def _solves_futoshiki(value: Board, entry: Entry) -> Judged:
    puzzle = entry["puzzle"]
    if _shape(value) != _shape(puzzle):
        return wrong("a grid of another size")
    if not _clues_kept(value, puzzle):
        return wrong("a given number was changed")
    each = set(range(1, len(puzzle) + 1))
    if not all(set(part) == each for part in (*value, *zip(*value, strict=True))):
        return wrong("a row or column does not hold every number")
    for r1, c1, r2, c2, sign in entry["constraints"]:
        if (value[r1][c1] < value[r2][c2]) is not (sign == "<"):
            return wrong("a sign of order does not hold")
    return RIGHT


FUTOSHIKI = Rule(_futoshiki, _solves_futoshiki)


def _kakurasu(text: str, entry: Entry) -> list[list[int]]:
    return integers(text, entry["n_cols"])


def _solves_kakurasu(value: Board, entry: Entry) -> Judged:
    if _shape(value) != (entry["n_cols"],) * entry["n_rows"]:
        return wrong("a grid of another size")
    if any(cell not in (0, 1) for row in value for cell in row):
        return wrong("a cell that is neither 0 nor 1")
    rows = [sum(place for place, cell in enumerate(row, 1) if cell) for row in value]
    columns = [sum(place for place, cell in enumerate(column, 1) if cell) for column in zip(*value, strict=True)]
    return right_if([rows, columns] == [entry["row_sums"], entry["col_sums"]], "a sum does not hold")


KAKURASU = Rule(_kakurasu, _solves_kakurasu)


def _solves_survo(value: Board, entry: Entry) -> Judged:
    puzzle = entry["puzzle"]
    if _shape(value) != _shape(puzzle):
        return wrong("a grid of another size")
    if not _clues_kept(value, puzzle):
        return wrong("a given number was changed")
    cells = [(r, c) for r, row in enumerate(puzzle) for c, clue in enumerate(row) if clue == 0]
    if Counter(value[r][c] for r, c in cells) != Counter(entry["candidate_numbers"]):
        return wrong("other numbers than those given")
    holds = all(sum(line[:-1]) == line[-1] for line in (*value, *zip(*value, strict=True)))
    return right_if(holds, "a sum does not hold")


SURVO = Rule(lambda text, entry: integers(text), _solves_survo)


def _queens(text: str, entry: Entry) -> list[list[str]]:
    rows = grid(text, r"[_Q.]", len(entry["puzzle"]))
    return [["_" if cell == "." else cell for cell in row] for row in rows]


def _places_queens(value: Board, entry: Entry) -> Judged:
    puzzle = entry["puzzle"]
    if _shape(value) != _shape(puzzle):
        return wrong("a board of another size")
    if not _clues_kept(value, puzzle, "_"):
        return wrong("a given queen was removed")
    queens = [(r, c) for r, row in enumerate(value) for c, cell in enumerate(row) if cell == "Q"]
    apart = all(len({line(r, c) for r, c in queens}) == len(queens) for line in _LINES)
    return right_if(len(queens) == len(puzzle) and apart, "not one queen a row, none attacking another")


_LINES = (lambda r, c: r, lambda r, c: c, lambda r, c: r + c, lambda r, c: r - c)
QUEENS = Rule(_queens, _places_queens)
