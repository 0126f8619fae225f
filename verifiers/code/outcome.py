"""What came of a task's tests, and the verdict that this makes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass

from verifiers.base import Verdict
from verifiers.sandbox.box import Ended, Stop
from verifiers.verifier import clip


@dataclass(frozen=True, slots=True)
class Outcome:
    """Of one test. why: empty where it passed. limit: a limit of time, memory or output was spent on it."""

    passed: bool
    why: str = ""
    limit: bool = False


LEAST_S = 0.05
"""Of the total, for a test to be begun: it would else be ended before its walls are up."""

Outcomes = Generator[Outcome, None, None]
PASSED = Outcome(True)
STOPPED = {
    Stop.TIME: "time limit",
    Stop.MEMORY: "memory limit",
    Stop.OUTPUT: "output limit",
    Stop.BOX: "the program ended its own sandbox",
}


def of_ended(ended: Ended) -> Outcome | None:
    """What the end of a run says of a test; None if it ended well, and what it wrote decides."""
    if ended.stop is not None:
        return Outcome(False, STOPPED[ended.stop], ended.stop is not Stop.BOX)
    if ended.code == 0:
        return None
    said = ended.stderr.decode(errors="replace").strip().split("\n")[-1][:300]
    how = f"signal {ended.signal}" if ended.signal else f"exit code {ended.code}"
    return Outcome(False, f"{how}{': ' + said if said else ''}", "MemoryError" in said or "bad_alloc" in said)


def verdict(outcomes: Iterable[Outcome], count: int, reward: str, shown: str) -> Verdict:
    """reward: `all`, where the first failure ends it, or `fraction`. count: of the tests; what is missing at the end of
    `outcomes` was not reached in time."""
    passed, judged, first = 0, 0, ""
    limit = False
    for judged, outcome in enumerate(outcomes, 1):
        passed += outcome.passed
        if not outcome.passed and not first:
            first, limit = f"test {judged} of {count}: {outcome.why}", outcome.limit
            if reward == "all":
                break
    if passed == count:
        return Verdict.correct(shown, f"{count} of {count} tests passed")
    if not first:
        first, limit = f"the time for all tests ran out after {judged} of {count}", True
    score = passed / count if reward == "fraction" else 0.0
    reason = clip(f"{first} ({passed} passed)" if reward == "fraction" else first)
    return Verdict.timeout(reason) if limit and not score else Verdict.wrong(shown, reason, score)


class Clock:
    """Seconds that are left of a total, handed out test by test."""

    def __init__(self, total_s: float, now: float) -> None:
        self._end = now + total_s

    def left(self, now: float) -> float:
        return self._end - now


def until(outcomes: Outcomes, clock: Clock) -> Outcomes:
    """As many as there is time for. Closes `outcomes`, and so their boxes, where it ends itself."""
    with contextlib.closing(outcomes):
        while clock.left(time.monotonic()) > LEAST_S:
            try:
                yield next(outcomes)
            except StopIteration:
                return
