"""Names that tell whose a folder or control group is, so that what a killed process has left can be removed."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import stat
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

PREFIX = "longthought-box"
FIRST_UID = 1_500_000_000
"""Of the users that sandboxes of root run as, where there are so many."""
_INDEX = itertools.count()
_COUNTING = threading.Lock()


def new_name() -> str:
    """A name that no other process and no other call gives: the process, when it was started, and a count."""
    with _COUNTING:
        return f"{PREFIX}-{os.getpid()}-{_started(os.getpid())}-{next(_INDEX)}"


def orphaned(name: str) -> bool:
    """Whether the process that a name was made by has ended."""
    pid, started = name.removeprefix(PREFIX).split("-")[1:3]
    return _started(int(pid)) != started


def folders() -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"{PREFIX}-*"))


def sweep(groups: Iterable[Path]) -> None:
    """Remove what is left of processes that have ended. What is being removed by another is left to it."""
    for folder in folders():
        if orphaned(folder.name) and _may_be_removed(folder):
            remove(folder)
    for group in groups:
        if orphaned(group.name):
            with contextlib.suppress(OSError):
                group.rmdir()


def _may_be_removed(folder: Path) -> bool:
    """A real folder of this user's, or for root of a sandbox's user: in a temporary folder others put things too."""
    found = folder.lstat()
    owners = {os.geteuid()} if os.geteuid() else {0, found.st_uid if found.st_uid >= FIRST_UID else 0}
    return stat.S_ISDIR(found.st_mode) and found.st_uid in owners


def remove(folder: Path) -> None:
    """Remove a folder that a hostile program has filled, when nothing runs there any more: it may be deeper than any
    path or recursion, and hold folders that may not be entered. Whatever lies in a folder is moved up, until none does.
    """
    count, unlike = itertools.count(), secrets.token_hex(8)
    with contextlib.suppress(FileNotFoundError):
        folder.chmod(0o700)
        while entries := list(os.scandir(folder)):
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    os.unlink(entry.path)  # noqa: PTH108 - an os.DirEntry
                    continue
                os.chmod(entry.path, 0o700)  # noqa: PTH101
                for inner in list(os.scandir(entry.path)):
                    os.rename(inner.path, folder / f"{unlike}-{next(count)}")  # noqa: PTH104
                os.rmdir(entry.path)  # noqa: PTH106
        folder.rmdir()


def _started(pid: int) -> str:
    """The time at which a process was started, in ticks: with its id it is unique. `0` for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "0"
