"""The numbers of one step, from its groups: what the live view, metrics.jsonl and the report show."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from rlhf.learner.spec import StepResult
from rlhf.metrics import keys
from rlhf.rollout.rollouter import RolloutCounts
from rlhf.types import Group, Scored
from verifiers.base import Status


def group_metrics(groups: Sequence[Group], version: int) -> dict[str, float]:
    """Rewards, accuracy, lengths, verdicts and staleness of the groups that a step trains on.

    Accuracy is the share of samples whose status is `correct` among those that a verifier could judge.
    """
    usable = [sample for group in groups for sample in group.usable]
    rewards = np.array([sample.reward for sample in usable], dtype=np.float64)
    lengths = np.array([len(sample.trajectory) for sample in usable], dtype=np.float64)
    stale = version - np.concatenate([s.trajectory.version_R for s in usable])
    metrics: dict[str, float] = {
        keys.REWARD: float(rewards.mean()),
        keys.REWARD_STD: float(rewards.std()),
        **_accuracy(groups),
        keys.LENGTH: float(lengths.mean()),
        keys.LENGTH_MAX: float(lengths.max()),
        keys.TRUNCATED: float(np.mean([s.trajectory.truncated for s in usable])),
        keys.REPEATED: float(np.mean([s.trajectory.looping for s in usable])),
        keys.STALENESS_MEAN: float(stale.mean()),
        keys.STALENESS_MAX: float(stale.max()),
    }
    return metrics | _verdict_metrics([s for g in groups for s in g.samples]) | _component_metrics(usable)


def _accuracy(groups: Sequence[Group]) -> dict[str, float]:
    """Of the samples that were judged right or wrong; nothing where all are graded."""
    judged = [s.correct for group in groups for s in group.usable if not s.graded]
    correct_G = [group.accuracy for group in groups if group.accuracy is not None]
    if not judged:
        return {}
    return {
        keys.ACCURACY: float(np.mean(judged)),
        "groups/solved": float(np.mean([c == 1.0 for c in correct_G])),
        "groups/unsolved": float(np.mean([c == 0.0 for c in correct_G])),
    }


def _verdict_metrics(samples: Sequence[Scored]) -> dict[str, float]:
    counts = Counter(str(sample.status) for sample in samples)
    return {f"verdicts/{status}": float(counts[status]) for status in map(str, Status)}


def _component_metrics(usable: Sequence[Scored]) -> dict[str, float]:
    """The mean score of every component over the samples that it judged."""
    scores: dict[str, list[float]] = defaultdict(list)
    for sample in usable:
        for label, verdict in sample.verdicts.items():
            assert verdict.score is not None  # else the sample had no reward
            scores[label].append(verdict.score)
    return {f"reward/{label}": float(np.mean(found)) for label, found in scores.items()}


def rollout_metrics(counts: RolloutCounts, step_s: float) -> dict[str, float]:
    """Rollout throughput; `time/*` of groups overlap, so they are averages, not parts of the step."""
    groups = max(counts.groups, 1)
    judged = {keys.SAMPLED_ACCURACY: counts.accuracy_sum / counts.judged_groups} if counts.judged_groups else {}
    return judged | {
        "rollout/tokens": float(counts.tokens),
        "rollout/group_s_mean": counts.generate_s / groups,
        "rollout/group_s_max": counts.slowest_group_s,
        "rollout/verify_s_mean": counts.verify_s / groups,
        keys.TOKENS_PER_S: counts.tokens / step_s if step_s > 0 else 0.0,
    }


def learner_metrics(result: StepResult) -> dict[str, float]:
    """What the learner says of its step, with the figures that every algorithm has."""
    return {
        **result.metrics,
        "loss/total": result.loss,
        keys.GRAD_NORM: result.grad_norm,
        keys.LEARNING_RATE: result.lr,
    }


def stage_metrics(seconds: Mapping[str, float]) -> dict[str, float]:
    return {f"{keys.TIME}{stage}": value for stage, value in seconds.items()}
