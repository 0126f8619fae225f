"""What lies in a box: every run meets what was put there, and nothing that an earlier run has left."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from verifiers.sandbox import leftovers

MAX_BUILT_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class _File:
    data: bytes
    mode: int


class Files:
    """folders: all that a run may write to. The first is the current one, and named files lie there."""

    def __init__(self, folders: Sequence[Path]) -> None:
        self._folders = folders
        self._kept: dict[str, _File] = {}
        self._as_put = True

    def put(self, name: str, data: bytes) -> None:
        self._kept[name] = _File(data, 0o600)
        self._write(name, self._kept[name])

    def take(self, names: Iterable[str]) -> None:
        """Of what a run has built, keep these; one that is no plain file, or too large, is not there later."""
        for name in names:
            with contextlib.suppress(OSError):
                self._kept[name] = _read(self._folders[0] / name)

    def begin(self) -> None:
        """To be done before every run, when no process of an earlier one lives."""
        if self._as_put:
            self._as_put = False
            return
        for folder in self._folders:
            leftovers.empty(folder)
        for name, file in self._kept.items():
            self._write(name, file)

    def _write(self, name: str, file: _File) -> None:
        fd = os.open(self._folders[0] / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, file.mode)
        with os.fdopen(fd, "wb") as opened:
            opened.write(file.data)


def _read(path: Path) -> _File:
    fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(fd, "rb") as opened:
        found = os.fstat(fd)
        if not stat.S_ISREG(found.st_mode) or found.st_size > MAX_BUILT_BYTES:
            raise OSError(f"{path} is no plain file of at most {MAX_BUILT_BYTES >> 20} MiB")
        return _File(opened.read(MAX_BUILT_BYTES), found.st_mode & 0o700)
