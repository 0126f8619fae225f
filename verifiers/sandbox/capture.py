"""Feeding a run and collecting what it writes, within its limits."""

from __future__ import annotations

import contextlib
import os
import selectors
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

STDERR_BYTES = 64 * 1024


@dataclass(slots=True)
class Captured:
    """stderr: its first 64 KiB. over: the run wrote more than it may."""

    stdout: bytearray = field(default_factory=bytearray)
    stderr: bytearray = field(default_factory=bytearray)
    over: bool = False


@contextlib.contextmanager
def as_stdin(data: bytes) -> Iterator[int]:
    """A descriptor from which `data` can be read: memory, so that a program that does not read blocks nobody."""
    fd = os.memfd_create("stdin", os.MFD_CLOEXEC)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        os.lseek(fd, 0, os.SEEK_SET)
        yield fd
    finally:
        os.close(fd)


def collect(captured: Captured, stdout_fd: int, stderr_fd: int, done_fd: int, until: float, output_bytes: int) -> bool:
    """Read until `done_fd` can be read, `until` (time.monotonic), or too much was written; whether it was the first."""
    with selectors.DefaultSelector() as selector:
        for fd in (stdout_fd, stderr_fd, done_fd):
            selector.register(fd, selectors.EVENT_READ)
        while (left := until - time.monotonic()) > 0 and not captured.over:
            ready = {key.fd for key, _ in selector.select(left)}
            for fd in ready - {done_fd}:
                if not _read(fd, fd == stdout_fd, captured, output_bytes):
                    selector.unregister(fd)
            if done_fd in ready:
                return True
    return False


def drain(stdout_fd: int, stderr_fd: int, captured: Captured, output_bytes: int) -> None:
    """What is still in the pipes of a run that has ended. They do not block."""
    for fd in (stdout_fd, stderr_fd):
        with contextlib.suppress(BlockingIOError):
            while _read(fd, fd == stdout_fd, captured, output_bytes):
                pass


def _read(fd: int, is_stdout: bool, captured: Captured, output_bytes: int) -> bool:
    """Whether there was anything."""
    data = os.read(fd, 1 << 16)
    if is_stdout:
        captured.stdout += data
        if len(captured.stdout) > output_bytes:
            del captured.stdout[output_bytes:]
            captured.over = True
            return False
    else:
        captured.stderr += data[: STDERR_BYTES - len(captured.stderr)]
    return bool(data)
