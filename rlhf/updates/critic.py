"""How a critic learns: some passes over a step's batch, and a stage of its own before training."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from rlhf.algorithms.batch import explained
from rlhf.algorithms.definition import ValueFunction
from rlhf.learner.spec import NonFiniteError
from rlhf.metrics.live import LiveView
from rlhf.offending import OffendingBatchError
from rlhf.protocols import Critic
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.rollouter import Rollouter
from rlhf.rollout.sampling import Sampling
from rlhf.types import Batch, Prompt
from rlhf.updates.experience import ExperienceMaker
from rlhf.updates.policy import mini_batches


class CriticUpdates:
    def __init__(self, critic: Critic, rules: ValueFunction, mini_batch_count: int, seed: int) -> None:
        self._critic, self._rules, self._count, self._seed = critic, rules, mini_batch_count, seed

    async def run(self, batch: Batch, step: int) -> dict[str, float]:
        """`updates` passes over the batch. The explained variance is that of the values before them."""
        results = [
            await self._critic.update(mini, self._rules.clip)
            for turn in range(self._rules.updates)
            for mini in mini_batches(batch, self._count, f"critic/{self._seed}/{step}/{turn}")
        ]
        if not results:
            return {}
        last = results[-1]
        return {
            "critic/loss": sum(r.loss for r in results) / len(results),
            "critic/grad_norm": max(r.grad_norm for r in results),
            "critic/lr": last.lr,
            "critic/explained_variance": explained(batch.sequences),
        }


async def pretrain(
    updates: CriticUpdates,
    experience: ExperienceMaker,
    rollouter: Rollouter,
    prompts: Sequence[Prompt],
    recipe: TrainRecipe,
    steps: int,
    view: LiveView,
) -> dict[str, float]:
    """Value pretraining (VC-PPO 2503.01491, section 4.1): the policy stands still, the critic learns its returns.

    Ends after `steps` batches, or once the explained variance of a fresh batch has not risen for
    `critic.pretrain_patience` of them. What it answers goes into the run's summary.
    """
    view.stage("value pretraining", f"{steps} batches at most")
    sampling = Sampling(recipe.algorithm.group_size, recipe.rollout.temperature, recipe.rollout.max_response_tokens)
    draw = random.Random(f"value/{recipe.run.seed}")
    size, patience = min(recipe.trainer.prompts_per_step, len(prompts)), recipe.algorithm.critic.pretrain_patience
    found: list[float] = []
    for number in range(1, steps + 1):
        groups = await rollouter.groups(draw.sample(list(prompts), size), sampling)
        made = await experience.for_values(groups)
        try:
            facts = await updates.run(made.batch, -number)
        except NonFiniteError as error:
            raise OffendingBatchError(f"value pretraining, batch {number}: {error}", groups) from error
        found.append(facts.get("critic/explained_variance", math.nan))
        if number % max(1, steps // 10) == 0:
            view.note(f"value pretraining {number}/{steps}  explained variance {found[-1]:.3f}")
        best = max(range(len(found)), key=lambda i: -math.inf if math.isnan(found[i]) else found[i])
        if len(found) - 1 - best >= patience:
            break
    return {"batches": float(len(found)), "explained_variance_first": found[0], "explained_variance_last": found[-1]}
