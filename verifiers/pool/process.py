"""The pool's side of one worker process: start it, talk to it against a deadline, kill it with its whole group."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import sys
import sysconfig
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from verifiers.frames import FrameBuffer, ProtocolError, encode

_STDERR_TAIL = 4000
_ENDING_S = 0.2
_KEPT = ("PATH", "HOME", "TMPDIR", "HF_HOME", "HF_HUB_CACHE", "HF_HUB_OFFLINE")
_ONE_THREAD = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class WorkerTimeoutError(Exception):
    """No reply before the deadline."""


class WorkerDiedError(Exception):
    """The process has ended, or sent what is not a frame; the message says how, with the end of its stderr."""


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    """memory_mb: address-space limit. python_path: folders of the user's modules. env: added to the clean
    environment of workers that are not isolated."""

    memory_mb: int
    python_path: tuple[str, ...]
    env: Mapping[str, str] = field(default_factory=dict)


class WorkerProcess:
    """One `verifiers.pool.worker`. Not thread-safe but for `kill`, which any thread may call.

    The thread that constructs it must live as long as it: the kernel kills the worker when that thread ends.
    """

    def __init__(self, settings: WorkerSettings, isolated: bool) -> None:
        self.loaded: set[tuple[str, str]] = set()
        self._frames = FrameBuffer()
        self._outgoing = bytearray()
        self._stderr = bytearray()
        self._next_id = 0
        self._awaited = 0
        self._reaped = False
        self._reaping = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "verifiers.pool.worker", str(os.getpid())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            env=_environment(settings, isolated),
            cwd="/" if isolated else None,
            start_new_session=True,
        )
        assert self._process.stdin and self._process.stdout and self._process.stderr
        self._pipes = (self._process.stdin, self._process.stdout, self._process.stderr)
        for pipe in self._pipes:
            os.set_blocking(pipe.fileno(), False)
        self.post({"op": "init", "memory_mb": settings.memory_mb})

    @property
    def pid(self) -> int:
        return self._process.pid

    def alive(self) -> bool:
        """Whether it still runs. Does not reap it, so that its process group keeps its number."""
        with self._reaping:
            if self._reaped:
                return False
            return os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None

    def post(self, message: Mapping[str, Any]) -> None:
        """Queue a request; `receive` sends what does not fit into the pipe now."""
        self._outgoing += encode({"id": self._next_id, **message})
        self._next_id += 1
        self._flush()

    def receive(self, timeout_s: float) -> dict[str, Any]:
        """The reply to the oldest request without one.

        Raises WorkerTimeoutError after `timeout_s` seconds, WorkerDiedError if there will never be one.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                reply = self._frames.next()
            except ProtocolError as problem:
                raise WorkerDiedError(str(problem)) from problem
            if reply is not None:
                break
            self._exchange(deadline)
        if reply.pop("id", None) != self._awaited:
            raise WorkerDiedError("it answered another question than the one asked")
        self._awaited += 1
        return reply

    def call(self, message: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        self.post(message)
        return self.receive(timeout_s)

    @property
    def unanswered(self) -> int:
        """Requests whose reply has not been received."""
        return self._next_id - self._awaited

    def kill(self) -> int:
        """SIGKILL for the whole process group; reaps the process and returns its exit code (negative: a signal)."""
        with self._reaping:
            if not self._reaped:  # after that its number may belong to another
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(self.pid, signal.SIGKILL)
                self._process.wait()
                self._reaped = True
            return int(self._process.returncode)

    def close(self) -> None:
        """Kill it and close the pipes. Only for the thread that talks to it."""
        self.kill()
        for pipe in self._pipes:
            with contextlib.suppress(OSError):
                pipe.close()

    def _flush(self) -> None:
        while self._outgoing:
            try:
                sent = os.write(self._pipes[0].fileno(), self._outgoing[: 1 << 16])
            except BlockingIOError:
                return
            except BrokenPipeError:
                return  # the end of its output will say that it has died
            del self._outgoing[:sent]

    def _exchange(self, deadline: float) -> None:
        """Wait for the pipes once, and move what can be moved."""
        left = deadline - time.monotonic()
        if left <= 0:
            raise WorkerTimeoutError
        stdin, stdout, stderr = self._pipes
        with selectors.PollSelector() as selector:
            selector.register(stdout, selectors.EVENT_READ)
            if not stderr.closed:
                selector.register(stderr, selectors.EVENT_READ)
            if self._outgoing:
                selector.register(stdin, selectors.EVENT_WRITE)
            ready = {key.fileobj for key, _ in selector.select(left)}
        if stdin in ready:
            self._flush()
        if stderr in ready and not self._drain_stderr():
            stderr.close()
        if stdout in ready:
            data = os.read(stdout.fileno(), 1 << 16)
            if not data:
                raise WorkerDiedError(self._obituary())
            self._frames.feed(data)

    def _drain_stderr(self) -> bool:
        """Keep the end of what it wrote to standard error; False at its end."""
        data = os.read(self._pipes[2].fileno(), 1 << 16)
        self._stderr = (self._stderr + data)[-_STDERR_TAIL:]
        return bool(data)

    def _wait_or_kill(self) -> int:
        """Its exit code, after the end of its output: it is ending, or has closed its pipe and will be killed."""
        deadline = time.monotonic() + _ENDING_S
        while self.alive() and time.monotonic() < deadline:
            time.sleep(0.002)
        return self.kill()

    def _obituary(self) -> str:
        code = self._wait_or_kill()
        with contextlib.suppress(OSError, ValueError):
            while self._drain_stderr():
                pass
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        said = self._stderr.decode("utf-8", "replace").strip()
        return f"its process ended with {how}" + (f"; it wrote: {said}" if said else "")


def _environment(settings: WorkerSettings, isolated: bool) -> dict[str, str]:
    """A clean environment: of the parent's what _KEPT names, and what the user named; isolated, PATH alone."""
    root = str(Path(__file__).resolve().parents[2])
    installed = root in {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    paths: Sequence[str] = (*([] if installed else [root]), *settings.python_path)
    kept = {name: os.environ[name] for name in (("PATH",) if isolated else _KEPT) if name in os.environ}
    return {
        **kept,
        "LC_ALL": "C.UTF-8",
        "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(_ONE_THREAD, "1"),
        **({} if isolated else settings.env),
    }
