"""Puzzles on boards: Sokoban, Rush Hour, Go captures and boxes that agents move. Every move is made by the rules."""

from __future__ import annotations

import json
import re
from typing import Any

from verifiers.logic.grammar.literal import literal
from verifiers.logic.grammar.text import Unreadable, plain, shown
from verifiers.logic.grammar.words import bare, sequence
from verifiers.logic.rule import RIGHT, Entry, Judged, Rule, right_if, wrong

MAX_MOVES = 50_000

_PUSHES = {"U": (-1, 0), "D": (1, 0), "L": (0, -1), "R": (0, 1)}


def _pushes(text: str, entry: Entry) -> str:
    found = re.sub(r"[\s,]", "", plain(text)).upper()
    if not found or set(found) - set(_PUSHES) or len(found) > MAX_MOVES:
        raise Unreadable(f"found {shown(found)}, which is not made of L, R, U and D")
    return found


def _sokoban(value: str, entry: Entry) -> Judged:
    """Every box on a goal after the moves; a move against a wall or a stuck box changes nothing."""
    rows = entry["gamestr"].replace(" ", "").strip().split("\n")
    cells = {(r, c): cell for r, row in enumerate(rows) for c, cell in enumerate(row)}
    boxes = {place for place, cell in cells.items() if cell in "@$"}
    goals = {place for place, cell in cells.items() if cell in "X$%"}
    player = next(place for place, cell in cells.items() if cell in "*%")
    for push in value:
        ahead, beyond = _ahead(player, push), _ahead(player, push, 2)
        if cells.get(ahead, "+") == "+":
            continue
        if ahead in boxes:
            if cells.get(beyond, "+") == "+" or beyond in boxes:
                continue
            boxes = boxes - {ahead} | {beyond}
        player = ahead
    return right_if(boxes <= goals, "not every box stands on a goal")


def _ahead(place: tuple[int, int], push: str, steps: int = 1) -> tuple[int, int]:
    return place[0] + steps * _PUSHES[push][0], place[1] + steps * _PUSHES[push][1]


SOKOBAN = Rule(_pushes, _sokoban)

_CAR = re.compile(r"([A-Z])([+-])([0-9]{1,3})")
_BOARD = 6


def _car_moves(text: str, entry: Entry) -> list[tuple[str, int]]:
    found = []
    for item in sequence(text, _CAR.pattern):
        letter, sign, count = _CAR.fullmatch(item).groups()  # type: ignore[union-attr] # sequence has matched it
        found.append((letter, int(sign + count)))
    return found


def _rush_hour(value: list[tuple[str, int]], entry: Entry) -> Judged:
    """The red car A at the right edge. Cars are lettered in the question in the order of the board's own letters."""
    board: str = entry["board_config"]
    own = sorted(set(board) - {"o", "x"})
    places = {letter: [divmod(p, _BOARD) for p, cell in enumerate(board) if cell == letter] for letter in own}
    cars = {chr(65 + i): places[letter] for i, letter in enumerate(own)}
    taken = {divmod(p, _BOARD) for p, c in enumerate(board) if c != "o"}
    if len(value) > 2000:
        return wrong("more than 2000 moves")
    for letter, count in value:
        if letter not in cars:
            return wrong(f"no car {letter}")
        lies = cars[letter][0][0] == cars[letter][1][0]
        step = (1 if count > 0 else -1) if count else 0
        for _ in range(abs(count)):
            moved = [(r, c + step) if lies else (r + step, c) for r, c in cars[letter]]
            free = taken - set(cars[letter])
            if any(place in free or not all(0 <= x < _BOARD for x in place) for place in moved):
                return wrong(f"car {letter} cannot move {count:+d}")
            taken = free | set(moved)
            cars[letter] = moved
    return right_if(max(c for _, c in cars["A"]) == _BOARD - 1, "the red car is not at the exit")


RUSH_HOUR = Rule(_car_moves, _rush_hour, lambda entry: None)


def _capture(text: str, entry: Entry) -> tuple[int, int]:
    """Row and column of a move such as C4; rows are counted from below."""
    found = re.fullmatch(r"([A-Za-z])\s?([0-9]{1,2})", bare(text))
    if not found:
        raise Unreadable(f"found {shown(text)}, which is no place such as C4")
    return len(entry["board"]) - int(found[2]), ord(found[1].upper()) - 65


def _captures(value: tuple[int, int], entry: Entry) -> Judged:
    """Any empty place where a black stone takes the last liberty of a white group."""
    return right_if(value in _capturing(entry), "no white stone is captured")


def _capturing(entry: Entry) -> list[tuple[int, int]]:
    """Every move that captures."""
    board: list[list[str]] = [list(row) for row in entry["board"]]
    places = [(r, c) for r, row in enumerate(board) for c, stone in enumerate(row) if stone == "."]
    return [place for place in places if _takes(board, place)]


def _takes(board: list[list[str]], place: tuple[int, int]) -> bool:
    played = [list(row) for row in board]
    played[place[0]][place[1]] = "X"
    white = [(r, c) for r, c in _around(place, len(board)) if board[r][c] == "O"]
    return any(not _liberties(played, stone) for stone in white)


def _around(place: tuple[int, int], size: int) -> list[tuple[int, int]]:
    row, column = place
    near = ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1))
    return [(r, c) for r, c in near if 0 <= r < size and 0 <= c < size]


def _liberties(board: list[list[str]], place: tuple[int, int]) -> set[tuple[int, int]]:
    color, group, waiting, free = board[place[0]][place[1]], {place}, [place], set()
    while waiting:
        for near in _around(waiting.pop(), len(board)):
            if board[near[0]][near[1]] == ".":
                free.add(near)
            elif board[near[0]][near[1]] == color and near not in group:
                group.add(near)
                waiting.append(near)
    return free


def _nothing_to_capture(entry: Entry) -> str | None:
    return None if _capturing(entry) else "no move on this board captures a white stone"


def _some_capture(entry: Entry) -> str | None:
    """The first of them; the entry's own answer does not always capture."""
    return next((f"{chr(65 + c)}{len(entry['board']) - r}" for r, c in _capturing(entry)), None)


CAPTURE = Rule(_capture, _captures, _some_capture, _nothing_to_capture)


_NUMBER = r"([0-9]{1,3}(?:\.[0-9]{1,3})?)"
_AGENT = re.compile(rf"Agent\[{_NUMBER},\s*{_NUMBER}\]")
_ACTION = re.compile(rf"move\((box_[a-z]{{1,20}}),\s*(?:square\[{_NUMBER},\s*{_NUMBER}\]|(target_[a-z]{{1,20}}))\)")
Square = tuple[float, float]
Action = tuple[Square, str, Square | str]
"""Who acts, the box, and where it goes: a square or a target."""


def _plan(text: str, entry: Entry) -> list[list[Action]]:
    value = literal(text)
    if not isinstance(value, list) or not all(isinstance(step, dict) for step in value) or not value:
        raise Unreadable("found no list of objects, one a step")
    return [[_action(agent, action) for agent, action in step.items()] for step in value]


def _action(agent: str, action: Any) -> Action:
    who = _AGENT.fullmatch(agent.strip())
    what = _ACTION.fullmatch(action.strip()) if isinstance(action, str) else None
    if not who or not what:
        raise Unreadable(f"found {shown(f'{agent}: {action}')}, which is not 'Agent[x, y]: move(box, destination)'")
    place = what[4] or (float(what[2]), float(what[3]))
    return (float(who[1]), float(who[2])), what[1], place


def _boxnet(value: list[list[Action]], entry: Entry) -> Judged:
    """Every box at a target of its colour, by moves that are all allowed; else the share of the boxes that are.

    The moves of a step are made at once: each moves a box that stands there when the step begins.
    """
    squares: dict[Square, list[str]] = {
        (float(row), float(column)): list(items)
        for (row, column), items in ((key.split("_"), items) for key, items in entry["initial_state"].items())
    }
    boxes = _boxes(squares)
    for step in value:
        arriving: list[tuple[Square, str]] = []
        for agent, box, place in step:
            there = squares.get(agent, [])
            if box not in there or not _allowed(agent, box, place, squares):
                return wrong(f"the move of {box} from {agent} is not allowed")
            there.remove(box)
            if isinstance(place, str):
                there.remove(place)
            else:
                arriving.append((place, box))
        for square, box in arriving:
            squares[square].append(box)
    left = _boxes(squares)
    return RIGHT if left == 0 else wrong(f"{left} of {boxes} boxes are left", (boxes - left) / boxes)


def _boxes(squares: dict[Square, list[str]]) -> int:
    return sum(item.startswith("box_") for items in squares.values() for item in items)


def _allowed(agent: Square, box: str, place: Square | str, squares: dict[Square, list[str]]) -> bool:
    if isinstance(place, str):
        return place == f"target_{box.removeprefix('box_')}" and place in squares[agent]
    return place in squares and abs(agent[0] - place[0]) + abs(agent[1] - place[1]) == 1


def _carried(entry: Entry) -> str:
    """Box by box, one action a step: down or up, then along, then onto the target."""
    state = {tuple(float(x) for x in key.split("_")): items for key, items in entry["initial_state"].items()}
    found = [(item, place) for place, items in state.items() for item in items]
    targets = [(item.removeprefix("target_"), place) for item, place in found if item.startswith("target_")]
    steps: list[dict[str, str]] = []
    for place, items in state.items():
        for color in (item.removeprefix("box_") for item in items if item.startswith("box_")):
            goal = next(target for target in targets if target[0] == color)
            targets.remove(goal)
            at = list(place)
            for axis in (0, 1):
                while at[axis] != goal[1][axis]:
                    agent = f"Agent[{at[0]}, {at[1]}]"
                    at[axis] += 1 if goal[1][axis] > at[axis] else -1
                    steps.append({agent: f"move(box_{color}, square[{at[0]}, {at[1]}])"})
            steps.append({f"Agent[{at[0]}, {at[1]}]": f"move(box_{color}, target_{color})"})
    return json.dumps(steps)


BOXNET = Rule(_plan, _boxnet, _carried)
