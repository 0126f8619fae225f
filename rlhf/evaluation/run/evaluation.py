"""An evaluation on paper: what is asked, what an earlier process left, and the results once nothing is missing."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rlhf.evaluation.results import BenchmarkResult, ModelFacts, Results, Settings, samples_path, write_results
from rlhf.evaluation.run.contents import contents_of, require_same
from rlhf.evaluation.run.finish import benchmark_result, seconds_of
from rlhf.evaluation.run.journal import Journal, locked, read_journal
from rlhf.evaluation.run.tasks import Prepared, Task, tasks_of
from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.run_folder import versions


@dataclass(frozen=True, slots=True)
class Evaluation:
    """out: the results file; its journal lies beside it. step: of a training run that evaluates itself."""

    out: Path
    model: ModelFacts
    settings: Settings
    config: EvaluationConfig
    prepared: tuple[Prepared, ...]
    engines: int
    step: int | None = None

    def open(self, restart: bool = False) -> Journal:
        """The journal, gone on with where it holds the same. Raises ResultsError where it holds something else.

        restart: what an earlier process left is moved to `….before`, not removed.
        """
        path = samples_path(self.out)
        asked = contents_of(self.model, self.settings, self.prepared)
        if restart and path.exists():
            path.replace(path.with_name(path.name + ".before"))
        file = locked(path)
        try:
            found = read_journal(path)
            return Journal(file, found, require_same(found.asked, asked, path))
        except BaseException:
            file.close()
            raise

    def tasks(self, journal: Journal) -> list[Task]:
        return list(tasks_of(self.prepared, journal.rows))

    def total(self) -> int:
        return sum(len(benchmark.prompts) * benchmark.samples for benchmark in self.prepared)

    def finish(self, journal: Journal) -> Results:
        """Write the results of a complete journal. Raises ResultsError if a sample is missing."""
        mine = {benchmark.name for benchmark in self.prepared}
        rows = [row for row in journal.rows.values() if row.benchmark in mine]
        results = Results(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            model=self.model,
            settings=self.settings,
            versions={"python": platform.python_version(), **versions()},
            machine={"system": platform.platform(), "cpus": os.cpu_count()},
            engines=self.engines,
            seconds=round(seconds_of(rows), 1),
            samples_file=samples_path(self.out).name,
            step=self.step,
            benchmarks=[self._result(benchmark, journal) for benchmark in self.prepared],
        )
        write_results(self.out, results)
        return results

    def _result(self, benchmark: Prepared, journal: Journal) -> BenchmarkResult:
        return benchmark_result(benchmark, journal.rows, self.config.pass_at)


def settings_of(
    config: EvaluationConfig, chat_template: str, stop: Sequence[str], options: Mapping[str, Any]
) -> Settings:
    """chat_template: as it came out, `none` for a model that has none."""
    return Settings(
        top_p=config.top_p,
        top_k=config.top_k,
        min_p=config.min_p,
        max_response_tokens=config.max_response_tokens,
        thinking_tokens=config.thinking_tokens,
        thinking_end=config.thinking_end,
        system_prompt=config.system_prompt,
        chat_template=chat_template,
        template_options=dict(options),
        stop=list(stop),
        seed=config.seed,
    )
