"""A box seen from outside: files into it, runs in it, and what they wrote out of it."""

from __future__ import annotations

import contextlib
import os
import select
import socket
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from verifiers.frames import FrameBuffer, ProtocolError, encode
from verifiers.sandbox import wire
from verifiers.sandbox.capture import STDERR_BYTES, Captured, as_stdin, collect, drain
from verifiers.sandbox.limits import Limits
from verifiers.sandbox.watch import MemoryWatch

_ENDING_S = 5.0


class Stop(StrEnum):
    """Why a run was ended before it ended itself."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"
    BOX = "box"


@dataclass(frozen=True, slots=True)
class Python:
    """A file of the box, run as `python FILE` would (verifiers/code/README.md lists the differences). preamble:
    another, whose names are there already."""

    file: str
    arguments: tuple[str, ...] = ()
    preamble: str | None = None

    def to_json(self) -> dict[str, Any]:
        return {"python": self.file, "arguments": list(self.arguments), "preamble": self.preamble}


@dataclass(frozen=True, slots=True)
class Execute:
    """A program by its path. many: it may start other processes where the level else forbids that (a compiler).
    builds: files of the box's folder that later runs are to find."""

    argv: tuple[str, ...]
    many: bool = False
    builds: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"argv": list(self.argv), "processes": self.many, "builds": list(self.builds)}


@dataclass(frozen=True, slots=True)
class Call:
    """A function that the sandbox has preloaded, `module:function`, in a process of its own."""

    function: str
    arguments: tuple[Any, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {"call": self.function, "arguments": list(self.arguments)}


Command = Python | Execute | Call


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended. code or signal: of its first process (both None where it was not seen to end). stop: which limit
    ended it; BOX: the program ended the box itself. cpu_s, memory_kb: of the first process and what it waited for."""

    stdout: bytes
    stderr: bytes
    code: int | None = None
    signal: int | None = None
    stop: Stop | None = None
    wall_s: float = 0.0
    cpu_s: float = 0.0
    memory_kb: int = 0

    @property
    def ok(self) -> bool:
        return self.code == 0 and self.stop is None


class BoxError(RuntimeError):
    """A box did not do what is done before any program runs in it: the machinery failed."""


class Box:
    """Made by `Sandbox.box()`. Runs follow each other; each meets the files that were put or built, nothing else."""

    def __init__(self, sock: socket.socket, watch: MemoryWatch) -> None:
        self._socket = sock
        self._watch = watch
        self._lost = False
        self._runs = 0
        self._socket.settimeout(_ENDING_S)
        self._before_any_program(None, "ready")

    @property
    def used(self) -> bool:
        """Whether a program has run in it."""
        return self._runs > 0

    def put(self, name: str, text: str) -> None:
        """Write a file into the box's folder. To be done before a program has run there."""
        self._before_any_program({"op": "put", "name": name, "text": text}, "put")

    def run(self, command: Command, stdin: bytes = b"", limits: Limits | None = None) -> Ended:
        """Run to the end, or to a limit. Raises BoxError if the walls could not be put up."""
        limits = Limits() if limits is None else limits
        with as_stdin(stdin) as stdin_fd, self._started(command, limits, stdin_fd, True) as (out, err):
            started = time.monotonic()
            captured, stop = self._follow(out, err, started + limits.wall_s, limits.output_kb * 1024)
            reply = None if self._lost else self._end(stop)
            if reply is not None:
                drain(out, err, captured, limits.output_kb * 1024)
                stop = Stop.OUTPUT if captured.over else stop
        return self._ended(captured, stop, reply, time.monotonic() - started)

    @contextlib.contextmanager
    def session(self, command: Command, limits: Limits | None = None) -> Iterator[Session]:
        """A run that is talked to in frames, over its standard input and output."""
        limits = Limits() if limits is None else limits
        stdin_fd, questions = os.pipe2(os.O_CLOEXEC)
        try:
            with self._started(command, limits, stdin_fd, False) as (out, err):
                os.close(stdin_fd)
                stdin_fd = -1
                session = Session(questions, out, err, limits.output_kb * 1024)
                started = time.monotonic()
                yield session
                reply = None if self._lost else self._end(Stop.TIME)
                stop = Stop.TIME if reply is not None and reply["killed"] else None
                session.ended = self._ended(session.captured, stop, reply, time.monotonic() - started)
        finally:
            for fd in (stdin_fd, questions):
                if fd >= 0:
                    os.close(fd)

    @contextlib.contextmanager
    def _started(self, command: Command, limits: Limits, stdin_fd: int, as_file: bool) -> Iterator[tuple[int, int]]:
        """The reading ends of its standard output and error."""
        self._runs += 1
        self._watch.begin(limits.memory_mb, limits.processes)
        with contextlib.ExitStack() as stack:
            out, out_end = _pipe(stack)
            err, err_end = _pipe(stack)
            message = {"op": "run", "limits": limits.to_json(), "stdin_file": as_file, **command.to_json()}
            try:
                wire.send(self._socket, message, [stdin_fd, out_end, err_end])
            except OSError:
                self._lost = True
            for fd in (out_end, err_end):
                os.close(fd)
            yield out, err

    def _follow(self, out: int, err: int, deadline: float, output_bytes: int) -> tuple[Captured, Stop | None]:
        """Collect until the run's end or a limit; which."""
        captured = Captured()
        while not self._lost:
            pause = time.monotonic() + self._watch.period_s
            done = collect(captured, out, err, self._socket.fileno(), min(pause, deadline), output_bytes)
            if captured.over:
                return captured, Stop.OUTPUT
            if done:
                return captured, None
            if time.monotonic() >= deadline:
                return captured, Stop.TIME
            if self._watch.exceeded():
                return captured, Stop.MEMORY
        return captured, Stop.BOX

    def _end(self, stop: Stop | None) -> dict[str, Any] | None:
        """The box's report on a run, which is first told to end it if it has not ended."""
        try:
            if stop is not None:
                wire.send(self._socket, {"op": "kill"})
            reply = wire.receive(self._socket, 1 << 16)
            if stop is not None and reply is not None and not reply[0].get("killed"):
                wire.receive(self._socket, 1 << 16)  # it had ended by itself: this is the answer to `kill`
        except (OSError, ProtocolError):
            reply = None
        if reply is None or "walled" not in reply[0]:
            self._lost = True
            return None
        return reply[0]

    def _ended(self, captured: Captured, stop: Stop | None, reply: dict[str, Any] | None, wall_s: float) -> Ended:
        stdout, stderr = bytes(captured.stdout), bytes(captured.stderr)
        if self._watch.exceeded():
            stop = Stop.MEMORY
        if reply is None:
            return Ended(stdout, stderr, stop=stop or Stop.BOX, wall_s=wall_s)
        if not reply["walled"] and reply["killed"]:
            stop = stop or Stop.TIME  # it was ended before it began
        elif not reply["walled"] and self._runs > 1:
            return Ended(stdout, stderr, stop=Stop.BOX, wall_s=wall_s)  # an earlier program has seen to that
        elif not reply["walled"]:
            raise BoxError(f"the walls of a run could not be put up: {stderr.decode(errors='replace').strip()}")
        return Ended(stdout, stderr, reply["code"], reply["signal"], stop, wall_s, reply["cpu_s"], reply["memory_kb"])

    def _before_any_program(self, message: dict[str, Any] | None, key: str) -> None:
        try:
            if message is not None:
                wire.send(self._socket, message)
            reply = wire.receive(self._socket)
        except (OSError, ProtocolError) as problem:
            raise BoxError(f"a box does not answer: {problem}") from problem
        if reply is None or key not in reply[0]:
            raise BoxError(f"a box could not be made: {'it ended' if reply is None else reply[0].get('problem')}")


class Session:
    """Questions and answers with a program that may be hostile: frames of JSON objects, and nothing is believed.

    ended: how the run ended, once it has; with Stop.TIME where it had not ended by itself.
    """

    def __init__(self, questions: int, answers: int, errors: int, output_bytes: int) -> None:
        self._questions, self._answers, self._errors = questions, answers, errors
        self._frames = FrameBuffer(output_bytes)
        self.captured = Captured()
        self.ended: Ended | None = None
        os.set_blocking(questions, False)

    def ask(self, message: dict[str, Any], timeout_s: float) -> dict[str, Any] | None:
        """The next frame it writes after `message`; None if there is none in time, or it is no frame of JSON.

        A message that another program wrote may be nested too deeply to be written again; that has no answer either.
        """
        deadline = time.monotonic() + timeout_s
        try:
            outgoing = memoryview(encode(message))
            while (frame := None if outgoing else self._frames.next()) is None:
                writes = [self._questions] if outgoing else []
                readable, writable, _ = select.select(
                    [self._answers, self._errors], writes, [], max(deadline - time.monotonic(), 0.0)
                )
                if not readable and not writable:
                    return None
                if writable:
                    with contextlib.suppress(BlockingIOError):  # the program may have read less than it seemed
                        outgoing = outgoing[os.write(self._questions, outgoing[: select.PIPE_BUF]) :]
                if not self._take(readable):
                    return None
        except (ProtocolError, BrokenPipeError, ValueError):
            return None
        return frame

    def _take(self, readable: Sequence[int]) -> bool:
        """Read what is there; whether its answers go on."""
        if self._errors in readable:
            data = os.read(self._errors, 1 << 16)
            self.captured.stderr += data[: STDERR_BYTES - len(self.captured.stderr)]
        if self._answers in readable:
            data = os.read(self._answers, 1 << 16)
            self._frames.feed(data)
            return bool(data)
        return True


def _pipe(stack: contextlib.ExitStack) -> tuple[int, int]:
    """A pipe whose reading end does not block and is closed with `stack`."""
    reading, writing = os.pipe2(os.O_CLOEXEC)
    os.set_blocking(reading, False)
    stack.callback(os.close, reading)
    return reading, writing
