"""The loop: hand prompts out, take finished groups, learn from them, publish the weights, prove them.

One loop for synchronous and asynchronous training. With `max_staleness: 0` nothing is sampled while the learner
works; with n, groups of up to n batches ahead are sampled meanwhile, by this process's event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from rlhf.evaluation.beside import Evaluations
from rlhf.parts import Parts
from rlhf.prompt_flow import PromptFlow
from rlhf.publication import require_proof
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.rollouter import Rollouter
from rlhf.stages.prepare import prepare
from rlhf.step_metrics import group_metrics, learner_metrics, rollout_metrics, stage_metrics
from rlhf.types import Group
from rlhf.updates.step import Updates
from rlhf.waiting import StopRequestedError, timed, unless

T = TypeVar("T")


@dataclass(slots=True)
class TrainState:
    """step: optimizer steps done. version: of the weights that the learner holds; one more after each step."""

    step: int = 0
    version: int = 0


class Trainer:
    def __init__(self, recipe: TrainRecipe, parts: Parts) -> None:
        self.recipe = recipe
        self.parts = parts
        self.state = TrainState()
        self.rollouter = Rollouter(
            parts.engines, parts.verifying, parts.decode, recipe.reward, recipe.rollout, recipe.algorithm.group_size
        )
        self.flow = PromptFlow.of(recipe, parts.prompts.train, parts.sampler, self.rollouter)
        self.updates = Updates(recipe, parts.learner, parts.critic, parts.reference)
        self.evaluations = Evaluations(recipe, parts, self.rollouter)
        self._begun = False
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask the loop to end after what it is doing now; waiting for rollouts is abandoned."""
        self._stop.set()

    def resume(self, state: dict[str, Any], groups: list[Group]) -> None:
        """Continue from a checkpoint's state; the learner has loaded its part already.

        One that was stopped before its first step, while prompts were probed say, begins again after its warm-up.
        """
        self._begun = state["begun"]
        self.state.step, self.state.version = state["step"], state["version"]
        self.flow.load_state_dict(state["flow"], groups)

    async def run(self, gate: Callable[[], Awaitable[object]] | None = None) -> bool:
        """Train until the recipe's last step; False if it was stopped before. Either way a checkpoint is written.
        `gate` is asked once the engines hold the weights that training begins with; what it raises ends the run."""
        await self.publish()
        if gate is not None:
            await gate()
        config, finished = self.recipe.trainer, False
        try:
            if not self._begun:
                await self.begin()
            while self.state.step < config.steps and not self._stop.is_set():
                await self.step()
                if config.checkpoint_every and self.state.step % config.checkpoint_every == 0:
                    await self.checkpoint()
            if self.state.step >= config.steps:
                await self.checkpoint()  # whatever becomes of the last evaluation
                self.evaluations.start(self.state.step)
                await self._or_stop(self.evaluations.finish())
                finished = True
        except StopRequestedError:
            pass
        finally:
            await self.evaluations.cancel()
        await self.flow.cancel()
        await self.checkpoint()
        return finished

    async def begin(self) -> None:
        """What comes before the first step, and a checkpoint: it is not to be done twice."""
        took_time = await self._or_stop(prepare(self.recipe, self.parts, self.rollouter, self.updates))
        self._begun = True
        if took_time or self.recipe.warmup:
            await self.checkpoint(again=True)  # a start that was stopped has left one that is not begun

    async def step(self) -> None:
        """One optimizer step, with the timing of its stages."""
        remaining = self.recipe.trainer.steps - self.state.step
        seconds: dict[str, float] = {}
        self.parts.view.stage("rollout", f"step {self.state.step + 1}")
        self.flow.fill(self.state.version, remaining)  # before the evaluation: training prompts come first
        self.evaluations.start(self.state.step)  # also what an earlier process was stopped before
        # Waited for before groups are taken: a stop meanwhile leaves them where a checkpoint finds them.
        await timed("evaluation", seconds, self._or_stop(self.evaluations.finish()))
        groups = await timed("rollout", seconds, self._or_stop(self.flow.take(self.state.version, remaining)))
        self.flow.fill(self.state.version, remaining)
        self.parts.view.stage("learning", f"step {self.state.step + 1}")
        learned = await self.updates.step(groups, self.state.step, seconds)
        self.state.step += 1
        self.state.version += 1
        self.parts.view.stage("publishing", f"version {self.state.version}")
        await timed("publish", seconds, self.publish())
        seconds["step"] = sum(seconds.values())
        metrics = {
            **group_metrics(groups, self.state.version - 1),
            **learner_metrics(learned.result),
            **learned.facts,
            **self.flow.metrics(),
            **rollout_metrics(self.rollouter.take_counts(), seconds["step"]),
            **stage_metrics(seconds),
            **self.parts.engines.metrics(),
            **await self.parts.verifying.metrics(),
            "version": self.state.version,
        }
        self.parts.record.step(self.state.step, self.recipe.trainer.steps, metrics, groups, learned.batch)

    async def publish(self) -> None:
        """New weights into every engine; training stops unless each proves that it holds them."""
        manifest = await self.parts.learner.write_weights(self.state.version, self.parts.canary_ids)
        proofs = await self.parts.engines.publish(manifest)
        require_proof(manifest, proofs)

    async def checkpoint(self, again: bool = False) -> None:
        """Everything that a resumed run needs, written whole or not at all; once a step, unless `again`."""
        if again or not self.parts.checkpoints.has(self.state.step):
            self.parts.view.stage("checkpoint", f"step {self.state.step}")
            partial = self.parts.checkpoints.begin(self.state.step)
            await self.updates.save(partial)
            await self.parts.learner.export(partial / "hf")
            # The buffer and the counters are read in one go, with no await between: they belong together.
            flow = self.flow.state_dict()
            state = {"step": self.state.step, "version": self.state.version, "begun": self._begun, "flow": flow}
            self.parts.checkpoints.commit(partial, state, self.flow.buffer.groups())
        self.parts.record.sync()

    async def _or_stop(self, work: Awaitable[T]) -> T:
        return await unless(self._stop, work)
