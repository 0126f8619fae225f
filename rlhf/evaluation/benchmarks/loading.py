"""From an entry of a recipe to problems: the files of --data-dir, else the hub; errata by name; every id once."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf.data.errors import DataError
from rlhf.evaluation.benchmarks.errata import corrected, require_known
from rlhf.evaluation.benchmarks.files import records_of, sha256_of
from rlhf.evaluation.benchmarks.gym import PREFIX, gym_problems
from rlhf.evaluation.benchmarks.hub import hub_records
from rlhf.evaluation.benchmarks.own import own_benchmark, own_problems
from rlhf.evaluation.benchmarks.records import Reader, Record
from rlhf.evaluation.benchmarks.registry import find
from rlhf.evaluation.benchmarks.spec import Benchmark
from rlhf.evaluation.problem import Problem
from rlhf.evaluation.results import SourceFacts
from rlhf.recipe.evaluation_schema import BenchmarkConfig

_SHOWN_FILES = 12


@dataclass(frozen=True, slots=True)
class Loaded:
    """benchmark: with the entry's own instruction, verifier and so on. errata: those of the asked-for ones that are in
    force."""

    benchmark: Benchmark
    problems: tuple[Problem, ...]
    source: SourceFacts
    errata: tuple[str, ...]


def load_benchmark(config: BenchmarkConfig, data_dir: Path | None, errata: Collection[str]) -> Loaded:
    """With `data_dir` nothing is ever downloaded. errata: names, of this and of other benchmarks.

    Raises DataError for a name, file, field or erratum that is not there, a row without gold, and an id that is there
    twice.
    """
    require_known(errata)
    benchmark = _resolved(config)
    problems, source = _read(config, benchmark, data_dir)
    if not problems:
        raise DataError(source.file or source.name, f"holds no problem of {benchmark.name}")
    _require_unique(problems, source)
    problems, applied = corrected(benchmark, problems, errata)
    return Loaded(benchmark, problems[: config.limit], source, applied)


def _resolved(config: BenchmarkConfig) -> Benchmark:
    """The table's entry, or the one of an own file, with what the recipe's entry has of its own."""
    if config.file is not None:
        base = own_benchmark(config)
    else:
        try:
            base = find(config.name)
        except ValueError as error:
            raise DataError("evaluation.benchmarks", str(error)) from error
    same_verifier = config.verifier in (None, base.verifier)
    made = dataclasses.replace(
        base,
        instruction=base.instruction if config.instruction is None else config.instruction,
        verifier=config.verifier or base.verifier,
        config={**(base.config if same_verifier else {}), **config.config},
        samples=config.samples or base.samples,
        licence=config.licence or base.licence,
    )
    if "{question}" not in made.instruction:
        raise DataError(
            f"benchmark {config.name}",
            f"instruction: found {made.instruction[:60]!r}; write {{question}} where the question is to stand",
        )
    return made


def _read(
    config: BenchmarkConfig, benchmark: Benchmark, data_dir: Path | None
) -> tuple[tuple[Problem, ...], SourceFacts]:
    if config.file is not None:
        return own_problems(config)
    if config.name.startswith(PREFIX):
        return gym_problems(config)
    if data_dir is not None:
        path = _file_of(benchmark, data_dir)
        source = SourceFacts(kind="file", name=path.name, file=str(path), sha256=sha256_of(path))
        return _problems(benchmark, records_of(path)), source
    assert benchmark.hub is not None
    records, source = hub_records(benchmark.hub, benchmark.files)
    return _problems(benchmark, records), source


def _problems(benchmark: Benchmark, records: Iterable[Record]) -> tuple[Problem, ...]:
    module, _, function = benchmark.reader.partition(":")
    read: Reader = getattr(importlib.import_module(module), function)
    return tuple(problem for record in records if (problem := read(record)) is not None)


def _file_of(benchmark: Benchmark, folder: Path) -> Path:
    if not folder.is_dir():
        raise DataError(f"data_dir {folder}", "is no folder; write the one with the benchmark files")
    for name in benchmark.files:
        if (folder / name).is_file():
            return folder / name
    there = sorted(path.name for path in folder.iterdir() if path.is_file())
    more = f" and {len(there) - _SHOWN_FILES} more" if len(there) > _SHOWN_FILES else ""
    raise DataError(
        f"data_dir {folder}",
        f"no file of {benchmark.name}: looked for {', '.join(benchmark.files)}; there is "
        f"{', '.join(there[:_SHOWN_FILES]) or 'nothing'}{more}; put one there, or leave data_dir out to load it from "
        "the hub",
    )


def _require_unique(problems: Sequence[Problem], source: SourceFacts) -> None:
    """Samples are kept by their problem's id."""
    seen: dict[str, int] = {}
    for number, problem in enumerate(problems, start=1):
        if problem.id in seen:
            raise DataError(
                source.file or source.name,
                f"problems {seen[problem.id]} and {number} have the same id {problem.id!r}; give each its own",
            )
        seen[problem.id] = number
