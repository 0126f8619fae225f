"""One run: a forked child that takes its limits and filter, and becomes the program."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

from verifiers.sandbox import landlock, policies, seccomp
from verifiers.sandbox.inside.program import run_python

_STARTED = 3


def become(
    request: Mapping[str, Any],
    fds: Sequence[int],
    started: int,
    calls: Mapping[str, Callable[..., None]],
    alone: bool,
) -> NoReturn:
    """Turn this forked process into what `request` asks for; `fds` become 0, 1 and 2.

    started: a pipe into which a byte goes once the walls are up, before anything of a model's is read.

    request: `limits` (Limits.to_json), and one of `argv`; `python` (a file's name) with `arguments`; `call`
    (a name in `calls`) with `arguments`. alone: no other process may be started, and there are no namespaces.
    """
    try:
        _take_descriptors(fds, started)
        if "argv" in request:  # Python programs keep what the interpreter has set: exceptions
            for name in (signal.SIGPIPE, signal.SIGXFSZ):
                signal.signal(name, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.SIG_DFL if "argv" in request else signal.default_int_handler)
        os.setsid()
        _limit(request["limits"], executed="argv" in request)
        if alone:
            landlock.scope()
        by_itself = alone and not request.get("processes")
        seccomp.install(policies.PROGRAM_ALONE if by_itself else policies.PROGRAM)
        if by_itself:
            seccomp.install(policies.signals_itself_alone(os.getpid()))
        os.write(_STARTED, b"1")
        os.close(_STARTED)
    except BaseException as problem:  # noqa: BLE001 - whatever it is, this process must not go on
        with contextlib.suppress(OSError):
            os.write(2, f"walls: {type(problem).__name__}: {problem}\n".encode(errors="replace"))
        os._exit(1)
    if "argv" in request:
        _execute(request["argv"])
    if "python" in request:
        run_python(request["python"], request.get("arguments", []), request.get("preamble"))
    calls[request["call"]](*request.get("arguments", []))
    os._exit(0)


def _take_descriptors(fds: Sequence[int], started: int) -> None:
    """0, 1 and 2, the pipe as 3, and no other: what else this process inherited is closed."""
    high = [os.dup(fd) for fd in (*fds, started)]  # so that none is overwritten before it is taken
    for number, fd in enumerate(high):
        os.dup2(fd, number, inheritable=True)
    os.closerange(_STARTED + 1, 1 << 16)


def _limit(limits: Mapping[str, int], executed: bool) -> None:
    """The kernel's limits. The stack may grow to the memory limit, as deep recursion is no error of its own; of a
    program that is executed to a quarter of it, which is also what each of its threads takes."""
    space, hard_stack = limits["address_space"], resource.getrlimit(resource.RLIMIT_STACK)[1]
    stack = space // 4 if executed else space
    _lower(resource.RLIMIT_STACK, stack if hard_stack == resource.RLIM_INFINITY else min(stack, hard_stack))
    _lower(resource.RLIMIT_AS, space)
    _lower(resource.RLIMIT_CPU, limits["cpu_s"])
    _lower(resource.RLIMIT_NPROC, limits["processes"])
    _lower(resource.RLIMIT_FSIZE, limits["file_size"])
    _lower(resource.RLIMIT_NOFILE, limits["open_files"])
    for nothing in (resource.RLIMIT_CORE, resource.RLIMIT_MEMLOCK, resource.RLIMIT_MSGQUEUE):
        _lower(nothing, 0)
    _lower(resource.RLIMIT_SIGPENDING, 1024)


def _lower(which: int, value: int) -> None:
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))


def _execute(argv: Sequence[str]) -> NoReturn:
    try:
        os.execv(argv[0], list(argv))  # noqa: S606 - the point
    except OSError as problem:
        os.write(2, f"{argv[0]}: {problem.strerror}\n".encode(errors="replace"))
        sys.stderr.flush()
        os._exit(127)
