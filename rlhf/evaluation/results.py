"""The results file of an evaluation: what was asked of which model, how, what came of it, with its intervals.

`results.json` holds numbers and, of every sample, its status, vote and length. The texts are in the journal beside it
(`results.samples.jsonl`), one line a sample; `run/journal.py` writes it while samples come.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from rlhf.evaluation.intervals import Interval
from rlhf.whole_file import write_whole
from verifiers.base import Status

KIND: Final = "longthought-evaluation"
FORMAT: Final = 1


class ResultsError(ValueError):
    """A results file that cannot be used: the message names the file, what was found, and what to do."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class Metric(_Part):
    """A number with its 95% interval. name: `avg@4`, `pass@4`, `maj@4`. Fractions from 0 to 1."""

    name: str
    value: float
    low: float
    high: float
    method: str
    n_problems: int
    n_samples: int

    @model_validator(mode="after")
    def _is_an_interval(self) -> Self:
        _ = self.interval  # raises ValueError for bounds in another order
        return self

    @classmethod
    def of(cls, name: str, interval: Interval) -> Metric:
        return cls(
            name=name,
            value=interval.value,
            low=interval.low,
            high=interval.high,
            method=interval.method,
            n_problems=interval.n_problems,
            n_samples=interval.n_samples,
        )

    @property
    def interval(self) -> Interval:
        return Interval(self.value, self.low, self.high, self.method, self.n_problems, self.n_samples)


class ProblemResult(_Part):
    """One problem and its samples, in the order of their index (axis S); all lists are as long as each other.

    statuses: of the verdicts; an `error` says nothing of the answer and counts in no number. votes: the canonical
    answer, None where there is none. tokens: of the response. truncated: ended by the limit on tokens.
    """

    id: str
    question: str
    reference: str | None
    category: str | None
    statuses: list[Literal["correct", "wrong", "unparsed", "timeout", "error"]]
    votes: list[str | None]
    tokens: list[int]
    truncated: list[bool]

    @model_validator(mode="after")
    def _is_even(self) -> Self:
        if len({len(column) for column in (self.statuses, self.votes, self.tokens, self.truncated)}) != 1:
            raise ValueError(f"problem {self.id}: statuses, votes, tokens and truncated differ in length")
        return self

    @property
    def correct_S(self) -> list[bool]:
        """Of the samples that a verifier could judge."""
        return [status == Status.CORRECT for status in self.statuses if status != Status.ERROR]

    @property
    def votes_S(self) -> list[str | None]:
        """Of the same samples."""
        return [vote for vote, status in zip(self.votes, self.statuses, strict=True) if status != Status.ERROR]


class Lengths(_Part):
    """Of responses, in tokens."""

    mean: float
    least: int
    p10: float
    median: float
    p90: float
    most: int


class SourceFacts(_Part):
    """Where the problems came from. revision: `unverified` where nobody has checked one against a source; commit: of
    the hub, what was loaded; file and sha256: of a file that was read."""

    kind: Literal["hub", "file", "reasoning_gym"]
    name: str
    subset: str | None = None
    split: str | None = None
    revision: str | None = None
    commit: str | None = None
    file: str | None = None
    sha256: str | None = None


class BenchmarkResult(_Part):
    """seconds: from its first request to its last verdict in this file's runs, overlapping other benchmarks'.

    truncation, extraction, forced: rates over samples without an error (extraction: an answer could be read; forced:
    the thinking part was ended by its budget). timeouts, errors: counts. left_out: problems none of whose samples could
    be judged. instruction: as wrapped around a question.
    """

    name: str
    summary: str
    licence: str
    source: SourceFacts
    errata: list[str]
    verifier: str
    verifier_config: dict[str, Any]
    instruction: str
    few_shot: int
    samples: int
    temperature: float
    metrics: list[Metric]
    categories: dict[str, Metric]
    extraction: float
    truncation: float
    forced: float = 0.0
    timeouts: int
    errors: int
    left_out: int
    lengths: Lengths
    tokens: int
    seconds: float
    problems: list[ProblemResult]

    def metric(self, name: str) -> Metric | None:
        return next((metric for metric in self.metrics if metric.name == name), None)


class ModelFacts(_Part):
    """asked: as the command named it. path: the folder that was loaded. step: of a run's checkpoint.

    fingerprint: changes with the weights' files (names, sizes) and the configuration.
    """

    asked: str
    path: str
    revision: str | None
    commit: str | None
    step: int | None
    fingerprint: str
    dtype: str


class Settings(_Part):
    """How answers were asked for; the same for every benchmark of the file, but for what a benchmark's own part says.

    chat_template: `model` (the tokenizer's own), `none` (plain text), or the file that was used.
    thinking_tokens: the budget of the thinking part, None for no limit of its own.
    """

    top_p: float
    top_k: int
    min_p: float
    max_response_tokens: int
    thinking_tokens: int | None
    thinking_end: str
    system_prompt: str | None
    chat_template: str
    template_options: dict[str, Any]
    stop: list[str]
    seed: int


class Results(_Part):
    """A whole file. seconds: from first request to last verdict, of all runs that wrote it; engines: of the last."""

    kind: Literal["longthought-evaluation"] = "longthought-evaluation"
    format: Literal[1] = 1
    created: str
    model: ModelFacts
    settings: Settings
    versions: dict[str, str]
    machine: dict[str, Any]
    engines: int
    seconds: float
    samples_file: str = Field(description="name of the journal, in the same folder")
    step: int | None = Field(None, description="of a training run that evaluated itself: optimizer steps done")
    benchmarks: list[BenchmarkResult]

    def benchmark(self, name: str) -> BenchmarkResult | None:
        return next((result for result in self.benchmarks if result.name == name), None)


def samples_path(results: Path) -> Path:
    """The journal of a results file: `r.json` -> `r.samples.jsonl`."""
    return results.with_name(f"{results.stem}.samples.jsonl")


def write_results(path: Path, results: Results) -> None:
    """Atomically: a reader finds the old file or the new one, never a part. Raises ResultsError where it cannot."""
    text = json.dumps(results.model_dump(), indent=1, ensure_ascii=True, allow_nan=False) + "\n"
    try:
        write_whole(path, text.encode("ascii"))
    except OSError as error:
        raise ResultsError(f"{path}: cannot be written: {error}; the samples are kept beside it") from error


def read_results(path: Path) -> Results:
    """Raises ResultsError for a file that is missing, no results, of another version, or damaged."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ResultsError(f"{path}: no such file; write the --out file of `rlhf eval`") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ResultsError(f"{path}: cannot be read as JSON ({error}); write the --out file of `rlhf eval`") from error
    if not isinstance(data, Mapping) or data.get("kind") != KIND:
        raise ResultsError(f"{path}: holds no results of `rlhf eval` (no kind {KIND!r}); write its --out file")
    if data.get("format") != FORMAT:
        raise ResultsError(
            f"{path}: format {data.get('format')!r}; this version reads {FORMAT}: evaluate again, or use the version "
            "of longthought that wrote it"
        )
    try:
        return Results.model_validate(data)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ResultsError(f"{path}: {where}: {first['msg']} (found {first['input']!r:.80})") from error


def common_benchmarks(a: Results, b: Results) -> Sequence[str]:
    """Names that both hold, in the order of the first."""
    return [result.name for result in a.benchmarks if b.benchmark(result.name) is not None]
