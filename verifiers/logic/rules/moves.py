"""Puzzles that are solved by moves: every move is made, one that is not allowed ends the attempt, the end is looked at.

Of partial credit there is what a solution earns that is longer than it must be, where the question asks for few moves.
"""

from __future__ import annotations

import re

from verifiers.logic.grammar.literal import literal
from verifiers.logic.grammar.text import Unreadable, plain, shown, unfenced
from verifiers.logic.grammar.words import bare, lines, sequence
from verifiers.logic.rule import RIGHT, Entry, Judged, Rule, right_if, wrong


def _texts(text: str) -> list[str]:
    """A JSON list of texts."""
    value = literal(text)
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise Unreadable("found no list of texts")
    return value


def _items(text: str) -> list[str]:
    """A JSON list of texts; or lines, or what commas part."""
    if plain(unfenced(text)).startswith("["):
        return _texts(text)
    found = [part for line in lines(text) for part in re.split(r"\s*[,;](?:\s+|$)", line) if part]
    if not found:
        raise Unreadable("found no moves")
    return found


_DISK = re.compile(
    r"(?:[0-9]{1,6}[.):]\s*)?[Mm]ove disk ([0-9]{1,4}) from [Pp]eg ([0-9]{1,4}) to [Pp]eg ([0-9]{1,4})\.?"
)


def _disk_moves(text: str, entry: Entry) -> list[tuple[int, int, int]]:
    found: list[tuple[int, int, int]] = []
    for line in _items(text):
        move = _DISK.fullmatch(" ".join(line.split()))
        if not move:
            raise Unreadable(f"found {shown(line)}, which is not 'Move disk X from Peg Y to Peg Z'")
        found.append((int(move[1]), int(move[2]), int(move[3])))
    return found


def _hanoi(value: list[tuple[int, int, int]], entry: Entry) -> Judged:
    """Right with no more moves than the entry's own; a longer solution is paid its share of them."""
    pegs: dict[int, list[int]] = {peg: [] for peg in range(1, entry["num_pegs"] + 1)}
    pegs[entry["start_peg"]] = list(range(entry["num_disks"], 0, -1))
    for disk, source, target in value:
        if not pegs.get(source) or target not in pegs or pegs[source][-1] != disk:
            return wrong(f"disk {disk} cannot be moved from peg {source} to peg {target}")
        if pegs[target] and pegs[target][-1] < disk:
            return wrong(f"disk {disk} on a smaller one")
        pegs[target].append(pegs[source].pop())
    if len(pegs[entry["target_peg"]]) != entry["num_disks"]:
        return wrong("the disks are not all on the wanted peg")
    return _few(len(value), entry["solution_length"])


def _few(moves: int, enough: int) -> Judged:
    return RIGHT if moves <= enough else wrong(f"{moves} moves where {enough} do", enough / moves)


HANOI = Rule(_disk_moves, _hanoi)

_JUG = re.compile(r"(fill|empty) ([A-Z])|pour ([A-Z]) ?-> ?([A-Z])")


def _jug_moves(text: str, entry: Entry) -> list[re.Match[str]]:
    found = []
    for item in _items(text):
        move = _JUG.fullmatch(item.strip().replace("→", "->"))
        if not move:
            raise Unreadable(f"found {shown(item)}, which is not 'fill A', 'empty A' or 'pour A->B'")
        found.append(move)
    return found


def _jugs(value: list[re.Match[str]], entry: Entry) -> Judged:
    """Any sequence after (or within) which a jug holds the target."""
    sizes, target = entry["puzzle"]["jug_capacities"], entry["puzzle"]["target"]
    held = [0] * len(sizes)
    for move in value:
        first, second = (ord(name) - 65 if name else -1 for name in (move[2] or move[3], move[4]))
        if max(first, second) >= len(sizes) or (move[3] and first == second):
            return wrong(f"no such jug: {move[0]}")
        if second >= 0:
            amount = min(held[first], sizes[second] - held[second])
            held[first] -= amount
            held[second] += amount
        else:
            held[first] = sizes[first] if move[1] == "fill" else 0
        if target in held:
            return RIGHT
    return wrong("no jug holds the target")


def _known_moves(entry: Entry) -> str | None:
    """None where there are more jugs than three, which the generator does not solve."""
    return None if "No solution" in entry.gold else entry.gold


JUGS = Rule(_jug_moves, _jugs, _known_moves)

_KNIGHT = re.compile(r"\s*([wWbB])\s*,\s*([A-Z][0-9]{1,2})\s*,\s*([A-Z][0-9]{1,2})\s*")


def _knight_moves(text: str, entry: Entry) -> list[tuple[str, str, str]] | None:
    """None for `No`."""
    if bare(text).casefold() == "no":
        return None
    found = []
    for item in _texts(text):
        move = _KNIGHT.fullmatch(item)
        if not move:
            raise Unreadable(f"found {shown(item)}, which is not 'color,from,to'")
        found.append(({"w": "w", "b": "B"}[move[1].lower()], move[2], move[3]))
    return found


def _knight_swap(value: list[tuple[str, str, str]] | None, entry: Entry) -> Judged:
    """`No` where it is impossible; else any swap, a longer one than the entry's own being paid its share."""
    if value is None or not entry["is_possible"]:
        return right_if(value is None and not entry["is_possible"], "possible or not: the other is true")
    board, turn = entry["board"], entry["start_turn"]
    pieces = dict(entry["pieces"])
    start = dict(pieces)
    for color, source, target in value:
        if color != turn or pieces.get(source) != color or target not in board.get(source, ()) or pieces.get(target):
            return wrong(f"the move {color},{source},{target} is not allowed")
        pieces[source], pieces[target] = None, color
        turn = "B" if turn == "w" else "w"
    swapped = {"w": "B", "B": "w"}
    if any(pieces[square] != swapped.get(piece) for square, piece in start.items()):
        return wrong("the knights have not changed places")
    return _few(len(value), len(entry["solution"]))


KNIGHT_SWAP = Rule(_knight_moves, _knight_swap)


def _buttons(text: str, entry: Entry) -> list[str]:
    names = "".join(button["name"] for button in entry["buttons"])
    return [item.upper() for item in sequence(text, f"(?i:[{names}])", arrows=True)]


def _quantum_lock(value: list[str], entry: Entry) -> Judged:
    """Right if it reaches the target with no more presses than the entry's own; half for more. As the question has it,
    the light changes with every press, and a button that is not active then does nothing else."""
    buttons = {button["name"]: button for button in entry["buttons"]}
    number, light = entry["initial_value"], entry["initial_state"]
    if len(value) > 1000:
        return wrong("more than 1000 presses")
    for name in value:
        button = buttons[name]
        if button["active_state"] in (light, "any"):
            amount = button["value"]
            steps = {"add": number + amount, "subtract": number - amount, "multiply": number * amount}
            number = steps[button["type"]]
        light = "green" if light == "red" else "red"
    if number != entry["target_value"]:
        return wrong("the target is not reached")
    return RIGHT if len(value) <= len(entry["solution_path"]) else wrong("not the shortest sequence", 0.5)


QUANTUM_LOCK = Rule(_buttons, _quantum_lock)

_STEPS = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}


def _directions(text: str, entry: Entry) -> list[str] | None:
    """None for `infeasible`."""
    if bare(text).casefold() == "infeasible":
        return None
    return [item.lower() for item in sequence(text, "(?i:up|down|left|right)", arrows=True)]


def _shortest_path(value: list[str] | None, entry: Entry) -> Judged:
    """Any path as short as the entry's own; half for a longer one."""
    grid, shortest = entry["matrix"], entry["solution"]
    if value is None or not shortest:
        return right_if(value is None and not shortest, "there is a path, or there is none: the other is true")
    row, column = next((r, c) for r, line in enumerate(grid) for c, cell in enumerate(line) if cell == "*")
    for step in value:
        row, column = row + _STEPS[step][0], column + _STEPS[step][1]
        if not (0 <= row < len(grid) and 0 <= column < len(grid[0])) or grid[row][column] == "X":
            return wrong("it runs into a blocked cell or off the grid")
    if grid[row][column] != "#":
        return wrong("it does not end at the destination")
    return RIGHT if len(value) <= len(shortest) else wrong("not the shortest path", 0.5)


SHORTEST_PATH = Rule(_directions, _shortest_path)
