"""The two answers to a problem that flipped: texts from the journals beside the results, where those are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from rlhf.evaluation.compare_results import Side
from rlhf.evaluation.results import ProblemResult, ResultsError, samples_path
from rlhf.evaluation.run.journal import SampleRow, read_samples
from verifiers.base import Status


@dataclass(frozen=True, slots=True)
class Texts:
    """Responses by (benchmark, problem, sample). missing: why there are none, "" where there are."""

    found: dict[tuple[str, str, int], SampleRow]
    missing: str = ""


def read_texts(side: Side, problems: Collection[tuple[str, str]]) -> Texts:
    """Of these (benchmark, problem) alone: a journal may be large."""
    path = journal_of(side)
    if not path.is_file():
        return Texts({}, f"no texts: there is no {path}")
    try:
        rows = {row.key: row for row in read_samples(path) if (row.benchmark, row.problem) in problems}
    except ResultsError as error:
        return Texts({}, f"no texts: {error}")
    return Texts(rows)


def journal_of(side: Side) -> Path:
    """Beside the results by their name, else by the name that they were written with."""
    named = samples_path(side.path)
    return named if named.is_file() else side.path.with_name(Path(side.results.samples_file).name)


def typical_sample(problem: ProblemResult, correct: bool) -> int | None:
    """Index of the first judged sample that is (or is not) correct."""
    judged = enumerate(problem.statuses)
    return next(
        (i for i, status in judged if status != Status.ERROR and (status == Status.CORRECT) == correct),
        None,
    )


def text_of(texts: Texts, benchmark: str, problem: ProblemResult, sample: int) -> tuple[str, str]:
    """(text, ""), or ("", why there is none). A row that the results do not agree with is of another evaluation."""
    if texts.missing:
        return "", texts.missing
    row = texts.found.get((benchmark, problem.id, sample))
    if row is None:
        return "", "no text: the journal does not hold this sample"
    if row.status != problem.statuses[sample] or row.tokens != problem.tokens[sample]:
        return "", "no text: the journal beside the results is of another evaluation"
    return row.response, ""


def votes_line(problem: ProblemResult) -> str:
    """`18 (3 times), 20, no answer`: what the judged samples answered, the most frequent first."""
    counted = Counter("no answer" if vote is None else vote for vote in problem.votes_S)
    return ", ".join(vote if count == 1 else f"{vote} ({count} times)" for vote, count in counted.most_common())
