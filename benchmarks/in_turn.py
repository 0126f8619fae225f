"""Timing several functions in one process, in turn, so that a slow minute of the machine meets all of them."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping


def in_turn(
    functions: Mapping[str, Callable[[], None]],
    repeats: int,
    budget_s: float,
    clock: Callable[[], float] = time.process_time,
) -> dict[str, list[float]]:
    """Seconds of each, `repeats` times: first all once untimed, then A B C A B C.

    A function that has used up its budget (untimed call included) is left out of later rounds, but timed once at least.
    """
    seconds: dict[str, list[float]] = {name: [] for name in functions}
    spent = dict.fromkeys(functions, 0.0)
    gc.collect()
    for name, function in functions.items():
        started = clock()
        function()
        spent[name] += clock() - started
    for turn in range(repeats):
        for name, function in functions.items():
            if turn and spent[name] >= budget_s:
                continue
            started = clock()
            function()
            seconds[name].append(clock() - started)
            spent[name] += seconds[name][-1]
    return seconds
