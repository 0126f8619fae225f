"""A comparison for a terminal. What a file holds is printed as plain text: no markup of rich, no escape sequence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rlhf.evaluation.compare_answers import Texts, read_texts, text_of, typical_sample, votes_line
from rlhf.evaluation.compare_results import Comparison
from rlhf.evaluation.comparison import BenchmarkComparison, Difference, Pair
from rlhf.evaluation.intervals import Interval
from rlhf.evaluation.results import ProblemResult
from rlhf.evaluation.tables import percent
from rlhf.metrics.text import one_line, terminal_text

MOST_CHARS, MOST_LINES = 1500, 40
Direction = Literal["better", "worse"]
DIRECTIONS: tuple[Direction, ...] = ("worse", "better")


def render_comparison(comparison: Comparison, shown: int) -> RenderableType:
    """Warnings, a table of all benchmarks, their bands, and of each at most `shown` flipped problems either way."""
    parts: list[RenderableType] = [_plain(f"warning: {line}", "yellow") for line in comparison.warnings]
    parts += [_sides(comparison), _overview(comparison)]
    if len(comparison.benchmarks) > 1:
        parts.append(Text("p-values are of each benchmark by itself: of 20, one is below 0.05 by chance", style="dim"))
    for side, names in (("A", comparison.only_a), ("B", comparison.only_b)):
        if names:
            parts.append(_plain(f"only in {side}: {', '.join(names)}", "dim"))
    parts += [_bands(found) for found in comparison.benchmarks]
    parts += _flipped(comparison, shown)
    return Group(*parts)


def _sides(comparison: Comparison) -> Table:
    table = Table.grid(padding=(0, 2))
    for label, side in (("A", comparison.a), ("B", comparison.b)):
        model = side.results.model
        step = f", after {model.step} steps" if model.step is not None else ""
        table.add_row(label, _plain(f"{model.asked}{step} ({model.dtype})"), _plain(str(side.path), "dim"))
    return table


def _overview(comparison: Comparison) -> Table:
    table = Table(title="mean share of correct samples, paired by problem", title_justify="left")
    for column in ("benchmark", "", "%", "95% interval", "by"):
        table.add_column(column, justify="right" if column == "%" else "left")
    for found in comparison.benchmarks:
        better, worse = len(found.flips("better")), len(found.flips("worse"))
        table.add_row(_plain(found.name), "A", *_accuracy(found.accuracy_a))
        table.add_row(f"{len(found.pairs):,} problems", "B", *_accuracy(found.accuracy_b))
        table.add_row(f"{better:,} better, {worse:,} worse", "B − A", *_difference(found.difference), end_section=True)
    return table


def _accuracy(interval: Interval) -> tuple[str, str, str]:
    return percent(interval.value), f"{percent(interval.low)} to {percent(interval.high)}", interval.method


def _difference(difference: Difference) -> tuple[Text, str, str]:
    sure = difference.p_value < 0.05
    style = "" if not sure else "green" if difference.value > 0 else "red"
    p = "p < 0.001" if difference.p_value < 0.001 else f"p = {difference.p_value:.3f}"
    between = f"{_points(difference.low)} to {_points(difference.high)}"
    return Text(_points(difference.value), style=style), between, f"{difference.method}, {p}"


def _points(fraction: float) -> str:
    """`+4.3`, in hundredths."""
    text = f"{100 * fraction:+.1f}".replace("-", "−")
    return "0.0" if text in ("+0.0", "−0.0") else text


def _bands(found: BenchmarkComparison) -> RenderableType:
    table = Table()
    for column in ("share", "problems", "A %", "B %"):
        table.add_column(column, justify="left" if column == "share" else "right")
    for band in found.bands:
        shares = ("–" if value is None else percent(value) for value in (band.a, band.b))
        table.add_row(band.label, f"{band.n_problems:,}", *shares)
    return Group(_plain(f"{found.name} by difficulty: the share that A and B together solved", "italic"), table)


def _flipped(comparison: Comparison, shown: int) -> Iterator[RenderableType]:
    chosen = [
        (found, direction, pair)
        for found in comparison.benchmarks
        for direction in DIRECTIONS
        for pair in found.flips(direction)[:shown]
    ]
    wanted = {(found.name, pair.id) for found, _, pair in chosen}
    texts_a, texts_b = (read_texts(side, wanted) if wanted else Texts({}) for side in (comparison.a, comparison.b))
    for found, direction, pair in chosen:
        yield _flip(found.name, direction, pair, texts_a, texts_b)
    total = sum(len(found.flips(direction)) for found in comparison.benchmarks for direction in DIRECTIONS)
    if total > len(chosen):
        rest = f"{len(chosen):,} of the {total:,} problems that flipped are shown; --show {total} shows all"
        yield Text(rest, style="dim")


def _flip(benchmark: str, direction: Direction, pair: Pair, texts_a: Texts, texts_b: Texts) -> RenderableType:
    """One problem: what was asked, then both answers side by side."""
    heading = _plain(f"{benchmark}, problem {pair.id}: {direction}", "red" if direction == "worse" else "green")
    lines = [heading, _plain(f"question: {one_line(pair.before.question, 400)}")]
    if pair.before.reference is not None:
        lines.append(_plain(f"reference: {one_line(pair.before.reference)}"))
    table = Table(show_lines=True, expand=True)
    cells = []
    for label, problem, share, texts in (
        ("A", pair.before, pair.a, texts_a),
        ("B", pair.after, pair.b, texts_b),
    ):
        judged = problem.correct_S
        table.add_column(Text(f"{label}: {sum(judged)} of {len(judged)} correct"), ratio=1, overflow="fold")
        cells.append(_answer(benchmark, problem, share > 0.5, texts))
    table.add_row(*(_plain(f"answers: {votes_line(problem)}") for problem in (pair.before, pair.after)))
    table.add_row(*cells)
    return Group(Text(), *lines, table)


def _answer(benchmark: str, problem: ProblemResult, correct: bool, texts: Texts) -> Text:
    """A sample of the kind that prevails."""
    sample = typical_sample(problem, correct)
    if sample is None:
        return Text("no sample to show", style="dim")
    about = f"sample {sample}, {problem.statuses[sample]}, {problem.tokens[sample]:,} tokens"
    if problem.truncated[sample]:
        about += ", cut off"
    text, why = text_of(texts, benchmark, problem, sample)
    return Text.assemble((about, "dim"), "\n", (one_line(why, 400), "yellow") if why else _end_of(text))


def _end_of(text: str) -> str:
    """The last part of a response, where its answer is, safe to print."""
    clean = terminal_text(text)
    lines = clean[-MOST_CHARS:].splitlines()[-MOST_LINES:]
    kept = "\n".join(lines)
    left = len(clean) - len(kept)
    return f"(… {left:,} characters before)\n{kept}" if left > 1 else kept


def _plain(text: str, style: str = "") -> Text:
    return Text(one_line(text, 1000), style=style)
