"""Everything between a step's groups and its new weights: experience, updates of the policy and of the critic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf.algorithms import resolve
from rlhf.learner.spec import NonFiniteError, StepResult
from rlhf.metrics.live import LiveView
from rlhf.offending import OffendingBatchError
from rlhf.protocols import Critic, Learner, ReferencePolicy
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.rollouter import Rollouter
from rlhf.types import Batch, Group, Prompt
from rlhf.updates.critic import CriticUpdates, pretrain
from rlhf.updates.experience import ExperienceMaker
from rlhf.updates.policy import PolicyUpdates
from rlhf.waiting import timed


@dataclass(frozen=True, slots=True)
class Learned:
    """result: of the policy's updates. facts: further metrics, of the batch and of the critic."""

    result: StepResult
    facts: Mapping[str, float]
    batch: Batch


class Updates:
    """The learning half of a step. critic, reference: where the algorithm has them."""

    def __init__(
        self, recipe: TrainRecipe, learner: Learner, critic: Critic | None, reference: ReferencePolicy | None
    ) -> None:
        config, definition, seed = recipe.algorithm, resolve(recipe.algorithm), recipe.run.seed
        self._recipe, self._definition = recipe, definition
        self._learner, self._learned_critic, self._reference = learner, critic, reference
        self._experience = ExperienceMaker(recipe, learner, critic, reference)
        self._policy = PolicyUpdates(learner, config, definition, seed)
        self._critic: CriticUpdates | None = None
        if critic is not None and definition.value is not None:
            self._critic = CriticUpdates(critic, definition.value, config.mini_batches, seed)

    async def begin(self, rollouter: Rollouter, prompts: Sequence[Prompt], view: LiveView) -> dict[str, float]:
        """Before the first step: the reference becomes the policy, the critic learns the policy's returns.

        What the critic's pretraining says of itself; empty where there is none.
        """
        if self._reference is not None:
            await self._reference.begin()
        value = self._definition.value
        if self._critic is None or value is None or value.pretrain_steps == 0:
            return {}
        return await pretrain(
            self._critic, self._experience, rollouter, prompts, self._recipe, value.pretrain_steps, view
        )

    async def step(self, groups: Sequence[Group], step: int, seconds: dict[str, float]) -> Learned:
        """One step from its groups; `step`: those done before it. Adds what each part took to `seconds`.

        Raises OffendingBatchError where a loss or gradient is not finite; with several updates a step, those before it
        were done.
        """
        made = await timed("prepare", seconds, self._experience.make(groups, step))
        try:
            result = await timed("learn", seconds, self._policy.run(made.batch, step))
            facts = dict(made.facts)
            if self._critic is not None:
                facts |= await timed("critic", seconds, self._critic.run(made.batch, step))
        except NonFiniteError as error:
            raise OffendingBatchError(f"step {step + 1}: {error}", groups) from error
        if self._reference is not None:
            await self._reference.after_step(step + 1)
        return Learned(result, facts, made.batch)

    async def save(self, folder: Path) -> None:
        """What `load` of the learner, the critic and the reference find again, each in a folder of its name."""
        await self._learner.save(folder / "learner")
        if self._learned_critic is not None:
            await self._learned_critic.save(folder / "critic")
        if self._reference is not None:
            await self._reference.save(folder / "reference")
