"""A stratified sample of an evaluation's problems with their answers, for the same browser as trajectories.

Of each benchmark, problems that some samples solve take turns with those that none and those that all solve, drawn by
the benchmark's name. Texts are in the journal beside the results; a journal may be large: only what is shown is kept.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from rlhf.evaluation.report.plain import NAME_CHARS, TEXT_CHARS, cut, fitting, number, size, verdict
from rlhf.evaluation.report.sources import Evaluated
from rlhf.evaluation.results import BenchmarkResult, ProblemResult
from rlhf.shown_samples import both_outcomes

PROBLEMS = 40
TOTAL_BYTES = 900_000
Row = dict[str, Any]
Place = tuple[str, str]  # benchmark, problem


@dataclass(slots=True)
class ProblemSample:
    """of: problems of the evaluation. shortened: shown with fewer samples or less text than the others.

    too_large: drawn, but do not fit even when cut to almost nothing.
    """

    groups: list[Row] = field(default_factory=list)
    of: int = 0
    shortened: int = 0
    too_large: int = 0
    missing: list[str] = field(default_factory=list)


def sample_problems(evaluated: Evaluated, problems: int = PROBLEMS, room: int = TOTAL_BYTES) -> ProblemSample:
    """problems, room: how much of a page they may take, in problems and bytes."""
    results = evaluated.results
    each = max(1, problems // max(1, len(results.benchmarks)))
    drawn = [[(result, problem) for problem in _draw(result, each)] for result in results.benchmarks]
    chosen = [pair for turn in zip_longest(*drawn) for pair in turn if pair is not None]  # no benchmark takes all room
    sample = ProblemSample(of=sum(len(result.problems) for result in results.benchmarks))
    texts = _read(evaluated, {(result.name, problem.id) for result, problem in chosen}, sample)
    for position, (result, problem) in enumerate(chosen):
        make = partial(_group, result, problem, texts.get((result.name, problem.id), {}), results.step)
        fits = fitting(make, room // (len(chosen) - position))  # what short ones leave is for those after them
        if fits is None:
            sample.too_large += 1
            continue
        group, limit = fits
        sample.shortened += limit < TEXT_CHARS
        sample.groups.append(group)
        room -= size(group)
    order = [result.name for result in results.benchmarks]
    sample.groups.sort(key=lambda group: order.index(group["benchmark"]))
    return sample


def _draw(result: BenchmarkResult, most: int) -> list[ProblemResult]:
    draw = random.Random(result.name)
    strata: list[list[ProblemResult]] = [[], [], []]
    for problem in result.problems:
        correct = problem.correct_S
        strata[0 if any(correct) and not all(correct) else 2 if any(correct) else 1].append(problem)
    for stratum in strata:
        draw.shuffle(stratum)
    found: list[ProblemResult] = []
    while len(found) < most and any(strata):
        found += [stratum.pop() for stratum in strata if stratum][: most - len(found)]
    return found


def _read(evaluated: Evaluated, wanted: set[Place], sample: ProblemSample) -> dict[Place, dict[int, Row]]:
    """The rows of the problems that are shown, by index; a later line takes an earlier one's place."""
    found: dict[Place, dict[int, Row]] = {}
    path = evaluated.path.parent / (Path(evaluated.results.samples_file).name or "its journal")  # nowhere but there
    if not path.is_file():
        sample.missing.append(f"{evaluated.path.name}: {path.name} is not beside it: no answers to show.")
        return found
    damaged = 0
    try:
        file = path.open("rb")
    except OSError as error:
        sample.missing.append(f"{path.name}: cannot be read ({error.strerror}): no answers to show.")
        return found
    with file:
        for line in file:
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                damaged += 1
                continue
            place = (row.get("benchmark"), row.get("problem")) if isinstance(row, dict) else None
            if place in wanted and type(row.get("sample")) is int:
                text = str(row.get("response", ""))
                ends = text if len(text) <= TEXT_CHARS else text[: TEXT_CHARS // 2] + text[-(TEXT_CHARS // 2) :]
                found.setdefault(place, {})[row["sample"]] = {**row, "response": ends, "length": len(text)}
    if damaged:
        sample.missing.append(f"{path.name}: {damaged} lines are torn or damaged and left out.")
    return found


def _group(
    result: BenchmarkResult, problem: ProblemResult, rows: dict[int, Row], step: int | None, most: int, limit: int
) -> Row:
    """most, limit: samples, and characters of each text."""
    correct = [status == "correct" for status in problem.statuses]
    return {
        "benchmark": result.name,
        "step": step,
        "prompt_id": cut(f"{result.name} {problem.id}", NAME_CHARS),
        "prompt": cut(problem.question, limit),
        "reference": None if problem.reference is None else cut(problem.reference, limit),
        "of": len(correct),
        "correct": sum(correct),
        "samples": [_sample(result, problem, i, rows.get(i), limit) for i in both_outcomes(correct, most)],
    }


def _sample(result: BenchmarkResult, problem: ProblemResult, index: int, row: Row | None, limit: int) -> Row:
    """row: of the journal, None where it holds none."""
    found = row or {"extracted": problem.votes[index], "reason": "", "score": None}
    status = problem.statuses[index]
    return {
        "text": cut(row["response"], limit, row["length"]) if row else "[the answer is not in the samples file]",
        "reward": number(found.get("score")),
        "status": status,
        "tokens": problem.tokens[index],
        "truncated": problem.truncated[index],
        "versions": [],
        "logp_mean": None,
        "verdicts": {result.verifier: verdict({**found, "status": status}, limit)},
    }


def sentence(name: str, sample: ProblemSample, benchmarks: Sequence[str]) -> str:
    """How the sample was taken, for the reader."""
    text = (
        f"{name}: {len(sample.groups)} of {sample.of} problems of {', '.join(benchmarks)}; those that some samples "
        "solve, that none and that all solve in turn, so their pass rate is not the benchmark's."
    )
    if sample.shortened:
        text += f" {sample.shortened} of them are shown with fewer answers or shorter ones, for want of room."
    if sample.too_large:
        text += f" {sample.too_large} more that were drawn are too large for the page."
    return text
