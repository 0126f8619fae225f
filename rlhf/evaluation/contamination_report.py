"""`rlhf contamination`: training prompts against benchmark questions; what was found, printed and as JSON lines."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.status import Status
from rich.text import Text

from rlhf.data.errors import BadRowError, DataError
from rlhf.evaluation.contamination import ProblemMatch, RowMatch, scan
from rlhf.evaluation.contamination_index import build_index
from rlhf.evaluation.contamination_read import read_texts
from rlhf.evaluation.contamination_render import ContaminationResult, rendered
from rlhf.evaluation.problem import Problem
from rlhf.metrics.text import one_line

SHOWN_FAULTS = 5
HOPELESS = 20  # rows without a text, and none with, before a file is given up
_NOTE_S = 5.0


def run_contamination(
    train: str,
    problems_by_benchmark: Mapping[str, Sequence[Problem]],
    n: int,
    field: str,
    out: Path | None,
    show: int,
    console: Console,
    notes: Console | None = None,
) -> ContaminationResult:
    """Scans, prints what was found with the words of the first `show` questions a benchmark, and writes `out`.

    train, field: see read_texts. out: JSON lines, one for each benchmark, then one for each match, as far as they are
    kept. notes: where progress goes, default stderr. Raises DataError, and RecipeError for a recipe.
    """
    _check(train, problems_by_benchmark, n, out)
    if show < 0:
        raise DataError("--show", f"found {show}; write how many questions to show, 0 or more")
    index = build_index(problems_by_benchmark, n)
    readable = _Readable(train)
    with _Pace(notes or Console(stderr=True, highlight=False)) as pace:
        found = scan(readable.of(train, field), index, pace)
    result = ContaminationResult(train, n, found, readable.unreadable, tuple(readable.faults))
    if out is not None:
        write_matches(result, out)
    for part in rendered(result, show):
        console.print(part, soft_wrap=isinstance(part, Text))
    if out is not None:
        console.print(Text(one_line(f"matches: {out}")), soft_wrap=True)
    return result


def _check(train: str, problems_by_benchmark: Mapping[str, Sequence[Problem]], n: int, out: Path | None) -> None:
    if n < 1:
        raise DataError("--n", f"found {n}; write how many words an n-gram has, 1 or more, e.g. 13")
    for name, problems in problems_by_benchmark.items():
        if not problems:
            raise DataError(name, "has no problems to look for; name another benchmark or --data-dir")
    if out is None:
        return
    if not out.parent.is_dir() or out.is_dir():
        raise DataError(str(out), "cannot be written: name a file in a folder that is there in --out")
    if out.resolve() == Path(train).expanduser().resolve():
        raise DataError(str(out), "is the training file itself; name another file in --out")


@dataclass(slots=True)
class _Readable:
    """The rows that have a text; the others are counted here, and give up a file in which none has one."""

    train: str
    texts: int = 0
    unreadable: int = 0
    faults: list[str] = field(default_factory=list)

    def of(self, train: str, name: str) -> Iterator[tuple[str, str]]:
        first: BadRowError | None = None
        for item in read_texts(train, name):
            if not isinstance(item, BadRowError):
                self.texts += 1
                yield item
                continue
            first = first or item
            self.unreadable += 1
            if len(self.faults) < SHOWN_FAULTS:
                self.faults.append(str(item))
            if self.unreadable >= HOPELESS and not self.texts:
                break
        if not self.texts:
            raise first or DataError(self.train, "has no rows; name the file with the training prompts")


class _Pace:
    """Says now and then how far the scan is: in place on a terminal, as lines elsewhere."""

    def __init__(self, notes: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._notes, self._clock = notes, clock
        self._start = self._said = clock()
        self._status = Status("looking for the questions", console=notes)

    def __enter__(self) -> _Pace:
        self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._status.stop()

    def __call__(self, rows: int, matched: int) -> None:
        now = self._clock()
        rate = rows / max(now - self._start, 1e-9)
        line = f"{rows:,} training prompts, {rate:,.0f} a second, {matched:,} questions found"
        if self._notes.is_terminal:
            self._status.update(line)
        elif now - self._said >= _NOTE_S:
            self._notes.print(Text(line), soft_wrap=True)
            self._said = now


def write_matches(result: ContaminationResult, path: Path) -> None:
    """JSON lines, written whole or not at all."""
    half = path.with_name(path.name + ".half")
    try:
        with half.open("w", encoding="ascii") as file:
            for record in records(result):
                file.write(json.dumps(record) + "\n")
        half.replace(path)
    except OSError as error:
        half.unlink(missing_ok=True)
        raise DataError(str(path), f"cannot be written: {error}") from error


def records(result: ContaminationResult) -> Iterator[dict[str, Any]]:
    for benchmark in result.scan.benchmarks:
        yield {
            "kind": "benchmark",
            "benchmark": benchmark.name,
            "train": result.train,
            "n": result.n,
            "rows": result.scan.rows,
            "unreadable": result.unreadable,
            "problems": benchmark.problems,
            "judged": benchmark.judged,
            "matched": len(benchmark.matches),
            "whole": benchmark.whole,
            "shared": benchmark.shared,
            "too_short": benchmark.too_short,
            "template": benchmark.template,
        }
    for benchmark in result.scan.benchmarks:
        for match in benchmark.matches:
            yield from (_match_record(match, row) for row in match.best)


def _match_record(match: ProblemMatch, row: RowMatch) -> dict[str, Any]:
    return {
        "kind": "match",
        "benchmark": match.benchmark,
        "problem": match.problem,
        "coverage": match.coverage,
        "shared": match.shared,
        "rows": match.rows,
        "row": row.origin,
        "row_coverage": row.coverage,
        "words": row.words,
        "in_problem": dict(zip(("before", "matched", "after"), row.in_problem, strict=True)),
        "in_row": dict(zip(("before", "matched", "after"), row.in_row, strict=True)),
    }
