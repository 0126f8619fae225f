"""Tests that give a program its standard input and look at its standard output, which is compared here, outside."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from verifiers.code.compare import CHECKERS
from verifiers.code.extract import Source
from verifiers.code.outcome import PASSED, Clock, Outcome, of_ended
from verifiers.code.settings import CodeSettings
from verifiers.code.task import RowError, StdioTask, StdioTest
from verifiers.sandbox.box import Box, Call, Command, Execute, Python, Session, Stop
from verifiers.sandbox.limits import Limits
from verifiers.sandbox.sandbox import Sandbox

COMPILER = "/usr/bin/g++"
CHECKING = "verifiers.code.inside.checking:serve"
_SHOWN = 120

Judge = Callable[[StdioTest, str], Outcome]


def run_stdio(
    sandbox: Sandbox, source: Source, task: StdioTask, settings: CodeSettings, clock: Clock
) -> Iterator[Outcome]:
    """An outcome a test, in order. Raises RowError if the row's own checker is at fault."""
    with contextlib.ExitStack() as stack:
        box = stack.enter_context(sandbox.box())
        judge = _judge(stack, sandbox, task, settings)
        command = _prepared(box, source, settings, clock)
        if isinstance(command, Outcome):
            for _ in task.tests:
                yield command
            return
        for test in task.tests:
            limits = settings.test_limits(clock.left(time.monotonic()))
            ended = box.run(command, test.input.encode("utf-8", "surrogatepass"), limits)
            yield of_ended(ended) or judge(test, ended.stdout.decode(errors="replace"))
            if ended.stop is Stop.BOX:
                return


def _prepared(box: Box, source: Source, settings: CodeSettings, clock: Clock) -> Command | Outcome:
    """How to run it; or, where it does not compile, what comes of every test."""
    if source.language == "python":
        box.put("main.py", source.text)
        return Python("main.py")
    box.put("main.cpp", source.text)
    compiler = Execute((COMPILER, "-O2", "-std=c++20", "-pipe", "-o", "main", "main.cpp"), many=True)
    built = box.run(compiler, limits=settings.compile_limits(clock.left(time.monotonic())))
    if built.ok:
        return Execute(("./main",))
    said = [line for line in built.stderr.decode(errors="replace").splitlines() if "error" in line]
    return Outcome(False, f"does not compile: {said[0][:300]}" if said else f"does not compile: {built.stop or 'no'}")


def _judge(stack: contextlib.ExitStack, sandbox: Sandbox, task: StdioTask, settings: CodeSettings) -> Judge:
    if task.checker is None:
        return lambda test, found: _compared(test, found, settings.checker)
    box = stack.enter_context(sandbox.box())
    session = stack.enter_context(box.session(Call(CHECKING), Limits(memory_mb=settings.memory_mb)))
    _asked(session, {"source": task.checker}, "ready", settings)
    return lambda test, found: _checked(session, test, found, settings)


def _compared(test: StdioTest, found: str, checker: str) -> Outcome:
    if CHECKERS[checker](found, test.output):
        return PASSED
    return Outcome(False, f"expected {_short(test.output)}, got {_short(found)}")


def _checked(session: Session, test: StdioTest, found: str, settings: CodeSettings) -> Outcome:
    message: dict[str, object] = {"input": test.input, "expected": test.output, "output": found}
    score = _asked(session, message, "score", settings)
    if type(score) is not float or not 0.0 <= score <= 1.0:
        raise RowError(f"checker: it returned {score!r}; return True, False, or a number from 0 to 1")
    return PASSED if score == 1.0 else Outcome(False, f"the row's checker refuses {_short(found)}")


def _asked(session: Session, message: dict[str, object], key: str, settings: CodeSettings) -> object:
    reply = session.ask(message, settings.time_s)
    if reply is None or key not in reply:
        why = f"raised {reply.get('broken')}" if reply else f"gave no answer within {settings.time_s:g} s"
        raise RowError(f"checker: it {why}")
    return reply[key]


def _short(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
