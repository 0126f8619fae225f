"""Small results files whose every sample a test writes itself: `c` correct, `w` wrong, `u` unparsed, `t` timeout, `e` error."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlhf.evaluation.estimators import lengths_of
from rlhf.evaluation.results import (
    BenchmarkResult,
    ModelFacts,
    ProblemResult,
    Results,
    Settings,
    SourceFacts,
    samples_path,
    write_results,
)

STATUSES = {"c": "correct", "w": "wrong", "u": "unparsed", "t": "timeout", "e": "error"}


def make_problem(name: str, letters: str, **changes: Any) -> ProblemResult:
    """Correct samples vote for the reference, `gold`; wrong ones for `off`; the others not."""
    values: dict[str, Any] = dict(
        id=name,
        question=f"What is {name}?",
        reference="gold",
        category=None,
        statuses=[STATUSES[letter] for letter in letters],
        votes=[{"c": "gold", "w": "off"}.get(letter) for letter in letters],
        tokens=[10 + i for i in range(len(letters))],
        truncated=[False] * len(letters),
    )
    return ProblemResult(**{**values, **changes})


def make_benchmark(name: str, problems: Mapping[str, str] | list[ProblemResult], **changes: Any) -> BenchmarkResult:
    if isinstance(problems, Mapping):
        problems = [make_problem(id, letters) for id, letters in problems.items()]
    values: dict[str, Any] = dict(
        name=name, summary="made up", licence="MIT",
        source=SourceFacts(kind="file", name=name, file=f"/data/{name}.jsonl", sha256="ab"),
        errata=[], verifier="math", verifier_config={}, instruction="{question}", few_shot=0,
        samples=max(len(problem.statuses) for problem in problems), temperature=0.6, metrics=[], categories={},
        extraction=1.0, truncation=0.0, timeouts=0, errors=0, left_out=0, lengths=lengths_of(problems),
        tokens=sum(sum(problem.tokens) for problem in problems), seconds=1.0, problems=problems,
    )  # fmt: skip
    return BenchmarkResult(**{**values, **changes})


def make_results(
    path: Path, *benchmarks: BenchmarkResult, model: str = "tiny", settings: Any = None, **changes: Any
) -> Path:
    """Written to path, which is returned."""
    chosen: dict[str, Any] = dict(
        top_p=1.0, top_k=0, min_p=0.0, max_response_tokens=64, thinking_tokens=None, thinking_end="</think>",
        system_prompt=None, chat_template="none", template_options={}, stop=[], seed=0,
    )  # fmt: skip
    values: dict[str, Any] = dict(
        created="2026-11-23T00:00:00+00:00",
        model=ModelFacts(
            asked=model, path="/m", revision=None, commit=None, step=None, fingerprint="f", dtype="float32"
        ),
        settings=Settings(**{**chosen, **(settings or {})}),
        versions={"longthought": "0.1.0"},
        machine={},
        engines=1,
        seconds=1.0,
        samples_file=samples_path(path).name,
        benchmarks=list(benchmarks),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    write_results(path, Results(**{**values, **changes}))
    return path


def make_journal(path: Path, *benchmarks: BenchmarkResult, text: str = "said {sample} of {problem}") -> None:
    """Of every sample of these benchmarks, as `rlhf eval` writes it."""
    about = {part: {} for part in ("model", "settings", "benchmarks", "versions")}
    lines: list[Any] = [{"kind": "longthought-evaluation-samples", "format": 1, "contents": about}, {"session": 0}]
    for benchmark in benchmarks:
        for problem in benchmark.problems:
            for sample, status in enumerate(problem.statuses):
                lines.append(
                    dict(
                        benchmark=benchmark.name, problem=problem.id, sample=sample,
                        response=text.format(sample=sample, problem=problem.id), status=status,
                        score=1.0 if status == "correct" else 0.0, extracted=problem.votes[sample],
                        vote=problem.votes[sample], reason="", tokens=problem.tokens[sample], truncated=False,
                        forced=False, seconds=0.1, began=0.0, ended=1.0, session=0,
                    )
                )  # fmt: skip
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="ascii")
