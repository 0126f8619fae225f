"""Results for a terminal: a table a file, with every number's interval and how it was made."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rlhf.evaluation.results import BenchmarkResult, Metric, Results
from rlhf.metrics.live import duration
from rlhf.metrics.text import one_line

SHOWN_CATEGORIES = 12


def results_table(results: Results) -> RenderableType:
    """One row a number. Text of a file is cleaned: it may have come from anywhere."""
    model, settings = results.model, results.settings
    step = f", after {model.step} steps" if model.step is not None else ""
    table = Table(title=Text(one_line(f"{model.asked}{step} ({model.dtype})")), title_justify="left")
    table.add_column("benchmark", overflow="fold", ratio=2)
    table.add_column("measure", no_wrap=True)
    table.add_column("%", justify="right", no_wrap=True)
    table.add_column("95% interval", no_wrap=True)
    table.add_column("by", ratio=2)
    for benchmark in results.benchmarks:
        for number, metric in enumerate(benchmark.metrics):
            name = one_line(benchmark.name) if number == 0 else ""
            table.add_row(
                Text(name), metric.name, percent(metric.value), _interval(metric), Text(one_line(metric.method))
            )
        table.add_section()
    facts = [Text(line) for benchmark in results.benchmarks for line in _facts(benchmark)]
    budget = f"at most {settings.max_response_tokens:,} tokens"
    if settings.thinking_tokens is not None:
        budget = f"thinking in at most {settings.thinking_tokens:,} tokens, then {budget}"
    total = sum(benchmark.tokens for benchmark in results.benchmarks)
    speed = f", {total / results.seconds:,.0f} a second" if results.seconds else ""
    last = Text(f"{total:,} tokens in {duration(results.seconds)}{speed}; {budget} an answer", style="dim")
    return Group(table, *facts, last)


def _facts(benchmark: BenchmarkResult) -> list[str]:
    lengths = benchmark.lengths
    how = "greedy" if benchmark.temperature == 0 else f"temperature {benchmark.temperature:g}"
    each = "1 sample" if benchmark.samples == 1 else f"{benchmark.samples} samples"
    parts = [
        f"{len(benchmark.problems):,} problems, {each} each ({how})",
        f"{percent(benchmark.extraction)}% with an answer that could be read",
        f"{percent(benchmark.truncation)}% cut off",
        f"length {lengths.median:,.0f} (10th to 90th percentile {lengths.p10:,.0f} to {lengths.p90:,.0f})",
    ]
    if benchmark.forced:
        parts.append(f"{percent(benchmark.forced)}% with their thinking ended by its budget")
    if benchmark.timeouts:
        parts.append(f"{benchmark.timeouts:,} timeouts")
    if benchmark.errors:
        parts.append(
            f"{benchmark.errors:,} samples without a verdict, counted nowhere (the same command judges them again)"
        )
    if benchmark.left_out:
        parts.append(f"{benchmark.left_out:,} problems left out for want of any")
    if benchmark.errata:
        parts.append(f"errata {', '.join(benchmark.errata)}")
    lines = [f"{one_line(benchmark.name)}: {', '.join(parts)}"]
    if 1 < len(benchmark.categories) <= SHOWN_CATEGORIES:
        each = ", ".join(f"{one_line(name, 40)} {percent(m.value)}" for name, m in benchmark.categories.items())
        lines.append(f"  by category: {each}")
    return lines


def _interval(metric: Metric) -> str:
    return f"{percent(metric.low)} to {percent(metric.high)}"


def percent(fraction: float) -> str:
    """`43.8`; what is not quite 0 or 1 does not look like it."""
    shown = f"{100 * fraction:.1f}"
    if fraction > 0 and shown == "0.0":
        return "<0.1"
    return ">99.9" if fraction < 1 and shown == "100.0" else shown
