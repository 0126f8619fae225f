"""From verdicts to rewards: the recipe's weighted sum, and the status that decides accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlhf.recipe.schema import RewardComponent
from rlhf.types import Scored, Trajectory
from verifiers.base import Status, Verdict
from verifiers.specs import VERIFIERS


def score(trajectory: Trajectory, verdicts: Mapping[str, Verdict], reward: Sequence[RewardComponent]) -> Scored:
    """The reward is the weighted sum of the components' scores; the status of the first one that judges the prompt
    decides accuracy, unless it grades (a reward model), which is neither right nor wrong.

    verdicts: of the components that judge the prompt's domain. An `error` in any of them says nothing about the
    answer, nor does a reward model's `timeout`: the sample has no reward.
    """
    judging = [component for component in reward if component.label in verdicts]
    total = 0.0
    for component in judging:
        verdict = verdicts[component.label]
        # How long a reward model takes says nothing about the answer; how long a rule takes, the answer has caused.
        unjudged = verdict.status is Status.TIMEOUT and grades(component)
        if verdict.score is None or unjudged:
            return Scored(trajectory, verdicts, None, Status.ERROR)
        total += component.weight * verdict.score
    first = judging[0]
    return Scored(trajectory, verdicts, total, verdicts[first.label].status, grades(first))


def grades(component: RewardComponent) -> bool:
    """Whether its verdicts are a degree, with no right or wrong."""
    spec = VERIFIERS.get(component.verifier)
    return spec is not None and spec.grades
