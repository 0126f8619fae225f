"""An evaluation on paper: what is asked, what an earlier process left, and the results once nothing is missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from rlhf.evaluation.results import (
    BenchmarkResult,
    ModelFacts,
    Results,
    ResultsError,
    Settings,
    read_results,
    samples_path,
    write_results,
)
from rlhf.evaluation.run.contents import changed_versions, contents_of, require_same
from rlhf.evaluation.run.finish import NothingJudgedError, benchmark_result, seconds_of
from rlhf.evaluation.run.journal import Journal, locked, read_journal
from rlhf.evaluation.run.tasks import Prepared, Task, tasks_of
from rlhf.recipe.evaluation_schema import EvaluationConfig
from rlhf.run_folder import machine, versions

Note = Callable[[str], None]


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

    def open(self, restart: bool = False, note: Note = print) -> Journal:
        """The journal, gone on with where it holds the same. Raises ResultsError where it holds something else.

        restart: what an earlier process left is moved to `….before-1`, not removed.
        """
        if self.out.is_dir() or not self.out.name:
            raise ResultsError(f"{self.out}: is a folder; write the name of a file, e.g. {self.out / 'results.json'}")
        path, asked = samples_path(self.out), self.asked
        file = locked(path)
        try:
            if restart and path.stat().st_size:
                file = _moved_away(path, file)
            found = read_journal(path)
            for line in changed_versions(found.asked, asked):
                note(f"warning: {line}")
            return Journal(file, found, require_same(found.asked, asked, path))
        except BaseException:
            file.close()
            raise

    @property
    def asked(self) -> dict[str, Any]:
        """What its journal says that it holds."""
        return contents_of(self.model, self.settings, self.prepared)

    def tasks(self, journal: Journal) -> list[Task]:
        return list(tasks_of(self.prepared, journal.rows))

    def total(self) -> int:
        return sum(len(benchmark.prompts) * benchmark.samples for benchmark in self.prepared)

    def finish(self, journal: Journal) -> Finished:
        """Write the results of a complete journal. One benchmark's failure is no other's.

        Raises ResultsError if a sample is missing, or if no benchmark has a result.
        """
        results, failures = [], []
        for benchmark in self.prepared:
            try:
                results.append(benchmark_result(benchmark, journal.rows, self.config.pass_at))
            except NothingJudgedError as error:
                failures.append(str(error))
        if not results:
            raise ResultsError("; ".join(failures))
        mine = {benchmark.name for benchmark in self.prepared}
        kept = [result for result in self._earlier() if result.name not in mine]
        return Finished(self._written([*kept, *results], journal), tuple(failures))

    def _earlier(self) -> list[BenchmarkResult]:
        """Results of other benchmarks, of the same model asked in the same way, which the file holds already."""
        if not self.out.is_file():
            return []
        earlier = read_results(self.out)
        same = earlier.model.fingerprint == self.model.fingerprint and earlier.settings == self.settings
        return list(earlier.benchmarks) if same else []

    def _written(self, benchmarks: Sequence[BenchmarkResult], journal: Journal) -> Results:
        names = {benchmark.name for benchmark in benchmarks}
        results = Results(
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            model=self.model,
            settings=self.settings,
            versions=versions(),
            machine=machine(),
            engines=self.engines,
            seconds=round(seconds_of(row for row in journal.rows.values() if row.benchmark in names), 1),
            samples_file=samples_path(self.out).name,
            step=self.step,
            benchmarks=list(benchmarks),
        )
        write_results(self.out, results)
        return results


@dataclass(frozen=True, slots=True)
class Finished:
    """failures: of benchmarks that have no result, a line each."""

    results: Results
    failures: tuple[str, ...]


def _moved_away(path: Path, file: BinaryIO) -> BinaryIO:
    """The journal under another name; a new one in its place, held before the old one is let go of."""
    number = 1
    while (before := path.with_name(f"{path.name}.before-{number}")).exists():
        number += 1
    path.replace(before)
    try:
        return locked(path)
    finally:
        file.close()
