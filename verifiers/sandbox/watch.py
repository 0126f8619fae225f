"""Whether the processes of a run have more memory together than they may."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from verifiers.sandbox.cgroup import Group
from verifiers.sandbox.limits import MIB

OWN_MB = 64
"""What a sandbox's own processes may take beside the program."""


class MemoryWatch(Protocol):
    """period_s: how often `exceeded` is to be asked during a run."""

    period_s: float

    def begin(self, memory_mb: int, processes: int) -> None: ...

    def exceeded(self) -> bool: ...


class GroupWatch:
    """A control group: the kernel kills at the limit, and counts."""

    period_s = 0.2

    def __init__(self, group: Group) -> None:
        self._group = group
        self._before = 0

    def begin(self, memory_mb: int, processes: int) -> None:
        self._group.limit(memory_mb + OWN_MB, processes + 8)
        self._before = self._group.kills()

    def exceeded(self) -> bool:
        return self._group.kills() > self._before


class TreeWatch:
    """Where there is no group: what the descendants of a process hold, added up often. What grows and is let go between
    two looks is not seen."""

    period_s = 0.02

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._limit_mb = 0
        self._seen = False

    def begin(self, memory_mb: int, processes: int) -> None:
        self._limit_mb, self._seen = memory_mb + OWN_MB, False

    def exceeded(self) -> bool:
        self._seen = self._seen or sum(map(_resident, descendants(self._pid))) > self._limit_mb * MIB
        return self._seen


def descendants(pid: int) -> list[int]:
    """This process and all that stem from it."""
    found, waiting = [], [pid]
    while waiting:
        one = waiting.pop()
        found.append(one)
        try:
            for thread in Path(f"/proc/{one}/task").iterdir():
                waiting += [int(child) for child in (thread / "children").read_text().split()]
        except OSError:
            continue  # it has ended
    return found


def _resident(pid: int) -> int:
    """Bytes of memory that a process has but for mapped files: of its own, and shared with others (counted for each);
    0 if it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = dict(line.split(":", 1) for line in lines)
    return sum(int(found[name].split()[0]) << 10 for name in ("RssAnon", "RssShmem") if name in found)
