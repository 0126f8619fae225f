"""A benchmark of your own: a file, and an entry of five lines.

- name: my_exam
  file: exam.jsonl
  prompt_field: question
  reference_field: answer
  verifier: math
"""

from __future__ import annotations

import difflib
from pathlib import Path

from rlhf.data.errors import DataError
from rlhf.evaluation.benchmarks.files import records_of, sha256_of
from rlhf.evaluation.benchmarks.records import Record
from rlhf.evaluation.benchmarks.registry import BENCHMARKS
from rlhf.evaluation.benchmarks.spec import BOXED, Benchmark
from rlhf.evaluation.problem import Problem
from rlhf.evaluation.results import SourceFacts
from rlhf.recipe.evaluation_schema import BenchmarkConfig
from verifiers.specs import VERIFIERS

_READ_A_BOX = ("math", "number", "choice", "quantity", "text", "logic")


def own_benchmark(config: BenchmarkConfig) -> Benchmark:
    """Its entry. Without an `instruction` a verifier that reads a box is asked for one, and for any other the question
    stands alone. Raises DataError for a name that is taken, or a verifier that is missing or lacks its gold."""
    if config.name in BENCHMARKS:
        raise DataError(f"benchmark {config.name}", "is a name of `rlhf list benchmarks`; give your file another")
    if config.verifier is None:
        raise DataError(
            f"benchmark {config.name}", "verifier is missing: write which judges its answers, e.g. verifier: math"
        )
    spec = VERIFIERS.get(config.verifier)
    if config.reference_field is None and spec is not None and spec.needs_reference:
        raise DataError(
            f"benchmark {config.name}",
            f"without gold answers {config.verifier} cannot judge it; write reference_field, or another verifier",
        )
    return Benchmark(
        config.name,
        f"your own, {config.file}",
        "own",
        hub=None,
        files=(),
        reader="",
        instruction=BOXED if config.verifier in _READ_A_BOX else "{question}",
        verifier=config.verifier,
        samples=1,
        licence=config.licence or "not stated",
        categories=config.category_field or "",
    )


def own_problems(config: BenchmarkConfig) -> tuple[tuple[Problem, ...], SourceFacts]:
    """Its rows, in order. Raises DataError."""
    path = Path(config.file or "").expanduser()
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else f"the path is taken from {Path.cwd()}"
        raise DataError(f"benchmark {config.name}", f"no file {config.file!r}; {hint}")
    problems = tuple(_problem(record, config) for record in records_of(path))
    return problems, SourceFacts(kind="file", name=path.name, file=str(path), sha256=sha256_of(path))


def _problem(record: Record, config: BenchmarkConfig) -> Problem:
    category = None
    if config.category_field is not None:
        category = record.optional(config.category_field)
        if category is None:
            raise record.bad(config.category_field, "found none; write text or a number, as category_field asks for")
    return Problem(
        record.id("id"),
        record.text(config.prompt_field),
        None if config.reference_field is None else record.gold(config.reference_field),
        {name: record.plain(name) for name in config.metadata_fields},
        category,
    )
