"""Folders and control groups that tell whether they are in use, so that what a killed process has left can be removed.

A folder is in use while its maker holds a lock on it, which ends with the maker, in whatever pid namespace that lives.
A control group can only be removed when it is empty; its name says which process has made it.
"""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import logging
import os
import re
import secrets
import stat
import tempfile
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PREFIX = "longthought-box"
_NAME = re.compile(PREFIX + r"-(\d+)-(\d+)-\d+")
FIRST_UID = 1_500_000_000
"""Of the users that sandboxes of root run as, where there are so many."""
_ATTEMPTS = 100
_INDEX = itertools.count()
_COUNTING = threading.Lock()
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Folder:
    """A temporary folder of ours. lock: a descriptor; while it is open, nobody takes the folder for left behind."""

    path: Path
    lock: int

    def remove(self) -> None:
        remove(self.path)
        os.close(self.lock)


def make_folder() -> Folder:
    """Raises OSError where the temporary folder takes none."""
    for _ in range(_ATTEMPTS):
        path = Path(tempfile.gettempdir()) / new_name()
        path.mkdir(mode=0o700)
        lock = _claim(path)
        if lock is not None:
            return Folder(path, lock)  # else it was swept away between the two
    raise OSError(f"no folder can be made and locked in {tempfile.gettempdir()}")


def new_name() -> str:
    """A name that no other process and no other call gives: the process, when it was started, and a count."""
    with _COUNTING:
        return f"{PREFIX}-{os.getpid()}-{_started(os.getpid())}-{next(_INDEX)}"


def folders() -> list[Path]:
    return [path for path in Path(tempfile.gettempdir()).glob(f"{PREFIX}-*") if _NAME.fullmatch(path.name)]


def sweep(groups: Iterable[Path]) -> None:
    """Remove what is left of processes that have ended. What is being removed by another is left to it."""
    for folder in folders():
        with _abandoned(folder) as it_is:
            if it_is:
                _try_to_remove(folder)
    for group in groups:
        if _made_by_one_that_ended(group.name):
            with contextlib.suppress(OSError):
                group.rmdir()


@contextlib.contextmanager
def _abandoned(folder: Path) -> Iterator[bool]:
    """Whether nobody uses it; if so, nobody else removes it meanwhile."""
    lock = _claim(folder) if _may_be_removed(folder) else None
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)


def _claim(folder: Path) -> int | None:
    """A lock on a folder, which is there; None if it is another's, or gone."""
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    with contextlib.suppress(BlockingIOError):
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(fd).st_nlink:
            return fd
    os.close(fd)
    return None


def _may_be_removed(folder: Path) -> bool:
    """A real folder of this user's, or for root of a sandbox's user: in a temporary folder others put things too."""
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    owners = {os.geteuid()} if os.geteuid() else {0, found.st_uid if found.st_uid >= FIRST_UID else 0}
    return stat.S_ISDIR(found.st_mode) and found.st_uid in owners


def _made_by_one_that_ended(name: str) -> bool:
    found = _NAME.fullmatch(name)
    return found is not None and _started(int(found[1])) != found[2]


def _try_to_remove(folder: Path) -> None:
    try:
        remove(folder)
    except OSError as problem:
        _LOG.warning("what an ended process has left in %s cannot be removed: %s", folder, problem)


def remove(folder: Path) -> None:
    """Remove a folder that a hostile program has filled, when nothing runs there any more."""
    with contextlib.suppress(FileNotFoundError):
        empty(folder)
        folder.rmdir()


def empty(folder: Path) -> None:
    """Remove all that is in it: it may be deeper than any path or recursion, and hold folders that may not be entered.
    Whatever lies in a folder is moved up, until none does."""
    count, unlike = itertools.count(), secrets.token_hex(8)
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


def _started(pid: int) -> str:
    """The time at which a process was started, in ticks: with its id it is unique. `0` for one that is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "0"
