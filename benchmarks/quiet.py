"""Whether the machine did anything else: before a side starts, and while it runs.

A figure taken beside other work is no figure. What other processes used is read from /proc: their own time and that
of children they waited for, so short-lived ones count too. Process 1 inherits the orphans of the benchmark itself,
so only its own time counts.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

QUIET = 0.05  # share of all cores that other work may take
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Foreign:
    """Share of the cores that processes outside this one's tree used since it was made, 0 to 1."""

    def __init__(self) -> None:
        self._before = foreign_seconds()
        self._started = time.monotonic()

    def share(self) -> float:
        seconds = time.monotonic() - self._started
        return used_between(self._before, foreign_seconds()) / (seconds * (os.cpu_count() or 1))


def used_between(before: Mapping[int, float], after: Mapping[int, float]) -> float:
    """CPU seconds between two readings of `foreign_seconds`.

    What a process had used before the first reading passes to its parent when it ends, and is taken off again; if
    its parent is process 1, whose children are not counted, that takes off too much, but never more than all.
    """
    grown = sum(seconds - before.get(pid, 0.0) for pid, seconds in after.items())
    passed_on = sum(seconds for pid, seconds in before.items() if pid not in after)
    return max(0.0, grown - passed_on)


def busy_share(seconds: float = 3.0) -> float:
    """Share of the machine's cores that were busy during the next `seconds`, 0 to 1."""
    busy, total = _machine_ticks()
    time.sleep(seconds)
    busy_after, total_after = _machine_ticks()
    return (busy_after - busy) / max(total_after - total, 1)


def descendants(root: int, parents: dict[int, int] | None = None) -> set[int]:
    """Every process started by `root`, or by one that it started; without `root`."""
    parents = _parents() if parents is None else parents
    found: set[int] = set()
    grown = {root}
    while grown:
        grown = {pid for pid, parent in parents.items() if parent in grown} - found
        found |= grown
    return found


def _parents() -> dict[int, int]:
    return {pid: int(fields[1]) for pid, fields in _stats().items()}


def foreign_seconds() -> dict[int, float]:
    """CPU seconds so far of each process outside this one's tree, by its number; kernel threads left out."""
    stats = _stats()
    parents = {pid: int(fields[1]) for pid, fields in stats.items()}
    ours = descendants(os.getpid(), parents) | {os.getpid()}
    kernel = descendants(2, parents) | {2}
    found = {}
    for pid in stats.keys() - ours - kernel:
        own, children = sum(map(int, stats[pid][11:13])), sum(map(int, stats[pid][13:15]))
        found[pid] = (own + (0 if pid == 1 else children)) / _TICKS_PER_S
    return found


def _stats() -> dict[int, list[str]]:
    """The fields of /proc/PID/stat that follow the command's name: state, parent, …"""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended
            found[int(path.parent.name)] = path.read_text(errors="replace").rpartition(")")[2].split()
    return found


def _machine_ticks() -> tuple[int, int]:
    """(busy, all) of /proc/stat, summed over the cores; waiting for a disk is idle."""
    numbers = [int(n) for n in Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]]
    idle = numbers[3] + numbers[4]
    return sum(numbers) - idle, sum(numbers)
