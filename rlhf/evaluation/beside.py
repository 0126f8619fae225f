"""Evaluation beside the next rollout: engines that run out of training prompts answer it, and little waits for it.

It ends before the weights change; the best weights so far are then kept.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from rlhf.evaluation.results import ResultsError
from rlhf.evaluation.run.answer import AnswerLostError
from rlhf.heldout import evaluate
from rlhf.metrics import keys
from rlhf.parts import Evaluating, Parts
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.rollouter import Rollouter


class Evaluations:
    """`start` where it is due, `finish` before anything is learned: the learner holds what is evaluated until then."""

    def __init__(self, recipe: TrainRecipe, parts: Parts, rollouter: Rollouter) -> None:
        self._recipe, self._parts, self._rollouter = recipe, parts, rollouter
        self._running: asyncio.Task[None] | None = None

    def start(self, step: int) -> None:
        """Evaluate the weights after `step` steps, as far as that is due and not measured yet."""
        last = self._recipe.trainer.steps
        heldout = bool(self._parts.prompts.heldout) and due(self._recipe.trainer.eval_every, step, last)
        benchmarks = self._parts.benchmarks is not None and due(self._parts.benchmarks.every, step, last)
        if heldout or benchmarks:
            self._running = asyncio.create_task(self._evaluate(step, heldout, benchmarks))

    @property
    def waiting(self) -> bool:
        return self._running is not None and not self._running.done()

    async def finish(self) -> None:
        """Wait for what was started, if anything was; raises what it raised."""
        if self._running is not None:
            if self.waiting:
                self._parts.view.stage("evaluation", "")
            await self._running
            self._running = None

    async def cancel(self) -> None:
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
            self._running = None

    async def _evaluate(self, step: int, heldout: bool, benchmarks: bool) -> None:
        parts, values = self._parts, {}
        if heldout:
            if (known := parts.record.heldout_value(step)) is None:
                work = evaluate(self._rollouter, parts.prompts.heldout, self._recipe.rollout, self._recipe.trainer)
                parts.record.heldout(step, await work)
                known = parts.record.heldout_value(step)
            else:  # a killed process may have measured it, and not yet written the step's line
                parts.record.measured(step, {keys.HELDOUT_ACCURACY: known})
            assert known is not None
            values[keys.HELDOUT_ACCURACY] = known
        if benchmarks and parts.benchmarks is not None:
            values |= await self._benchmarks(parts.benchmarks, step)
        await self._keep_best(step, values)

    async def _benchmarks(self, benchmarks: Evaluating, step: int) -> Mapping[str, float]:
        """Their metrics. One that cannot be had is said and counted: it is no reason to lose the training."""
        try:
            found = await benchmarks.run(step, self._parts.view.note)
        except (ResultsError, AnswerLostError, OSError) as error:
            self._parts.view.note(f"benchmarks after {step} steps failed, training goes on: {error}")
            found = {keys.EVALUATION_FAILED: 1.0}
        self._parts.record.measured(step, found)
        return found

    async def _keep_best(self, step: int, values: Mapping[str, float]) -> None:
        """Of several equally good weights the first are kept."""
        metric, checkpoints = self._recipe.trainer.best_metric, self._parts.checkpoints
        if metric is None or metric not in values:
            return
        best = checkpoints.best_value(metric)
        if best is None or values[metric] > best:
            partial = checkpoints.begin_best()
            await self._parts.learner.export(partial / "hf")
            checkpoints.commit_best(partial, step, metric, values[metric])
            self._parts.view.note(f"best {metric} so far, {values[metric]:.3f}: its weights are kept")


def due(every: int, step: int, last: int) -> bool:
    """Before the first step, after the last, and every so many between them; 0 for none between."""
    return step in (0, last) or (every > 0 and step % every == 0)
