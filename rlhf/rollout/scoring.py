"""From verdicts to rewards: the recipe's composition of components, and the status that decides accuracy."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from rlhf.recipe.schema import RewardComponent
from rlhf.types import Scored, Trajectory
from verifiers.base import Status, Verdict
from verifiers.specs import VERIFIERS


def score(trajectory: Trajectory, verdicts: Mapping[str, Verdict], reward: Sequence[RewardComponent]) -> Scored:
    """The reward is the sum of the components' scores, each clamped and weighted, where its gate is open. The status of
    the first one that judges the prompt decides accuracy, unless it grades (a reward model), which is neither right nor
    wrong.

    verdicts: of the components that judge the prompt's domain. An `error` in any of them that counts says nothing about
    the answer, nor does a reward model's `timeout`: the sample has no reward.
    """
    judging = [component for component in reward if component.label in verdicts]
    total = 0.0
    for component in judging:
        verdict = verdicts[component.label]
        if not _open(component, verdicts):
            continue
        # How long a reward model takes says nothing about the answer; how long a rule takes, the answer has caused.
        unjudged = verdict.status is Status.TIMEOUT and grades(component)
        if verdict.score is None or unjudged:
            return Scored(trajectory, verdicts, None, Status.ERROR)
        total += component.weight * _clamped(verdict.score, component)
    first = judging[0]
    return Scored(trajectory, verdicts, total, verdicts[first.label].status, grades(first))


def _open(component: RewardComponent, verdicts: Mapping[str, Verdict]) -> bool:
    return component.only_if is None or verdicts[component.only_if].status is Status.CORRECT


def _clamped(score: float, component: RewardComponent) -> float:
    low, high = component.clamp or (None, None)
    return min(max(score, -math.inf if low is None else low), math.inf if high is None else high)


def grades(component: RewardComponent) -> bool:
    """Whether its verdicts are a degree, with no right or wrong."""
    spec = VERIFIERS.get(component.verifier)
    return spec is not None and spec.grades
