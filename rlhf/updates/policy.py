"""The updates of one step: mini-batches, inner epochs, and what is told of them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

from rlhf.algorithms.definition import Definition
from rlhf.learner.spec import StepResult
from rlhf.protocols import Learner
from rlhf.recipe.algorithm_schema import AlgorithmConfig
from rlhf.types import Batch

OF_THE_FIRST = ("mismatch/",)
"""Metrics that later updates would blur: they compare the engine with the policy as it was at the start of the step."""
OF_EACH = ("loss/clipped_low", "loss/clipped_high")
"""Metrics that are also told update by update."""

COUNTED = ("tokens", "sequences", "learner/tokens_run", "learner/seconds/")
"""Metrics that add up over updates."""


class PolicyUpdates:
    def __init__(self, learner: Learner, config: AlgorithmConfig, definition: Definition, seed: int) -> None:
        self._learner, self._config, self._definition, self._seed = learner, config, definition, seed

    async def run(self, batch: Batch, step: int) -> StepResult:
        """One optimizer update a mini-batch and inner epoch; their mean, but for what `OF_THE_FIRST` names."""
        if self._definition.reset_optimizer:
            await self._learner.reset_optimizer()
        results = [
            await self._learner.update(mini)
            for epoch in range(self._config.inner_epochs)
            for mini in mini_batches(batch, self._config.mini_batches, f"{self._seed}/{step}/{epoch}")
        ]
        if not results:  # every response was rejected: the policy stays as it is
            return StepResult(0, 0.0, 0.0, 0.0, {"tokens": 0.0})
        return results[0] if len(results) == 1 else together(results)


def mini_batches(batch: Batch, count: int, seed: str) -> Iterator[Batch]:
    """`count` parts of nearly as many prompts each, in random order; those without a token to learn from are left out.

    Split by prompts and not by responses (DAPO, R1), so that a prompt is run once for all its samples.
    """
    if count == 1:
        if batch.global_tokens > 0:
            yield batch
        return
    prompts = sorted({s.group for s in batch.sequences})
    random.Random(seed).shuffle(prompts)
    for part in range(count):
        members = set(prompts[part::count])
        mini = Batch.of([s for s in batch.sequences if s.group in members], batch.temperature)
        if mini.global_tokens > 0:
            yield mini


def together(results: Sequence[StepResult]) -> StepResult:
    """Several updates as one result: sums of what is counted, means of the rest. The gradient's norm is the largest: a
    mean would hide a spike."""
    count, last = len(results), results[-1]
    metrics = {
        key: sum(r.metrics.get(key, 0.0) for r in results) / (1 if key.startswith(COUNTED) else count)
        for key in results[0].metrics
    }
    metrics |= {k: v for k, v in results[0].metrics.items() if k.startswith(OF_THE_FIRST)}
    metrics |= {
        f"{key}/{number}": result.metrics[key]
        for number, result in enumerate(results, start=1)
        for key in OF_EACH
        if key in result.metrics
    }
    loss = sum(r.loss for r in results) / count
    return replace(last, loss=loss, grad_norm=max(r.grad_norm for r in results), metrics=metrics)
