"""Levels of difficulty, 1 to 10, of reasoning-gym's tasks: the settings of its generators that each level stands for.

What grows with the level is what makes the puzzle long or wide: blanks of a sudoku, numbers of a countdown, the way
through a maze. Only kinds are here of which more of that is harder, and whose generator can be counted on at every
level; `self_reference` has a setting of that name which its generator does not look at.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

LEVELS = 10
Settings = Mapping[str, Any]
_Columns = dict[str, tuple[Any, ...]]


def _both(name: str, *values: int) -> _Columns:
    """The least and the most of a setting, which are the same."""
    return {f"min_{name}": values, f"max_{name}": values}


def _levels(*columns: _Columns) -> tuple[Settings, ...]:
    """A row of settings a level, from a column of values a setting."""
    every = {name: values for column in columns for name, values in column.items()}
    assert all(len(values) == LEVELS for values in every.values()), every
    return tuple({name: values[level] for name, values in every.items()} for level in range(LEVELS))


_FEW, _ALL = ["+", "-", "*"], ["+", "-", "*", "/"]

DIFFICULTIES: Mapping[str, tuple[Settings, ...]] = {
    "ab": _levels({"length": (3, 5, 7, 9, 11, 14, 17, 20, 25, 30)}),
    "countdown": _levels(
        _both("numbers", 2, 3, 3, 4, 4, 5, 5, 6, 7, 8),
        {"max_value": (10, 10, 20, 20, 50, 50, 100, 100, 100, 100)},
        {"min_target": (2, 10, 10, 10, 10, 50, 50, 100, 100, 100)},
        {"max_target": (99, 99, 199, 199, 499, 499, 999, 999, 999, 999)},
    ),
    "cryptarithm": _levels(_both("words", 2, 2, 3, 3, 4, 4, 5, 5, 6, 7)),
    "futoshiki": _levels(
        _both("board_size", 4, 4, 5, 5, 5, 6, 6, 6, 7, 7), _both("difficulty", 0, 2, 0, 1, 2, 0, 1, 2, 1, 2)
    ),
    "graph_color": _levels(
        _both("num_vertices", 4, 6, 8, 10, 12, 14, 16, 18, 20, 24),
        {"edge_probability": (0.3, 0.3, 0.25, 0.22, 0.2, 0.18, 0.17, 0.16, 0.15, 0.14)},
    ),
    "jugs": _levels({"difficulty": (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)}),
    "kakurasu": _levels(_both("rows", 3, 3, 4, 4, 5, 5, 6, 6, 7, 7), _both("cols", 3, 4, 4, 5, 5, 6, 6, 7, 7, 8)),
    "knights_knaves": _levels(
        {"n_people": (2, 2, 3, 3, 4, 4, 5, 6, 7, 8)},
        {"depth_constraint": (2, 3, 2, 3, 2, 3, 2, 2, 2, 3)},
        {"width_constraint": (2, 2, 2, 2, 2, 2, 2, 2, 3, 3)},
    ),
    "maze": _levels(
        _both("grid_size", 5, 6, 7, 9, 11, 13, 15, 18, 21, 25),
        {"min_dist": (2, 3, 4, 6, 8, 10, 12, 15, 18, 22), "max_dist": (3, 5, 6, 8, 11, 14, 17, 21, 25, 30)},
    ),
    "mini_sudoku": _levels(_both("empty", 3, 4, 5, 6, 7, 8, 9, 10, 11, 12)),
    "n_queens": _levels({"n": (4, 5, 5, 6, 6, 7, 7, 8, 8, 8)}, _both("remove", 1, 1, 2, 2, 3, 3, 4, 5, 6, 7)),
    "puzzle24": _levels({"operators": (_FEW,) * 5 + (_ALL,) * 5, "max_value": (4, 5, 6, 8, 10, 6, 7, 8, 9, 10)}),
    "rubiks_cube": _levels(_both("scramble_steps", 1, 2, 3, 4, 5, 6, 8, 10, 14, 20)),
    "rush_hour": _levels(
        {"min_moves": (1, 5, 8, 11, 14, 18, 22, 27, 33, 40), "max_moves": (4, 7, 10, 13, 17, 21, 26, 32, 39, 60)}
    ),
    "shortest_path": _levels(
        _both("rows", 3, 4, 5, 6, 7, 8, 10, 12, 14, 16),
        _both("cols", 3, 4, 5, 6, 7, 8, 10, 12, 14, 16),
        {"p_blocked": (0.3,) * LEVELS},
    ),
    "sokoban": _levels(
        {"min_w": (6,) * LEVELS, "min_h": (6,) * LEVELS},
        {"max_w": (6, 6, 6, 7, 7, 8, 8, 9, 9, 10), "max_h": (6, 6, 6, 7, 7, 8, 8, 9, 9, 10)},
        _both("boxes", 1, 2, 3, 3, 4, 4, 5, 5, 6, 7),
    ),
    "sudoku": _levels(_both("empty", 12, 20, 26, 32, 38, 42, 46, 50, 52, 54)),
    "survo": _levels(_both("board_size", 4, 4, 4, 4, 5, 5, 5, 6, 6, 7), _both("empty", 1, 2, 3, 4, 5, 6, 7, 9, 11, 13)),
    "tower_of_hanoi": _levels(
        _both("disks", 2, 3, 3, 4, 5, 4, 6, 5, 6, 7), _both("pegs", 3, 4, 3, 4, 4, 3, 4, 3, 3, 3)
    ),
    "zebra_puzzles": _levels(
        {"num_people": (2, 2, 3, 3, 3, 4, 4, 4, 5, 5), "num_characteristics": (2, 3, 2, 3, 4, 2, 3, 4, 3, 4)}
    ),
}


def levels_of(difficulty: Sequence[int]) -> tuple[int | None, ...]:
    """The levels that a source's rows take in turn: none, one, or all from the first to the last."""
    if not difficulty:
        return (None,)
    return tuple(range(difficulty[0], difficulty[-1] + 1))


def settings_of(task: str, level: int | None) -> Settings:
    """The generator's settings at a level. Raises KeyError for a task that has no levels."""
    return {} if level is None else DIFFICULTIES[task][level - 1]
