"""A row's own checker, for tasks with many right answers: source that a data set brings, run in a box of its own."""

from __future__ import annotations

from dataclasses import dataclass

from verifiers.base import RowError
from verifiers.code.outcome import PASSED, Outcome
from verifiers.code.settings import CodeSettings
from verifiers.code.task import StdioTest
from verifiers.sandbox.box import Box, Call, Stop

CHECKING = "verifiers.code.inside.checking:serve"
_SHOWN = 120


@dataclass(frozen=True, slots=True)
class RowChecker:
    """Nothing of a model's runs in `box`. Each output meets a new process of the checker."""

    box: Box
    source: str
    settings: CodeSettings

    def outcome(self, test: StdioTest, found: str, left_s: float) -> Outcome:
        """A checker that fails on what a program wrote refuses it, if it does not fail on the row's own output.

        Raises RowError where it does, or where it is no checker. left_s: of the total; the row's own output has the
        time of a test, however little that is, so that no program brings a checker down by taking long itself.
        """
        told = self._ask(test, found, left_s)
        if (score := _score(told)) is not None:
            return PASSED if score == 1.0 else Outcome(False, f"the row's checker refuses {short(found)}")
        own = self._ask(test, test.output, self.settings.time_s)
        if _score(own) is None:
            raise RowError(f"checker: {_fault(own)}; write check(input, expected, output): True, False, or 0 to 1")
        if told is None:
            return Outcome(False, f"the row's checker gave no answer in time on {short(found)}", limit=True)
        return Outcome(False, f"the row's checker cannot take {short(found)}")

    def _ask(self, test: StdioTest, output: str, left_s: float) -> dict[str, object] | None:
        limits = self.settings.test_limits(left_s)
        message = {"source": self.source, "input": test.input, "expected": test.output, "output": output}
        with self.box.session(Call(CHECKING), limits) as session:
            told = session.ask(message, limits.wall_s)
        if told is None and session.ended is not None and session.ended.stop is not Stop.TIME:
            return {"raised": "its own end"}
        return told


def _score(told: dict[str, object] | None) -> float | None:
    score = None if told is None else told.get("score")
    return score if isinstance(score, float) and 0.0 <= score <= 1.0 else None


def _fault(told: dict[str, object] | None) -> str:
    if told is None:
        return "it gave no answer on the row's own output"
    said = told.get("broken") or told.get("raised")
    return f"it raised {said}" if said else f"it returned {told.get('score')!r}"


def short(text: str) -> str:
    """A text as a reason shows it."""
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…")
