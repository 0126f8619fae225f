"""From a complete journal to the results: every sample once, none missing, none too many."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from rlhf.evaluation.estimators import categories_of, lengths_of, metrics_of
from rlhf.evaluation.results import BenchmarkResult, ProblemResult, ResultsError
from rlhf.evaluation.run.journal import Key, SampleRow
from rlhf.evaluation.run.tasks import Prepared
from verifiers.base import Status


class NothingJudgedError(ResultsError):
    """The verifier of a benchmark failed on every sample."""


def benchmark_result(prepared: Prepared, rows: Mapping[Key, SampleRow], pass_at: Sequence[int]) -> BenchmarkResult:
    """Raises ResultsError if a sample is missing, NothingJudgedError if none could be judged."""
    found = _checked(prepared, rows)
    judged = [row for row in found if not row.is_error]
    if not judged:
        raise NothingJudgedError(
            f"{prepared.name}: its verifier failed on every sample, e.g. {found[0].problem}: {found[0].reason}; "
            "nothing is lost: mend that, and the same command judges them again"
        )
    problems = _problems(prepared, rows)
    benchmark = prepared.loaded.benchmark
    some = [problem for problem in problems if problem.correct_S]
    return BenchmarkResult(
        name=prepared.name,
        summary=benchmark.summary,
        licence=benchmark.licence,
        source=prepared.loaded.source,
        errata=list(prepared.loaded.errata),
        verifier=benchmark.verifier,
        verifier_config=dict(benchmark.config),
        instruction=benchmark.instruction,
        few_shot=prepared.few_shot,
        samples=prepared.samples,
        temperature=prepared.temperature,
        metrics=metrics_of(some, prepared.samples, pass_at),
        categories=categories_of(some),
        extraction=_share(row.status != Status.UNPARSED for row in judged),
        truncation=_share(row.truncated for row in judged),
        forced=_share(row.forced for row in judged),
        timeouts=sum(row.status == Status.TIMEOUT for row in judged),
        errors=len(found) - len(judged),
        left_out=len(problems) - len(some),
        lengths=lengths_of(problems),
        tokens=sum(row.tokens for row in found),
        seconds=round(seconds_of(found), 1),
        problems=problems,
    )


def _checked(prepared: Prepared, rows: Mapping[Key, SampleRow]) -> list[SampleRow]:
    wanted = [
        (prepared.name, problem.id, sample)
        for problem in prepared.loaded.problems
        for sample in range(prepared.samples)
    ]
    missing = [key for key in wanted if key not in rows]
    if missing:
        raise ResultsError(
            f"{prepared.name}: {len(missing)} of {len(wanted)} samples are missing, e.g. {missing[0]}; the same "
            "command asks for them"
        )
    return [rows[key] for key in wanted]


def _problems(prepared: Prepared, rows: Mapping[Key, SampleRow]) -> list[ProblemResult]:
    results = []
    for problem in prepared.loaded.problems:
        of_it = [rows[(prepared.name, problem.id, sample)] for sample in range(prepared.samples)]
        results.append(
            ProblemResult(
                id=problem.id,
                question=problem.question,
                reference=problem.reference,
                category=problem.category,
                statuses=[row.status for row in of_it],  # type: ignore[misc] # pydantic checks them
                votes=[row.vote for row in of_it],
                tokens=[row.tokens for row in of_it],
                truncated=[row.truncated for row in of_it],
            )
        )
    return results


def seconds_of(rows: Iterable[SampleRow]) -> float:
    """Wall time from the first question to the last verdict, added up over the sessions that worked on them."""
    began: dict[int, float] = {}
    ended: dict[int, float] = defaultdict(float)
    for row in rows:
        began[row.session] = min(row.began, began.get(row.session, row.began))
        ended[row.session] = max(row.ended, ended[row.session])
    return sum(ended[session] - began[session] for session in began)


def _share(of: Iterable[bool]) -> float:
    flags = list(of)
    return sum(flags) / len(flags)
