"""What a report is about: run folders and results of `rlhf eval`, each with a name and a colour of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rlhf.evaluation.report.load import RunData, load_run
from rlhf.evaluation.results import KIND, BenchmarkResult, Results, ResultsError, read_results

MOST = 8  # as many as there are colours
RUN_FILES = ("metrics.jsonl", "summary.json")
EVALUATIONS = "evaluations"  # folder of a run with what it evaluated of itself


class ReportError(ValueError):
    """No report can be built of what was named; the message says of what, and what to write."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """A results file and where it lies; its journal is beside it."""

    path: Path
    results: Results


@dataclass(slots=True)
class Source:
    """A run, with what it evaluated of itself in order of steps; or an evaluation, which has no run.

    name: distinct among the sources of a page. css: the class of its colour.
    """

    name: str
    css: str
    path: Path
    run: RunData | None
    evaluations: list[Evaluated]
    missing: list[str] = field(default_factory=list)

    @property
    def latest(self) -> Evaluated | None:
        return self.evaluations[-1] if self.evaluations else None

    def benchmark(self, name: str) -> tuple[Results, BenchmarkResult] | None:
        """The latest of that benchmark; a run may not evaluate every benchmark each time."""
        for evaluated in reversed(self.evaluations):
            if (found := evaluated.results.benchmark(name)) is not None:
                return evaluated.results, found
        return None


def load_sources(paths: Sequence[Path]) -> list[Source]:
    """The sources in the order in which they were named; one named twice is one.

    Raises ReportError for none or too many, FileNotFoundError for a path that is not there, ResultsError for a file
    that is no results of this version.
    """
    found: dict[Path, Source] = {}
    for path in paths:
        for source in _load(path):
            found.setdefault(source.path.resolve(), source)
    sources = list(found.values())
    if not sources:
        raise ReportError("a report of nothing: name a run folder or the --out file of `rlhf eval`")
    if len(sources) > MOST:
        raise ReportError(f"{len(sources)} runs on one page: it has colours for {MOST}; name fewer")
    for index, (source, name) in enumerate(zip(sources, _distinct(sources), strict=True)):
        source.name, source.css = name, f"c{index + 1}"
    return sources


def find_source(named: Path) -> Path:
    """A results file or a folder of such as it stands; else the run folder of that path or name.

    Raises RunFolderError where there is none, ReportError for a folder with a .json file that cannot be read.
    """
    from rlhf.run_folder import find_run

    as_it_stands = named.is_file() or _is_run(named) or (named.is_dir() and _results_in(named))
    return named if as_it_stands else find_run(named)


def _load(path: Path) -> list[Source]:
    if path.is_file():
        return [_evaluation(path)]
    if path.is_dir() and not _is_run(path) and (files := _results_in(path)):
        return [_evaluation(file) for file in files]
    run = load_run(path)
    source = Source(run.name, "", path, run, [])
    for file in sorted((path / EVALUATIONS).glob("step_*.json")):
        try:
            source.evaluations.append(Evaluated(file, _read(file)))
        except ResultsError as error:
            source.missing.append(f"An evaluation cannot be read: {error}")
    source.evaluations.sort(key=lambda evaluated: evaluated.results.step or 0)
    return [source]


def _evaluation(path: Path) -> Source:
    name = path.stem if path.stem != "results" else path.resolve().parent.name
    return Source(name, "", path, None, [Evaluated(path, _read(path))])


def _read(path: Path) -> Results:
    """Raises ResultsError, also for a number that lies outside its interval: it could not be drawn."""
    results = read_results(path)
    for result in results.benchmarks:
        for metric in (*result.metrics, *result.categories.values()):
            try:
                _ = metric.interval
            except ValueError as error:
                raise ResultsError(f"{path}: benchmark {result.name}, {metric.name}: {error}") from error
    return results


def _is_run(path: Path) -> bool:
    return any((path / name).is_file() for name in RUN_FILES)


def _results_in(folder: Path) -> list[Path]:
    """Files that begin as a results file does (its kind comes first). Raises ReportError for one that is unreadable."""
    files = []
    for path in sorted(folder.glob("*.json")):
        if not path.is_file():
            continue
        try:
            with path.open("rb") as file:
                begins = file.read(200)
        except OSError as error:
            raise ReportError(
                f"{path}: cannot be read ({error.strerror}); name the results files themselves"
            ) from error
        if f'"{KIND}"'.encode() in begins:
            files.append(path)
    return files


def _distinct(sources: Sequence[Source]) -> list[str]:
    """Names; where two are the same, with the folder above; where that does not help either, numbered."""
    names = [source.name for source in sources]
    names = [
        f"{source.path.resolve().parent.name}/{name}" if names.count(name) > 1 else name
        for source, name in zip(sources, names, strict=True)
    ]
    seen: Counter[str] = Counter()
    found = []
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name} ({seen[name]})")
    return found
