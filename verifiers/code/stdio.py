"""Tests that give a program its standard input and look at its standard output, which is compared here, outside."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable

from verifiers.code.checker import RowChecker, short
from verifiers.code.compare import CHECKERS
from verifiers.code.extract import Source
from verifiers.code.outcome import PASSED, Clock, Outcome, Outcomes, of_ended
from verifiers.code.settings import CodeSettings
from verifiers.code.task import StdioTask, StdioTest
from verifiers.sandbox.box import Box, Command, Execute, Python, Stop
from verifiers.sandbox.sandbox import Sandbox

COMPILER = "/usr/bin/g++"
_COMPILE = Execute((COMPILER, "-O2", "-std=c++20", "-pipe", "-o", "main", "main.cpp"), many=True, builds=("main",))

Judge = Callable[[StdioTest, str, float], Outcome]
"""(test, what was written, seconds left) -> what came of it."""


def run_stdio(sandbox: Sandbox, source: Source, task: StdioTask, settings: CodeSettings, clock: Clock) -> Outcomes:
    """An outcome a test, in order. Raises RowError if the row's own checker is at fault."""
    with contextlib.ExitStack() as stack:
        box = stack.enter_context(sandbox.box())
        judge = _judge(stack, sandbox, task, settings)
        command = _prepared(box, source, task, settings, clock)
        if isinstance(command, Outcome):
            for _ in task.tests:
                yield command
            return
        for test in task.tests:
            limits = settings.test_limits(clock.left(time.monotonic()))
            ended = box.run(command, test.input.encode("utf-8", "surrogatepass"), limits)
            found = ended.stdout.decode(errors="replace")
            yield of_ended(ended) or judge(test, found, clock.left(time.monotonic()))
            if ended.stop is Stop.BOX:
                return


def _prepared(box: Box, source: Source, task: StdioTask, settings: CodeSettings, clock: Clock) -> Command | Outcome:
    """How to run it; or, where it does not compile, what comes of every test."""
    if source.language == "python":
        box.put("main.py", source.text)
        if not task.preamble:
            return Python("main.py")
        box.put("preamble.py", task.preamble)
        return Python("main.py", preamble="preamble.py")
    box.put("main.cpp", source.text)
    built = box.run(_COMPILE, limits=settings.compile_limits(clock.left(time.monotonic())))
    if built.ok:
        return Execute(("./main",))
    said = [line for line in built.stderr.decode(errors="replace").splitlines() if "error" in line]
    return Outcome(False, f"does not compile: {said[0][:300]}" if said else f"does not compile: {built.stop or 'no'}")


def _judge(stack: contextlib.ExitStack, sandbox: Sandbox, task: StdioTask, settings: CodeSettings) -> Judge:
    if task.checker is not None:
        return RowChecker(stack.enter_context(sandbox.box()), task.checker, settings).outcome
    return lambda test, found, _: _compared(test, found, settings.checker)


def _compared(test: StdioTest, found: str, checker: str) -> Outcome:
    if CHECKERS[checker](found, test.output):
        return PASSED
    return Outcome(False, f"expected {short(test.output)}, got {short(found)}")
