"""Accuracy on held-out prompts, sampled on the same engines, with its interval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rlhf.evaluation.intervals import Interval, accuracy_interval
from rlhf.recipe.schema import RolloutConfig, TrainerConfig
from rlhf.rollout.rollouter import Rollouter
from rlhf.rollout.sampling import Sampling
from rlhf.types import Group, Prompt


@dataclass(frozen=True, slots=True)
class HeldoutResult:
    """accuracy: over the samples that a verifier judged right or wrong; errors: how many it could not."""

    accuracy: Interval
    length_mean: float
    truncated: float
    errors: int
    groups: Sequence[Group]


async def evaluate(
    rollouter: Rollouter, prompts: Sequence[Prompt], rollout: RolloutConfig, trainer: TrainerConfig
) -> HeldoutResult:
    """`eval_samples` responses to every held-out prompt at `eval_temperature` (the rollout's, unless set)."""
    temperature = trainer.eval_temperature or rollout.temperature
    sampling = Sampling(trainer.eval_samples, temperature, rollout.max_response_tokens)
    groups = await rollouter.groups(prompts, sampling)
    samples = [s for g in groups for s in g.samples]
    correct_PS = [[s.correct for s in g.usable if not s.graded] for g in groups if g.accuracy is not None]
    if not correct_PS:
        raise RuntimeError(f"no held-out sample was judged right or wrong: {samples[0].verdicts}")
    return HeldoutResult(
        accuracy=accuracy_interval(correct_PS),
        length_mean=sum(len(s.trajectory) for s in samples) / len(samples),
        truncated=sum(s.trajectory.truncated for s in samples) / len(samples),
        errors=sum(s.reward is None for s in samples),
        groups=groups,
    )
