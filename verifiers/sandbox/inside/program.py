"""Running a Python program in a forked, warm interpreter as `python FILE` would: ten times faster to start."""

from __future__ import annotations

import atexit
import gc
import io
import os
import site
import sys
import threading
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
    "random",
]
"""Modules of the standard library that solutions import most: loaded once, before the fork."""


def run_python(path: str, arguments: Sequence[str], preamble: str | None = None) -> NoReturn:
    """Run the file as `__main__` and end this process as the interpreter would: exit handlers, flushes, exit code."""
    prepare_interpreter([path, *arguments])
    status = 0
    try:
        load(path, new_main(path).__dict__, preamble)
    except SystemExit as request:
        status = exit_code(request.code)
    except BaseException as problem:  # noqa: BLE001 - as the interpreter does
        show(problem)
        status = 1
    finish(status)


def load(path: str, names: dict[str, Any], preamble: str | None = None) -> dict[str, Any]:
    """Run a file's source with these names, in which first another's are put: if it cannot be compiled alone (the body
    of a function whose head the other ends with), with that before it. What the other has bound, apart from the file.
    """
    before = Path(preamble).read_bytes() if preamble else b""
    text = Path(path).read_bytes()
    try:
        source = compile(text, path, "exec", dont_inherit=True)
    except SyntaxError:
        if not before:
            raise
        source, before = compile(before + b"\n" + text, path, "exec", dont_inherit=True), b""
    sys.setrecursionlimit(sys.getrecursionlimit() + _depth())
    if before:
        exec(compile(before, preamble or "", "exec", dont_inherit=True), names)  # noqa: S102 - a data set's
    given = dict(names) if before else {}
    exec(source, names)  # noqa: S102 - this is the sandbox
    return given


def hide_this_package() -> list[types.ModuleType]:
    """Programs are not to find it among what is imported. Its modules, which live as long as the list."""
    names = [name for name in sys.modules if name == "verifiers" or name.startswith("verifiers.")]
    return [sys.modules.pop(name) for name in names]


def prepare_interpreter(argv: list[str]) -> None:
    """What a program may look at, as a fresh interpreter would have it."""
    sys.argv = argv
    sys.path = ["", *(entry for entry in sys.path if entry not in os.environ.get("PYTHONPATH", "").split(":")[:1])]
    sys.stdin = _stream(0, "<stdin>", "r", "surrogateescape")
    sys.stdout = _stream(1, "<stdout>", "w", "surrogateescape")
    sys.stderr = _stream(2, "<stderr>", "w", "backslashreplace")
    sys.__stdin__, sys.__stdout__, sys.__stderr__ = sys.stdin, sys.stdout, sys.stderr  # type: ignore[misc]
    site.setquit()  # exit() and quit(), which many solutions end with
    site.setcopyright()
    site.sethelper()


def _stream(fd: int, name: str, mode: str, errors: str) -> io.TextIOWrapper:
    """As the interpreter makes its own: ends of lines stay as they are, and `name` and `mode` say what it is."""
    raw = io.FileIO(fd, mode, closefd=False)
    raw.name = name
    buffer = io.BufferedReader(raw) if mode == "r" else io.BufferedWriter(raw)
    stream = io.TextIOWrapper(buffer, "utf-8", errors, newline="\n", line_buffering=fd == 2)
    stream.mode = mode  # type: ignore[misc]
    return stream


def _depth() -> int:
    """Calls below a program's own, which are not to count against its recursion; some are of C, and no frames."""
    depth, frame = 3, sys._getframe(1).f_back
    while frame is not None:
        depth, frame = depth + 1, frame.f_back
    return depth


def new_main(path: str) -> types.ModuleType:
    main = types.ModuleType("__main__")
    vars(main).update(__annotations__={}, __cached__=None)
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
        sys.excepthook(type(problem), problem.with_traceback(frames), frames)
    except BaseException:  # noqa: BLE001 - a program's own exception may not even be printable
        print(type(problem).__name__, file=sys.stderr)


def finish(status: int) -> NoReturn:
    """Threads, exit handlers, flushes, the ends of what is left, and what those have written."""
    try:
        try:
            threading._shutdown()  # type: ignore[attr-defined]
            atexit._run_exitfuncs()
        except BaseException as problem:  # noqa: BLE001 - as the interpreter does
            show(problem)
        if not _flushed("stdout"):
            status = status or 120
        _forget()
        for name in ("stdout", "__stdout__", "stderr"):
            _flushed(name)
    finally:
        os._exit(status)


def _flushed(name: str) -> bool:
    """False where what it held could not be written."""
    stream = getattr(sys, name, None)
    try:
        if stream is not None and not getattr(stream, "closed", False):
            stream.flush()
    except BaseException:  # noqa: BLE001 - a program may have put anything there
        return False
    return True


def _forget() -> None:
    """End the program's objects: a file that it has not closed is written only then."""
    main = sys.modules.get("__main__")
    try:
        if main is not None:
            main.__dict__.clear()
        gc.collect()
    except BaseException as problem:  # noqa: BLE001 - a program may have put anything there
        show(problem)
