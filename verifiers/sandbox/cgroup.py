"""Control groups: how much memory and how many processes a sandbox has in all, where this process may make groups.

Version 1 (a hierarchy for each of memory and pids) and version 2 (one for both). A sandbox's group is made beneath the
group of the process that makes it, and is removed with it; what a killed process has left, by whoever looks next
(`leftovers.py`).
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

_MOUNTS = Path("/proc/self/mountinfo")
_OWN = Path("/proc/self/cgroup")
_REMOVAL_S = 2.0


@dataclass(frozen=True, slots=True)
class Hierarchy:
    """Where groups may be made: the folders of this process's own groups. version: 1 or 2. cpu: where processor time is
    shared between groups, whatever number of processes each has (version 1; in the others it goes with the rest)."""

    version: int
    memory: Path | None
    pids: Path | None
    cpu: Path | None = None


class CgroupError(OSError):
    """Groups cannot be made or written to here; the text says why."""


def find(mounts: str | None = None, own: str | None = None) -> Hierarchy:
    """The hierarchies of this process. mounts, own: the texts of /proc/self/mountinfo and /proc/self/cgroup."""
    mounted = _mounted(_text(_MOUNTS) if mounts is None else mounts)
    groups = dict(_groups(_text(_OWN) if own is None else own))
    memory, pids, cpu = (_folder(mounted, groups, name) for name in ("memory", "pids", "cpu"))
    if memory or pids:
        return Hierarchy(1, memory, pids, cpu)
    unified = _folder(mounted, groups, "")
    return Hierarchy(2, unified, unified)


class Group:
    """A group with limits on memory and processes. Raises CgroupError where it cannot be made."""

    def __init__(self, name: str, hierarchy: Hierarchy | None = None) -> None:
        self._hierarchy = find() if hierarchy is None else hierarchy
        folders = [f / name for f in (self._hierarchy.memory, self._hierarchy.pids) if f is not None]
        self.folders: tuple[Path, ...] = tuple(dict.fromkeys(folders))
        if self._hierarchy.memory is None or self._hierarchy.pids is None:
            raise CgroupError("no cgroup hierarchy with memory and pids is mounted here")
        self._memory = self._hierarchy.memory / name
        self._pids = self._hierarchy.pids / name
        self._limit_mb = 0
        try:
            for folder in self.folders:
                folder.mkdir()
            self.limit(memory_mb=1 << 20, processes=1 << 15)
            self._share_the_processor(name)
        except OSError as problem:
            self.remove()
            parent = self.folders[0].parent
            raise CgroupError(f"no group can be made beneath {parent}: {problem.strerror}") from problem

    def _share_the_processor(self, name: str) -> None:
        """Each sandbox as much as any other, or as one process beside them; not where that needs rights it has not."""
        if self._hierarchy.cpu is not None:
            with contextlib.suppress(OSError):
                (self._hierarchy.cpu / name).mkdir()
                self.folders = (*self.folders, self._hierarchy.cpu / name)

    def limit(self, memory_mb: int, processes: int | None = None) -> None:
        if memory_mb != self._limit_mb:
            if self._hierarchy.version == 1:
                _write_both_ways(self._memory, memory_mb << 20)
            else:
                (self._memory / "memory.max").write_text(str(memory_mb << 20))
                with contextlib.suppress(FileNotFoundError):
                    (self._memory / "memory.swap.max").write_text("0")
            self._limit_mb = memory_mb
        if processes is not None:
            (self._pids / "pids.max").write_text(str(processes))

    def kills(self) -> int:
        """How many processes the kernel has killed here for want of memory."""
        name = "memory.oom_control" if self._hierarchy.version == 1 else "memory.events"
        for line in (self._memory / name).read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == "oom_kill":
                return int(value)
        return 0

    def remove(self) -> None:
        """With all processes in it, whoever their parents were."""
        for folder in self.folders:
            _remove(folder)


def groups(prefix: str, hierarchy: Hierarchy | None = None) -> list[Path]:
    """The groups beneath this process's own whose names begin so."""
    hierarchy = find() if hierarchy is None else hierarchy
    places = (hierarchy.memory, hierarchy.pids, hierarchy.cpu)
    parents = dict.fromkeys(parent for parent in places if parent is not None)
    return [folder for parent in parents for folder in parent.glob(f"{prefix}-*")]


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""  # a kernel without control groups


def _remove(folder: Path) -> None:
    """Processes that have been killed are counted here until they are reaped."""
    deadline = time.monotonic() + _REMOVAL_S
    while True:
        try:
            folder.rmdir()
            return
        except FileNotFoundError:
            return
        except OSError as problem:
            if problem.errno != errno.EBUSY or time.monotonic() > deadline:
                return  # it is removed with the other leftovers
        _kill_all(folder)
        time.sleep(0.001)


def _kill_all(folder: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        for pid in map(int, (folder / "cgroup.procs").read_text().split()):
            if pid > 0:  # 0 is one that cannot be seen from this pid namespace
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)


def _write_both_ways(folder: Path, limit: int) -> None:
    """memory and memory+swap: the smaller may never be above the larger, so the order depends on the direction."""
    files = [folder / "memory.limit_in_bytes", folder / "memory.memsw.limit_in_bytes"]
    files = [file for file in files if file.exists()]
    try:
        for file in files:
            file.write_text(str(limit))
    except OSError:
        for file in reversed(files):
            file.write_text(str(limit))


def _mounted(text: str) -> dict[str, tuple[str, Path]]:
    """Controller ("" for version 2) -> the group that is mounted, and where."""
    found: dict[str, tuple[str, Path]] = {}
    for line in text.splitlines():
        left, _, right = line.partition(" - ")
        root, point = left.split()[3:5]
        kind, _, options = right.split()[:3]
        if kind == "cgroup2":
            found.setdefault("", (root, Path(point)))
        elif kind == "cgroup":
            for option in options.split(","):
                found.setdefault(option, (root, Path(point)))
    return found


def _groups(text: str) -> list[tuple[str, str]]:
    """Controller ("" for version 2) and this process's group in it."""
    found = []
    for line in text.splitlines():
        _, controllers, group = line.split(":", 2)
        found += [(controller, group) for controller in controllers.split(",")]
    return found


def _folder(mounted: dict[str, tuple[str, Path]], groups: dict[str, str], controller: str) -> Path | None:
    if controller not in mounted or controller not in groups:
        return None
    root, point = mounted[controller]
    inside = os.path.relpath(groups[controller], root)
    return point if inside.startswith("..") else point / inside
