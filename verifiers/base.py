"""What a verifier is given and what it answers. This module imports nothing but the standard library.

A verdict is a status, not only a number:

| status     | score        | meaning                                                              |
|------------|--------------|----------------------------------------------------------------------|
| `correct`  | 1.0          | the answer is right                                                  |
| `wrong`    | below 1      | it is not; partial credit keeps its score                            |
| `unparsed` | 0.0          | no answer could be read out of the response                          |
| `timeout`  | 0.0          | a time or memory limit was spent on this answer                      |
| `error`    | None         | the verifier or the machinery failed: says nothing about the answer  |

The first four are trained on; an `error` leaves its group before a baseline is taken.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    CORRECT = "correct"
    WRONG = "wrong"
    UNPARSED = "unparsed"
    TIMEOUT = "timeout"
    ERROR = "error"


class RowError(ValueError):
    """A sample by which no answer can be judged: its reference or metadata is at fault, and the text says how.

    Raised by a verifier, it becomes an `error` with that text alone.
    """


@dataclass(frozen=True, slots=True)
class Sample:
    """One response to be judged.

    prompt: the user's text, before any chat template.
    response: the model's text, hostile by assumption.
    reference: the gold answer, or None where the task's metadata carries it.
    metadata: JSON values only (it crosses process boundaries as JSON, never as a pickle).
    """

    prompt: str
    response: str
    reference: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a verifier found; build it with the class methods, which keep score and status consistent."""

    score: float | None
    status: Status
    extracted: str | None = None
    reason: str = ""
    seconds: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "status", Status(self.status))
        if self.status is Status.ERROR:
            if self.score is not None:
                raise ValueError(f"an error verdict has score None, not {self.score!r}")
            return
        if self.score is None or not math.isfinite(self.score):
            raise ValueError(f"a {self.status} verdict needs a finite score, not {self.score!r}")
        if self.status is Status.CORRECT and self.score != 1.0:
            raise ValueError(f"a correct verdict has score 1.0, not {self.score!r}")
        if self.status is Status.WRONG and self.score >= 1.0:
            raise ValueError(f"a wrong verdict has a score below 1.0, not {self.score!r}")
        if self.status in (Status.UNPARSED, Status.TIMEOUT) and self.score != 0.0:
            raise ValueError(f"a {self.status} verdict has score 0.0, not {self.score!r}")

    @classmethod
    def correct(cls, extracted: str | None = None, reason: str = "") -> Verdict:
        return cls(1.0, Status.CORRECT, extracted, reason)

    @classmethod
    def wrong(cls, extracted: str | None = None, reason: str = "", score: float = 0.0) -> Verdict:
        return cls(score, Status.WRONG, extracted, reason)

    @classmethod
    def unparsed(cls, reason: str) -> Verdict:
        return cls(0.0, Status.UNPARSED, None, reason)

    @classmethod
    def timeout(cls, reason: str) -> Verdict:
        return cls(0.0, Status.TIMEOUT, None, reason)

    @classmethod
    def error(cls, reason: str) -> Verdict:
        return cls(None, Status.ERROR, None, reason)

    def timed(self, seconds: float) -> Verdict:
        return replace(self, seconds=seconds)

    def to_json(self) -> dict[str, Any]:
        return {
            "score": self.score,
            "status": str(self.status),
            "extracted": self.extracted,
            "reason": self.reason,
            "seconds": round(self.seconds, 6),
        }
