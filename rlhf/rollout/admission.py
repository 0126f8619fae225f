"""Which finished groups are worth learning from."""

from __future__ import annotations

from dataclasses import dataclass

from rlhf.algorithms.definition import Keep
from rlhf.algorithms.filters import accuracy_reason
from rlhf.types import Group
from verifiers.base import Status


@dataclass(frozen=True, slots=True)
class Refusal:
    """reason: what it is counted under. why: for a person. expected: an algorithm's choice, no fault of a verifier."""

    reason: str
    why: str
    expected: bool


@dataclass(frozen=True, slots=True)
class Admission:
    """samples_needed: that a verifier could judge, for a baseline. keep: `mixed_accuracy` is dynamic sampling."""

    samples_needed: int = 2
    keep: Keep = "all"

    def refusal(self, group: Group) -> Refusal | None:
        if len(group.usable) < self.samples_needed:
            return Refusal("verifier_error", _first_error(group), expected=False)
        if self.keep == "mixed_accuracy" and (reason := uninformative(group)):
            return Refusal(reason, f"{group.prompt.id}: {reason}", expected=True)
        return None


def uninformative(group: Group) -> str | None:
    """Why dynamic sampling leaves a group out. Graded answers have no accuracy, but rewards that may differ."""
    if group.accuracy is None:
        return "equal_rewards" if len({s.reward for s in group.usable}) <= 1 else None
    return accuracy_reason([s.correct for s in group.usable if not s.graded])


def _first_error(group: Group) -> str:
    """What a verifier said of the first sample that it could not judge."""
    for sample in group.samples:
        for label, verdict in sample.verdicts.items():
            if verdict.status is Status.ERROR:
                return f"{group.prompt.id}: verifier {label} failed: {verdict.reason}"
    return f"{group.prompt.id}: too few samples"
