"""Benchmarks of a training run, on the engines that it trains with; each evaluation is a results file of its own.

`RUN/evaluations/step_000040.json`, and its journal beside it: `rlhf compare` and `rlhf report` read them as any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf.evaluation.prompts import PromptStyle
from rlhf.evaluation.results import BenchmarkResult, ModelFacts, Results, Settings, read_results, samples_path
from rlhf.evaluation.run.answer import Answering
from rlhf.evaluation.run.evaluation import Evaluation, settings_of
from rlhf.evaluation.run.gather import Gathering
from rlhf.evaluation.run.journal import SampleRow
from rlhf.evaluation.run.prepare import prepare_all, tokens_needed
from rlhf.evaluation.run.tasks import Prepared
from rlhf.protocols import Verifying
from rlhf.recipe.evaluation_schema import TrainEvaluationConfig
from rlhf.recipe.schema import PolicyConfig, RolloutConfig, TrainRecipe

Note = Callable[[str], None]
_NAME = re.compile(r"^step_(\d+)\.(json|samples\.jsonl)$")


@dataclass(frozen=True, slots=True)
class Asked:
    """The benchmarks of a recipe, ready to be asked. tokens: that the longest prompt and answer may take."""

    config: TrainEvaluationConfig
    prepared: tuple[Prepared, ...]
    settings: Settings
    tokens: int


def prepare(recipe: TrainRecipe, tokenizer: Any) -> Asked | None:
    """None where the recipe names no benchmarks. Raises DataError for what cannot be loaded."""
    config = recipe.evaluation
    if config is None:
        return None
    style = PromptStyle.of(config, tokenizer)
    prepared = prepare_all(config, tokenizer, style)
    end = tokenizer.encode(f"\n{config.thinking_end}\n\n", add_special_tokens=False)
    settings = settings_of(config, style.chat_template, recipe.rollout.stop, config.template_options)
    return Asked(config, prepared, settings, tokens_needed(prepared, config, len(end)))


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """Implements `rlhf.parts.Evaluating`. folder: the run's evaluations."""

    asked: Asked
    policy: PolicyConfig
    rollout: RolloutConfig
    folder: Path
    answering: Answering
    verifying: Verifying

    @property
    def every(self) -> int:
        return self.asked.config.every

    async def run(self, step: int, note: Note) -> Mapping[str, float]:
        """Metrics of the weights that the engines hold, after `step` steps; read where they were measured already."""
        out = self.folder / f"step_{step:06}.json"
        results = read_results(out) if out.is_file() else await self._ask(out, step)
        for benchmark in results.benchmarks:
            note(f"{benchmark.name} {benchmark.metrics[0].name} {benchmark.metrics[0].interval} after {step} steps")
        return dict(metrics_of(results))

    async def _ask(self, out: Path, step: int) -> Results:
        """Anew: what a killed process left was of weights that need not be these."""
        facts = ModelFacts(
            asked=self.policy.model,
            path=str(self.folder.parent),
            revision=self.policy.revision,
            commit=None,
            step=step,
            fingerprint=f"step {step}",
            dtype=self.policy.dtype,
        )
        asked, engines = self.asked, self.rollout.engines
        evaluation = Evaluation(out, facts, asked.settings, asked.config, asked.prepared, engines, step)
        samples_path(out).unlink(missing_ok=True)
        with evaluation.open() as journal:
            # No more than the engines sample at once: training prompts wait behind these.
            at_once = engines * self.rollout.max_concurrent_sequences
            gathering = Gathering(self.answering, self.verifying, journal, _Nobody(), at_once)
            await gathering.run(evaluation.tasks(journal))
            return evaluation.finish(journal)


class _Nobody:
    def done(self, row: SampleRow) -> None:
        """The live view tells of the run, not of every sample."""


def forget_after(folder: Path, step: int) -> None:
    """Remove the evaluations of later steps than a resumed run goes on from: their weights are gone."""
    for path in folder.glob("step_*") if folder.is_dir() else []:
        named = _NAME.match(path.name)
        if named and int(named[1]) > step:
            path.unlink()


def metrics_of(results: Results) -> Iterator[tuple[str, float]]:
    """`eval/<benchmark>/avg`, `…/pass_at_4`, `…/maj`, `…/length_mean`, `…/truncated`, `…/errors`."""
    for benchmark in results.benchmarks:
        yield from ((f"eval/{benchmark.name}/{name}", value) for name, value in _of(benchmark))


def _of(benchmark: BenchmarkResult) -> Iterator[tuple[str, float]]:
    for metric in benchmark.metrics:
        measure, _, k = metric.name.partition("@")
        yield (f"pass_at_{k}" if measure == "pass" else measure), metric.value
    yield "length_mean", benchmark.lengths.mean
    yield "truncated", benchmark.truncation
    yield "errors", float(benchmark.errors)
