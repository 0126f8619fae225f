"""From verdicts to rewards: the recipe's weighted sum, and the status that decides accuracy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rlhf.recipe.schema import RewardComponent
from rlhf.types import Scored, Trajectory
from verifiers.base import Status, Verdict


def score(trajectory: Trajectory, verdicts: Mapping[str, Verdict], reward: Sequence[RewardComponent]) -> Scored:
    """The reward is the weighted sum of the components' scores; the first component's status decides accuracy.

    An `error` in any component says nothing about the answer: the sample has no reward.
    """
    total = 0.0
    for component in reward:
        verdict = verdicts[component.label]
        if verdict.score is None:
            return Scored(trajectory, verdicts, None, Status.ERROR)
        total += component.weight * verdict.score
    return Scored(trajectory, verdicts, total, verdicts[reward[0].label].status)
