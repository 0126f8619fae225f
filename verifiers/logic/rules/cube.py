"""Rubik's cubes of any size: stickers on coordinates, turned by Singmaster's notation.

Coordinates run from -(n-1) to n-1 in steps of two, the x axis to the right, y up and z towards the viewer. `R` turns
the layer of the largest x clockwise as seen from the right; `2R` the second layer from there alone, `Rw` and `3Rw` the
outer two and three together; `M`, `E`, `S` the middle layer as `L`, `D`, `F`; `x`, `y`, `z` the whole cube.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from verifiers.logic.grammar.text import Unreadable, plain, shown
from verifiers.logic.rule import Entry, Judged, Rule, right_if

MAX_MOVES = 2000

Vector = tuple[int, int, int]

_MOVE = re.compile(
    r"(?P<layer>[1-9])?(?P<face>[RLUDFB])(?P<wide>w)?(?P<end>'?2?|2')|(?P<other>[MESxyzXYZ])(?P<tail>'?2?|2')"
)
_PRIME = re.compile(r"\s*\^\s*(?:\{\s*(?:\\prime|')\s*\}|\\prime(?![A-Za-z]))")
_SIGNS = str.maketrans("’′`,", "''' ")
_FACES = {"R": (0, 1), "L": (0, -1), "U": (1, 1), "D": (1, -1), "F": (2, 1), "B": (2, -1)}
"""Axis and side of each face."""
_LIKE = {"M": "L", "E": "D", "S": "F", "X": "R", "Y": "U", "Z": "F"}


@dataclass(frozen=True, slots=True)
class Turn:
    """quarters: clockwise as seen from `face`. first, last: layers counted from it, from 1; last 0: to the far side,
    first 0: the middle one."""

    face: str
    quarters: int
    first: int = 1
    last: int = 1


def turns(text: str) -> list[Turn]:
    """Moves with spaces between them."""
    found = []
    for item in (
        plain(_PRIME.sub("'", text)).replace("’", "'").replace("′", "'").replace("`", "'").replace(",", " ").split()
    ):
        move = _MOVE.fullmatch(item)
        if not move:
            raise Unreadable(f"found {shown(item)}, which is no move of a cube")
        found.append(_turn(move))
    if not found or len(found) > MAX_MOVES:
        raise Unreadable(f"found {len(found)} moves; at least 1 and at most {MAX_MOVES} are made")
    return found


def _turn(move: re.Match[str]) -> Turn:
    end = move["end"] or move["tail"] or ""
    quarters = (2 if "2" in end else 1) * (-1 if "'" in end else 1)
    if move["other"]:
        name = move["other"].upper()
        first, last = (0, 0) if name in "MES" else (1, 0)
        return Turn(_LIKE[name], quarters, first, last)
    layer = int(move["layer"] or (2 if move["wide"] else 1))
    return Turn(move["face"], quarters, 1 if move["wide"] else layer, layer)


def solved_by(size: int, moves: Iterable[Turn]) -> bool:
    """Whether a solved cube is one again after `moves`, every face of one color; False if one names no layer of it."""
    stickers = _solved(size)
    for move in moves:
        layers = _layers(size, move)
        if not layers:
            return False
        axis, side = _FACES[move.face]
        for _ in range(move.quarters * -side % 4):
            stickers = {
                (_rotated(place, axis), _rotated(normal, axis)) if place[axis] in layers else (place, normal): color
                for (place, normal), color in stickers.items()
            }
    faces: dict[Vector, set[int]] = {}
    for (_, normal), color in stickers.items():
        faces.setdefault(normal, set()).add(color)
    return all(len(colors) == 1 for colors in faces.values())


def _solved(size: int) -> dict[tuple[Vector, Vector], int]:
    """Each sticker's place and the direction it looks in, to its color."""
    span = range(1 - size, size, 2)
    stickers = {}
    for color, (axis, side) in enumerate(_FACES.values()):
        normal = tuple(side * (i == axis) for i in range(3))
        for a in span:
            for b in span:
                place = [a, b]
                place.insert(axis, side * (size - 1))
                stickers[(place[0], place[1], place[2]), (normal[0], normal[1], normal[2])] = color
    return stickers


def _layers(size: int, move: Turn) -> set[int]:
    """The coordinates, along the face's axis, of the layers that turn; empty where there are none such."""
    side = _FACES[move.face][1]
    if move.first == 0:
        return {0} if size % 2 else set()
    last = move.last or size
    if last > size:
        return set()
    return {side * (size - 1 - 2 * (layer - 1)) for layer in range(move.first, last + 1)}


def _rotated(v: Vector, axis: int) -> Vector:
    """A quarter turn counterclockwise as seen from the positive end of `axis`."""
    x, y, z = v
    return ((x, -z, y), (z, y, -x), (-y, x, z))[axis]


def _solves(value: list[Turn], entry: Entry) -> Judged:
    scramble = entry.readable(turns, entry["scramble_moves"])
    return right_if(solved_by(int(entry["cube_size"]), [*scramble, *value]), "the cube is not solved")


def _undone(entry: Entry) -> str:
    """The scramble backwards, every turn reversed."""
    moves = reversed(entry["scramble_moves"].split())
    return " ".join(move[:-1] if move.endswith("'") else f"{move}'" for move in moves)


RUBIKS_CUBE = Rule(lambda text, entry: turns(text), _solves, _undone)
