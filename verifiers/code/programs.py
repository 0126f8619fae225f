"""Tests that are programs: each runs in a box of its own, the model's code in another, and calls are carried between.

What is carried is JSON that neither side's code made up the form of. A test says that it has passed from a box in which
nothing of the model's has run.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from verifiers.base import RowError
from verifiers.code.extract import Source
from verifiers.code.outcome import PASSED, STOPPED, Clock, Outcome, Outcomes
from verifiers.code.settings import CodeSettings
from verifiers.code.task import ProgramTask, ProgramTest
from verifiers.sandbox.box import Box, Call, Session, Stop
from verifiers.sandbox.sandbox import Sandbox

CALLEE = "verifiers.code.inside.callee:serve"
TESTER = "verifiers.code.inside.tester:serve"
_FILE, _PREAMBLE = "solution.py", "preamble.py"
_ANSWER_KB = 16 * 1024  # a result with all arguments, which are sent back as the call has left them
_QUESTION_KB = 60 * 1024  # of a row's own test


def run_programs(sandbox: Sandbox, source: Source, task: ProgramTask, settings: CodeSettings, clock: Clock) -> Outcomes:
    """An outcome a test, in order; every test meets a fresh process of the model's code.

    Raises RowError if a test is at fault itself."""
    with sandbox.box() as judged, sandbox.box() as judging:
        judged.put(_FILE, source.text)
        loaded = (_FILE, _PREAMBLE) if task.preamble else (_FILE,)
        if task.preamble:
            judged.put(_PREAMBLE, task.preamble)
        for test in task.tests:
            yield _run(judged, judging, Call(CALLEE, loaded), task, test, settings, clock)


def _run(
    judged: Box, judging: Box, called: Call, task: ProgramTask, test: ProgramTest, settings: CodeSettings, clock: Clock
) -> Outcome:
    limits = settings.test_limits(clock.left(time.monotonic()))
    answering = replace(limits, output_kb=max(limits.output_kb, _ANSWER_KB))
    asking = replace(limits, output_kb=_QUESTION_KB)
    deadline = time.monotonic() + limits.wall_s
    message: dict[str, Any] | None = {"setup": task.setup, "test": test.source, "entry": task.entry}
    with judged.session(called, answering) as callee, judging.session(Call(TESTER), asking) as tester:
        while message is not None:
            said = tester.ask(message, deadline - time.monotonic())
            if said is None or "call" not in said:
                return _end(said, test, time.monotonic() >= deadline)
            message = callee.ask(said, deadline - time.monotonic())
        late = time.monotonic() >= deadline
    return _lost(callee, limits.wall_s, late)


def _end(said: dict[str, Any] | None, test: ProgramTest, late: bool) -> Outcome:
    """What a test has said at its end."""
    if said is None:
        return Outcome(False, STOPPED[Stop.TIME] if late else "the test did not end well", late)
    if "passed" in said:
        return PASSED
    if "broken" in said:
        raise RowError(f"the row's test is at fault: {said['broken']}")
    why = str(said.get("failed")).removeprefix("CandidateError: ")
    return Outcome(False, f"{test.shown}: {why}" if test.shown else why)


def _lost(callee: Session, wall_s: float, late: bool) -> Outcome:
    """The model's code did not answer: why, by how its run ended."""
    ended = callee.ended
    if ended is None or ended.stop is Stop.TIME:  # ended from here
        if late:
            return Outcome(False, f"{STOPPED[Stop.TIME]} of {wall_s:g} s", True)
        return Outcome(False, "the program's answer is too long, or is none", True)
    if ended.stop is not None:
        return Outcome(False, STOPPED[ended.stop], ended.stop is not Stop.BOX)
    how = f"signal {ended.signal}" if ended.signal else f"exit code {ended.code}"
    return Outcome(False, f"the program ended before it answered: {how}")
