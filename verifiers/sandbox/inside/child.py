"""One run: a forked child that takes its limits and filter, and becomes the program."""

from __future__ import annotations

import contextlib
import importlib
import os
import resource
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from verifiers.sandbox import landlock, policies, seccomp
from verifiers.sandbox.inside.program import run_python

_STARTED = 3


def become(request: Mapping[str, Any], fds: Sequence[int], started: int, alone: bool) -> NoReturn:
    """Turn this forked process into what `request` asks for; `fds` become 0, 1 and 2.

    started: a pipe into which a byte goes once the walls are up, before anything of a model's is read.

    request: `limits` (Limits.to_json), and one of `argv`; `python` (a file's name) with `arguments`; `call`
    (`module:function`) with `arguments`. alone: no other process may be started, and there are no namespaces.
    """
    try:
        _take_descriptors(fds, started)
        for name in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(name, signal.SIG_DFL)
        os.setsid()
        _limit(request["limits"])
        if alone:
            landlock.scope()
        seccomp.install(policies.PROGRAM_ALONE if alone and not request.get("processes") else policies.PROGRAM)
        os.write(_STARTED, b"1")
        os.close(_STARTED)
    except BaseException as problem:  # noqa: BLE001 - whatever it is, this process must not go on
        with contextlib.suppress(OSError):
            os.write(2, f"walls: {type(problem).__name__}: {problem}\n".encode(errors="replace"))
        os._exit(1)
    if "argv" in request:
        _execute(request["argv"])
    if "python" in request:
        run_python(request["python"], request.get("arguments", []))
    module, _, function = request["call"].partition(":")
    getattr(importlib.import_module(module), function)(*request.get("arguments", []))
    os._exit(0)


def _take_descriptors(fds: Sequence[int], started: int) -> None:
    """0, 1 and 2, the pipe as 3, and no other: what else this process inherited is closed."""
    high = [os.dup(fd) for fd in (*fds, started)]  # so that none is overwritten before it is taken
    for number, fd in enumerate(high):
        os.dup2(fd, number, inheritable=True)
    os.closerange(_STARTED + 1, 1 << 16)


def _limit(limits: Mapping[str, int]) -> None:
    """The kernel's limits. The stack may grow to the memory limit: deep recursion is not an error of its own."""
    space, hard_stack = limits["address_space"], resource.getrlimit(resource.RLIMIT_STACK)[1]
    _lower(resource.RLIMIT_STACK, space if hard_stack == resource.RLIM_INFINITY else min(space, hard_stack))
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
