"""What a distillation has reached: nats a token on held-out text, of the teacher and of the student step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from rlhf.types import TrainSequence

Nats = Mapping[str, float]
"""By held-out set: `sampled`, of the teacher's own text; `file`, of real text."""

NOTHING_LOST = 1e-3
"""Nats a token between teacher and student, below which nothing is said to have been lost."""


@dataclass(frozen=True, slots=True)
class Point:
    """The student after `step` steps of both stages together."""

    step: int
    nats: Nats


@dataclass(slots=True)
class Results:
    """stages: by name, the step after which it ended. history: in order of steps, the first of the student as it was
    converted."""

    teacher: Nats = field(default_factory=dict)
    history: list[Point] = field(default_factory=list)
    stages: dict[str, int] = field(default_factory=dict)

    def add(self, step: int, nats: Nats) -> None:
        self.history = [*(point for point in self.history if point.step < step), Point(step, nats)]

    def before(self, name: str) -> float:
        return self.history[0].nats[name]

    def regained(self, name: str, nats: float) -> float:
        """Share of the lost log-likelihood: (before - nats) / (before - teacher); 1 where nothing was lost."""
        lost = self.before(name) - self.teacher[name]
        return 1.0 if lost < NOTHING_LOST else (self.before(name) - nats) / lost

    def after(self, step: int) -> Nats | None:
        return next((point.nats for point in self.history if point.step == step), None)

    def state(self) -> dict[str, Any]:
        return {"teacher": dict(self.teacher), "history": [asdict(p) for p in self.history], "stages": self.stages}

    @classmethod
    def of_state(cls, state: Mapping[str, Any]) -> Results:
        return cls(state["teacher"], [Point(**point) for point in state["history"]], dict(state["stages"]))

    def summary(self) -> dict[str, dict[str, float]]:
        """By held-out set: nats a token of the teacher, before, after each stage, and the share regained by then."""
        found = {}
        for name, teacher in self.teacher.items():
            row = {"teacher": teacher, "before": self.before(name)}
            for stage, step in self.stages.items():
                if (nats := self.after(step)) is not None:
                    row |= {f"after_{stage}": nats[name], f"regained_{stage}": self.regained(name, nats[name])}
            last = self.history[-1].nats[name]
            found[name] = row | {"last": last, "regained": self.regained(name, last)}
        return found


def nats_a_token(logp: Sequence[np.ndarray], sequences: Sequence[TrainSequence]) -> float:
    """Mean of -log p over all tokens that are not masked; summed in float64."""
    total = sum(float((-scores.astype(np.float64) * s.mask_R).sum()) for scores, s in zip(logp, sequences, strict=True))
    return total / sum(float(s.mask_R.sum()) for s in sequences)


SETS = {"sampled": "the teacher's own text", "file": "real text"}
STAGES = {"attention": "attention outputs", "logits": "logits"}


def results_lines(results: Results) -> list[str]:
    """For a person: a line a held-out set and moment."""
    lines = []
    for name, row in results.summary().items():
        lines.append(f"nats a token on {SETS[name]}, held out: teacher {row['teacher']:.3f}")
        lines.append(f"  student as converted {row['before']:.3f}")
        for stage, words in STAGES.items():
            if (nats := row.get(f"after_{stage}")) is not None:
                share = row[f"regained_{stage}"]
                lines.append(f"  after matching {words} {nats:.3f}: {share:.1%} of what was lost is regained")
    return lines
