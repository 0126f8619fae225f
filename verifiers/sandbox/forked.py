"""One sample, judged in a forked child of an isolated worker, so that nothing hostile outlives it.

The child holds no descriptor but the pipe for its result, and ends with the sample: text that it evaluates can neither
change how a later sample is judged, nor reach the frames between the worker and the pool. Its time is enforced by
this worker with SIGKILL; the pool stands behind with the same for the worker itself.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

from verifiers.frames import MAX_REPLY_BYTES, write_all
from verifiers.sandbox import linux
from verifiers.sandbox.walls import Applied, isolate_child

SETUP_FAILED = 113
"""Exit code of a child whose walls could not be put up: the machinery's fault, not the answer's."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a child ended: with `result` (its JSON), or out of time, or by itself with `exit_code`, or by `signal`."""

    result: Any = None
    timed_out: bool = False
    exit_code: int | None = None
    signal: int | None = None


def run_in_child(work: Callable[[], Any], applied: Applied, timeout_s: float) -> Ended:
    """Run `work` in a fork behind the last walls; its return value comes back as JSON."""
    read_fd, write_fd = os.pipe()
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _child(work, applied, parent, write_fd)
    os.close(write_fd)
    try:
        data, timed_out = _read_until(read_fd, time.monotonic() + timeout_s)
    finally:
        os.close(read_fd)
        status, killed = _reap(pid)
    if timed_out:
        return Ended(timed_out=True)
    if data:
        return _parsed(data)
    if os.WIFEXITED(status) or killed:  # killed by us: it had closed its result pipe and went on
        return Ended(exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0)
    return Ended(signal=os.WTERMSIG(status))


def _parsed(data: bytes) -> Ended:
    try:
        return Ended(result=json.loads(data))
    except (ValueError, RecursionError):
        return Ended(exit_code=0)  # half a result is none


def _child(work: Callable[[], Any], applied: Applied, parent: int, write_fd: int) -> NoReturn:
    code = SETUP_FAILED
    try:
        linux.die_with_parent(parent)
        os.closerange(3, write_fd)
        os.closerange(write_fd + 1, 1 << 16)
        isolate_child(applied)
        code = 1
        write_all(write_fd, json.dumps(work()).encode("ascii"))
        code = 0
    finally:
        os._exit(code)


def _read_until(fd: int, deadline: float) -> tuple[bytes, bool]:
    """All that comes from `fd` before its end, and whether the deadline or the size limit cut it off."""
    data = bytearray()
    poller = select.poll()
    poller.register(fd, select.POLLIN | select.POLLHUP)
    while (left := deadline - time.monotonic()) > 0:
        if not poller.poll(left * 1000):
            continue
        part = os.read(fd, 1 << 16)
        if not part:
            return bytes(data), False
        data += part
        if len(data) > MAX_REPLY_BYTES:
            return b"", False
    return b"", True


def _reap(pid: int) -> tuple[int, bool]:
    """The child's wait status, and whether it had to be killed for it."""
    found, status = os.waitpid(pid, os.WNOHANG)
    if found:
        return status, False
    os.kill(pid, signal.SIGKILL)  # an exit that has begun keeps its own code
    _, status = os.waitpid(pid, 0)
    return status, os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
