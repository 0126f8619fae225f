"""What the learner, the reference and the critic must say of a step's responses before it can learn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rlhf.algorithms import resolve
from rlhf.algorithms.batch import Assembled, Passes, Row, assemble, rows_of
from rlhf.algorithms.definition import Definition
from rlhf.algorithms.resolve import correction_of, shaping_of
from rlhf.protocols import Critic, Learner, ReferencePolicy
from rlhf.recipe.schema import TrainRecipe
from rlhf.types import Group


class ExperienceMaker:
    """From a step's groups to its batch, with as few passes over it as the algorithm allows."""

    def __init__(
        self,
        recipe: TrainRecipe,
        learner: Learner,
        critic: Critic | None = None,
        reference: ReferencePolicy | None = None,
    ) -> None:
        config = recipe.algorithm
        self._learner, self._critic, self._reference = learner, critic, reference
        self._temperature = recipe.rollout.temperature
        self._definition = resolve(config)
        self._correction = correction_of(config)
        self._shaping = shaping_of(config, self._definition, recipe.rollout.max_response_tokens)
        self._recomputes = self._needs_recomputing(config.updates)

    def _needs_recomputing(self, updates: int) -> bool:
        """Whether a pass of its own is made for the learner's log-probabilities at the start of the step.

        With one update a step they are those of the update's own forward, and the pass is spared.
        """
        definition = self._definition
        of_the_start = definition.old_logprobs == "recomputed" and updates > 1
        in_the_reward = definition.kl.place == "reward" and definition.reference
        return of_the_start or in_the_reward or self._correction.active

    async def make(self, groups: Sequence[Group], step: int) -> Assembled:
        rows, facts = rows_of(groups, self._definition, self._shaping, step)
        found = assemble(rows, await self._passes(rows), self._definition, self._correction, self._temperature)
        return Assembled(found.batch, {**facts, **found.facts})

    async def for_values(self, groups: Sequence[Group]) -> Assembled:
        """The same for a critic alone, whose targets are the returns themselves (lambda 1)."""
        assert self._critic is not None
        definition = _towards_returns(self._definition)
        rows, _ = rows_of(groups, definition, self._shaping, step=0)
        passes = Passes(value=await self._critic.values([row.sequence for row in rows])) if rows else Passes()
        return assemble(rows, passes, definition, self._correction, self._temperature)

    async def _passes(self, rows: Sequence[Row]) -> Passes:
        """One after another: they are of the same devices."""
        if not rows:
            return Passes()
        sequences, temperature = [row.sequence for row in rows], self._temperature
        old_logp = await self._learner.logp(sequences, temperature) if self._recomputes else None
        reference_logp = value = None
        if self._reference is not None:
            reference_logp = await self._reference.logp(sequences, temperature)
        if self._critic is not None:
            value = await self._critic.values(sequences)
        return Passes(old_logp, reference_logp, value)


def _towards_returns(definition: Definition) -> Definition:
    """Without what only the policy's loss needs."""
    assert definition.value is not None
    kl = replace(definition.kl, place="none")
    return definition.but(value=replace(definition.value, critic_lambda=1.0), kl=kl, whiten=False)
