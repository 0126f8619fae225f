"""What a search for contamination found, as people read it on a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.table import Table
from rich.text import Text

from rlhf.evaluation.contamination import BenchmarkScan, Excerpt, ProblemMatch, Scan
from rlhf.evaluation.contamination_index import SHORTEST, TEMPLATE
from rlhf.metrics.text import one_line

_WIDTH = 400  # characters of an excerpt's part


@dataclass(frozen=True, slots=True)
class ContaminationResult:
    """unreadable: rows without a text, which were passed over; faults: some of them, a line each."""

    train: str
    n: int
    scan: Scan
    unreadable: int
    faults: tuple[str, ...]

    @property
    def worst_share(self) -> float:
        """The highest share, among the benchmarks, of judged questions that were found by more than common words: what
        --fail-above is about."""
        return max((benchmark.share for benchmark in self.scan.benchmarks), default=0.0)


def rendered(result: ContaminationResult, show: int) -> Iterator[Table | Text]:
    """The table, what could not be judged, and the words of the first `show` questions of each benchmark."""
    found = result.scan
    yield Text(
        f"{found.rows:,} training prompts of {_safe(result.train)}, by {result.n}-grams of words: "
        f"{found.matched_rows:,} have words of a question"
    )
    yield _table(found.benchmarks)
    yield from (Text(line) for benchmark in found.benchmarks for line in _remarks(benchmark, result.n))
    if result.unreadable:
        yield Text(f"{result.unreadable:,} rows have no text to look at, and were passed over:", style="yellow")
        yield from (Text(f"  {_safe(fault)}") for fault in result.faults)
    for benchmark in found.benchmarks:
        for match in benchmark.matches[:show]:
            yield from _shown(match)
        if 0 < show < len(benchmark.matches):
            yield Text(f"\n{_safe(benchmark.name)}: {len(benchmark.matches) - show:,} more; --show and --out show them")


def _table(benchmarks: Sequence[BenchmarkScan]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("benchmark")
    for name in ("questions", "judged", "found", "share", "whole", "common words only"):
        table.add_column(name, justify="right")
    for b in benchmarks:
        numbers = [f"{b.problems:,}", f"{b.judged:,}", f"{len(b.matches):,}", f"{b.share:.1%}", f"{b.whole:,}"]
        table.add_row(Text(_safe(b.name)), *numbers, f"{b.shared:,}")
    return table


def _remarks(benchmark: BenchmarkScan, n: int) -> Iterator[str]:
    name = _safe(benchmark.name)
    if benchmark.too_short:
        yield f"{name}: not judged, as they have fewer than {min(n, SHORTEST)} words: {_listed(benchmark.too_short)}"
    if benchmark.template:
        yield (
            f"{name}: not judged, as more than {TEMPLATE} questions share each of their {n}-grams: "
            f"{_listed(benchmark.template)}"
        )


def _listed(ids: Sequence[str], most: int = 10) -> str:
    more = f" and {len(ids) - most:,} more" if len(ids) > most else ""
    return f"{len(ids):,} ({', '.join(_safe(one) for one in ids[:most])}{more})"


def _shown(match: ProblemMatch) -> Iterator[Text]:
    row = match.best[0]
    rows = "1 training prompt" if match.rows == 1 else f"{match.rows:,} training prompts"
    common = ", all of them words of other questions too" if match.shared else ""
    yield Text(
        f"\n{_safe(match.benchmark)} {_safe(match.problem)}: {match.coverage:.0%} of it in {rows}{common}", style="bold"
    )
    yield _marked("question", row.in_problem)
    yield _marked(_safe(row.origin), row.in_row)
    others = ", ".join(f"{_safe(other.origin)} ({other.coverage:.0%})" for other in match.best[1:])
    if others:
        yield Text(f"  also {others}")


def _marked(name: str, excerpt: Excerpt) -> Text:
    """The matched words between « and », so that they are told from the rest where there are no colours."""
    before, matched, after = map(_safe, excerpt)
    return Text.assemble((f"  {name}: ", "dim"), f"{before} «".lstrip(), (matched, "yellow"), f"» {after}")


def _safe(text: str) -> str:
    """On one line, without control characters, and such that UTF-8 can hold it."""
    return one_line(text.encode("utf-8", "backslashreplace").decode("utf-8"), _WIDTH)
