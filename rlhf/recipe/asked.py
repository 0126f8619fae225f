"""An evaluation's benchmarks as they will be asked: every entry with what the section and its table add to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from rlhf.recipe.checks_verifier import CODE
from rlhf.recipe.evaluation_schema import BenchmarkConfig, EvaluationConfig

if TYPE_CHECKING:
    from rlhf.evaluation.benchmarks import Benchmark

GENERATED = "reasoning_gym:"
"""What the name of a benchmark that is made here begins with; the task's follows."""

SAMPLED_TEMPERATURE = 0.6
"""Of several samples of a problem, unless a recipe says otherwise (DeepSeek-R1, arXiv 2501.12948, section 3)."""

Kind = Literal["table", "file", "reasoning_gym"]


@dataclass(frozen=True, slots=True)
class Asked:
    """key: dotted path of the entry. table: what is known of the benchmark; None for a file of one's own, and where
    nothing is known of the name: unknown then says why.

    samples: answers to every problem. temperature: 0 is greedy. verifier: None where nothing names one.
    config: the verifier's settings, the entry's over the table's.
    """

    key: str
    entry: BenchmarkConfig
    kind: Kind
    samples: int
    temperature: float
    verifier: str | None
    config: Mapping[str, Any]
    table: Benchmark | None = None
    unknown: str = ""

    @property
    def name(self) -> str:
        return self.entry.name

    @property
    def task(self) -> str:
        """Of reasoning_gym."""
        return self.name.removeprefix(GENERATED)


def asked_of(evaluation: EvaluationConfig) -> list[Asked]:
    """In the order of the entries."""
    return [_asked(entry, evaluation, f"evaluation.benchmarks.{i}") for i, entry in enumerate(evaluation.benchmarks)]


def _asked(entry: BenchmarkConfig, evaluation: EvaluationConfig, key: str) -> Asked:
    table, unknown = None, ""
    kind = kind_of(entry)
    if kind != "file":
        from rlhf.evaluation.benchmarks import find

        try:
            table = find(entry.name)
        except ValueError as error:
            unknown = str(error)
    samples = entry.samples or evaluation.samples or (table.samples if table is not None else 1)
    verifier = entry.verifier or (table.verifier if table is not None else None)
    # Another verifier than the table's has settings of its own.
    base = table.config if table is not None and verifier == table.verifier else {}
    return Asked(
        key=key,
        entry=entry,
        kind=kind,
        samples=samples,
        temperature=temperature_of(entry, evaluation, samples),
        verifier=verifier,
        config={**base, **entry.config},
        table=table,
        unknown=unknown,
    )


def kind_of(entry: BenchmarkConfig) -> Kind:
    """Whose problems they are: of the table, of a file of one's own, or made by reasoning-gym."""
    if entry.file is not None:
        return "file"
    return "reasoning_gym" if entry.name.startswith(GENERATED) else "table"


def temperature_of(entry: BenchmarkConfig, evaluation: EvaluationConfig, samples: int) -> float:
    """What is asked for, else greedy for a single sample."""
    for asked in (entry.temperature, evaluation.temperature):
        if asked is not None:
            return asked
    return 0.0 if samples == 1 else SAMPLED_TEMPERATURE


def pass_at_of(pass_at: Sequence[int], samples: int) -> list[int]:
    """The k of pass@k, as `rlhf.evaluation.estimators.metrics_of` has them: those asked for, else 2, 4, … and the
    samples themselves; pass@1 is avg."""
    if pass_at:
        return sorted(set(pass_at))
    return sorted({2**i for i in range(1, samples.bit_length())} | ({samples} if samples > 1 else set()))


def metric_names(evaluation: EvaluationConfig) -> Iterator[str]:
    """What a training run with this section writes into its metrics, as far as the recipe tells."""
    for asked in asked_of(evaluation):
        yield f"eval/{asked.name}/avg"
        yield from (f"eval/{asked.name}/pass_at_{k}" for k in pass_at_of(evaluation.pass_at, asked.samples))
        if asked.samples > 1 and asked.verifier != CODE:  # programs do not vote
            yield f"eval/{asked.name}/maj"
