"""Running a Python program in a forked, warm interpreter as `python FILE` would: ten times faster to start."""

from __future__ import annotations

import atexit
import io
import os
import sys
import threading
import traceback
import types
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

WARM = [
    "bisect",
    "collections",
    "decimal",
    "fractions",
    "functools",
    "heapq",
    "io",
    "itertools",
    "json",
    "math",
    "operator",
    "re",
    "string",
    "sys",
    "typing",
    "dataclasses",
    "copy",
    "datetime",
    "statistics",
]
"""Modules of the standard library that solutions import most: loaded once, before the fork."""


def run_python(path: str, arguments: Sequence[str]) -> NoReturn:
    """Run the file as `__main__` and end this process as the interpreter would: exit handlers, flushes, exit code."""
    prepare_interpreter([path, *arguments])
    status = 0
    try:
        exec(compile(Path(path).read_bytes(), path, "exec"), new_main(path).__dict__)  # noqa: S102 - this is the sandbox
    except SystemExit as request:
        status = exit_code(request.code)
    except BaseException as problem:  # noqa: BLE001 - as the interpreter does
        show(problem)
        status = 1
    finish(status)


def prepare_interpreter(argv: list[str]) -> None:
    """What a program may look at, as a fresh interpreter would have it."""
    for name in [name for name in sys.modules if name == "verifiers" or name.startswith("verifiers.")]:
        del sys.modules[name]
    sys.argv = argv
    sys.path = ["", *(entry for entry in sys.path if entry not in os.environ.get("PYTHONPATH", "").split(":")[:1])]
    sys.stdin = io.TextIOWrapper(io.BufferedReader(io.FileIO(0, "r", closefd=False)), "utf-8", "surrogateescape")
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(io.FileIO(1, "w", closefd=False)), "utf-8", "surrogateescape")
    errors = io.BufferedWriter(io.FileIO(2, "w", closefd=False))
    sys.stderr = io.TextIOWrapper(errors, "utf-8", "backslashreplace", line_buffering=True)
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]


def new_main(path: str) -> types.ModuleType:
    main = types.ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = sys.modules["builtins"]  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    return main


def exit_code(code: Any) -> int:
    """What `sys.exit(code)` ends a process with; a text goes to standard error."""
    if code is None:
        return 0
    if isinstance(code, int):
        return int(code) & 0xFF
    print(code, file=sys.stderr)
    return 1


def show(problem: BaseException) -> None:
    """The traceback without the frames of this file."""
    frames = problem.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename == __file__:
        frames = frames.tb_next
    try:
        traceback.print_exception(type(problem), problem, frames)
    except BaseException:  # noqa: BLE001 - a program's own exception may not even be printable
        print(type(problem).__name__, file=sys.stderr)


def finish(status: int) -> NoReturn:
    try:
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    except BaseException as problem:  # noqa: BLE001 - as the interpreter does
        show(problem)
    try:
        sys.stdout.flush()
    except BaseException:  # noqa: BLE001 - as the interpreter does
        status = status or 120
    try:
        sys.stderr.flush()
    finally:
        os._exit(status)
