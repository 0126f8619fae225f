"""Benchmarks of a training run, on the engines that it trains with; each evaluation is a results file of its own.

`RUN/evaluations/step_000040.json`, and its journal beside it: `rlhf compare` and `rlhf report` read them as any other.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rlhf.evaluation.results import BenchmarkResult, ModelFacts, Results, read_results, samples_path
from rlhf.evaluation.run.answer import Answering
from rlhf.evaluation.run.evaluation import Evaluation
from rlhf.evaluation.run.gather import Gathering
from rlhf.evaluation.run.journal import SampleRow, read_journal
from rlhf.evaluation.run.prepare import Asked
from rlhf.metrics.keys import EVALUATION_FAILED
from rlhf.protocols import Verifying
from rlhf.recipe.schema import PolicyConfig, RolloutConfig

Note = Callable[[str], None]
_NAME = re.compile(r"^step_(\d+)\.(json|samples\.jsonl)$")


@dataclass(frozen=True, slots=True)
class Benchmarks:
    """Implements `rlhf.parts.Evaluating`. folder: the run's evaluations. every: steps between two."""

    asked: Asked
    every: int
    policy: PolicyConfig
    rollout: RolloutConfig
    folder: Path
    answering: Answering
    verifying: Verifying

    async def run(self, step: int, note: Note) -> Mapping[str, float]:
        """Metrics of the weights that the engines hold, after `step` steps; read where they were measured already."""
        out = self.folder / f"step_{step:06}.json"
        evaluation = self._evaluation(out, step)
        failures: tuple[str, ...] = ()
        if out.is_file() and read_journal(samples_path(out)).asked == evaluation.asked:
            results = read_results(out)
        else:
            results, failures = await self._ask(evaluation, note)
        for benchmark in results.benchmarks:
            note(f"{benchmark.name} {benchmark.metrics[0].name} {benchmark.metrics[0].interval} after {step} steps")
        for failure in failures:
            note(f"warning: {failure}")
        return dict(metrics_of(results)) | ({EVALUATION_FAILED: 1.0} if failures else {})

    def _evaluation(self, out: Path, step: int) -> Evaluation:
        facts = ModelFacts(
            asked=self.policy.model,
            path=str(self.folder.parent),
            revision=self.policy.revision,
            commit=None,
            step=step,
            fingerprint=f"step {step}",
            dtype=self.policy.dtype,
        )
        asked = self.asked
        return Evaluation(out, facts, asked.settings, asked.config, asked.prepared, self.rollout.engines, step)

    async def _ask(self, evaluation: Evaluation, note: Note) -> tuple[Results, tuple[str, ...]]:
        """Anew: what a killed process left was of weights that need not be these."""
        for path in (evaluation.out, samples_path(evaluation.out)):
            path.unlink(missing_ok=True)
        with evaluation.open(note=note) as journal:
            # No more than the engines sample at once: training prompts wait behind these.
            at_once = self.rollout.engines * self.rollout.max_concurrent_sequences
            gathering = Gathering(self.answering, self.verifying, journal, _Nobody(), at_once)
            await gathering.run(evaluation.tasks(journal))
            finished = evaluation.finish(journal)
            return finished.results, finished.failures


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
    """`eval/<benchmark>/avg`, `…/pass_at_4`, `…/maj`, `…/length_mean`, `…/truncated`, `…/forced`, `…/errors`."""
    for benchmark in results.benchmarks:
        yield from ((f"eval/{benchmark.name}/{name}", value) for name, value in _of(benchmark))


def _of(benchmark: BenchmarkResult) -> Iterator[tuple[str, float]]:
    for metric in benchmark.metrics:
        measure, _, k = metric.name.partition("@")
        yield (f"pass_at_{k}" if measure == "pass" else measure), metric.value
    yield "length_mean", benchmark.lengths.mean
    yield "truncated", benchmark.truncation
    yield "forced", benchmark.forced
    yield "errors", float(benchmark.errors)
