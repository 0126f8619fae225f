"""A panel a benchmark: what was asked, a table with a column a source, and its drawings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlhf.evaluation.report.benchmark_charts import Shown, average, charts_of
from rlhf.evaluation.report.chart import Chart
from rlhf.evaluation.report.plain import cut
from rlhf.evaluation.report.series import short
from rlhf.evaluation.report.sources import Source
from rlhf.evaluation.results import BenchmarkResult, Metric, Results
from rlhf.metrics.live import duration

LONGEST = 1_000  # characters of a fact, an instruction among them


@dataclass(frozen=True, slots=True)
class Cell:
    """A value, and what is said of it in small print: its interval, how it came about."""

    value: str
    small: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    cells: Sequence[Cell]
    note: str = ""


@dataclass(frozen=True, slots=True)
class BenchmarkPanel:
    """columns: css class, source, of what moment. facts: what holds of all columns; differing: what does not."""

    name: str
    summary: str
    facts: Sequence[tuple[str, str]]
    differing: Sequence[str]
    columns: Sequence[tuple[str, str, str]]
    rows: Sequence[Row]
    charts: Sequence[Chart]


def benchmark_panels(sources: Sequence[Source]) -> list[BenchmarkPanel]:
    """A panel for each benchmark that any source was evaluated on, in the order in which they come."""
    names: dict[str, None] = {}
    for source in sources:
        for evaluated in source.evaluations:
            names.update(dict.fromkeys(result.name for result in evaluated.results.benchmarks))
    return [_panel(name, sources) for name in names]


def _panel(name: str, sources: Sequence[Source]) -> BenchmarkPanel:
    held = [(source, *found) for source in sources if (found := source.benchmark(name)) is not None]
    results = [result for _, _, result in held]
    shown = [
        Shown(source.name, source.css if len(sources) > 1 else "c1", result, _by_step(source, name))
        for source, _, result in held
    ]
    columns = [(of.css, of.name, _moment(whole)) for of, (_, whole, _) in zip(shown, held, strict=True)]
    facts, differing = _facts(results)
    rows = _metric_rows(results) + _other_rows([(whole, result) for _, whole, result in held])
    return BenchmarkPanel(
        name, cut(results[0].summary, LONGEST), facts, differing, columns, rows, charts_of(name, shown)
    )


def _by_step(source: Source, name: str) -> list[tuple[int, Metric]]:
    points = []
    for evaluated in source.evaluations if source.run is not None else ():
        result = evaluated.results.benchmark(name)
        metric = average(result) if result else None
        if metric is not None and evaluated.results.step is not None:
            points.append((evaluated.results.step, metric))
    return points


def _moment(results: Results) -> str:
    step = results.step if results.step is not None else results.model.step
    return "" if step is None else f"step {step}"


def _facts(results: Sequence[BenchmarkResult]) -> tuple[list[tuple[str, str]], list[str]]:
    """What all were asked alike, and the names of what was not alike (numbers of such sources are not comparable)."""
    kinds: dict[str, Callable[[BenchmarkResult], str]] = {
        "problems": lambda r: str(len(r.problems)),
        "from": _origin,
        "licence": lambda r: r.licence,
        "verifier": lambda r: r.verifier,
        "verifier's settings": lambda r: ", ".join(f"{key}={value}" for key, value in r.verifier_config.items()),
        "instruction": lambda r: r.instruction,
        "answered examples": lambda r: str(r.few_shot) if r.few_shot else "",
        "errata": lambda r: ", ".join(r.errata),
    }
    facts, differing = [], []
    for name, of in kinds.items():
        values = {of(result) for result in results}
        if len(values) > 1:
            differing.append(name)
        elif value := values.pop():
            facts.append((name, cut(value, LONGEST)))
    return facts, differing


def _origin(result: BenchmarkResult) -> str:
    source = result.source
    parts = [source.name, source.subset, source.split and f"split {source.split}"]
    if source.commit:
        parts.append(f"commit {source.commit[:12]}")
    elif source.revision:
        parts.append(f"revision {source.revision}")
    if source.file:
        parts.append(f"file {source.file}")
    if source.sha256:
        parts.append(f"sha256 {source.sha256[:12]}")
    return ", ".join(part for part in parts if part)


def _metric_rows(results: Sequence[BenchmarkResult]) -> list[Row]:
    names: dict[str, None] = {}
    for result in results:
        names.update(dict.fromkeys(metric.name for metric in result.metrics))
    rows = []
    for name in sorted(names, key=_order):
        found = [result.metric(name) for result in results]
        methods = dict.fromkeys(metric.method for metric in found if metric)
        cells = [Cell(f"{m.value:.3f}", f"{m.low:.3f} to {m.high:.3f}") if m else Cell("–") for m in found]
        rows.append(Row(name, cells, "; ".join(methods)))
    return rows


def _order(metric: str) -> tuple[int, int]:
    """avg@n, then pass@k by k, then maj@n, then what else there may be."""
    kind, _, k = metric.partition("@")
    kinds = ("avg", "pass", "maj")
    return (kinds.index(kind) if kind in kinds else len(kinds), int(k) if k.isdecimal() else 0)


def _other_rows(held: Sequence[tuple[Results, BenchmarkResult]]) -> list[Row]:
    measures: list[tuple[str, str, Callable[[Results, BenchmarkResult], Cell]]] = [
        ("asked", "samples a problem, temperature, longest answer", _asked),
        ("answer read", "share of the responses an answer could be read of", lambda _, r: Cell(f"{r.extraction:.1%}")),
        ("truncated", "share that hit the limit on tokens", lambda _, r: Cell(f"{r.truncation:.1%}")),
        ("thinking ended", "share whose thinking spent its budget", lambda _, r: Cell(f"{r.forced:.1%}")),
        ("timeouts", "a verifier's limit spent on an answer; counts as wrong", lambda _, r: Cell(f"{r.timeouts:,}")),
        ("errors", "the verifier failed: in no number above", _errors),
        ("response length", "median tokens; 10th to 90th percentile", _length),
        ("tokens", "written in all", _tokens),
        ("time", "first request to last verdict; benchmarks overlap", lambda _, r: Cell(duration(r.seconds))),
    ]
    return [Row(label, [of(whole, result) for whole, result in held], note) for label, note, of in measures]


def _asked(whole: Results, result: BenchmarkResult) -> Cell:
    thinking = whole.settings.thinking_tokens
    longest = f"to {whole.settings.max_response_tokens:,} tokens" + (f", {thinking:,} of thinking" if thinking else "")
    return Cell(f"{result.samples} × T {result.temperature:g}", longest)


def _errors(_: Results, result: BenchmarkResult) -> Cell:
    return Cell(f"{result.errors:,}", f"{result.left_out} problems left out" if result.left_out else "")


def _length(_: Results, result: BenchmarkResult) -> Cell:
    of = result.lengths
    return Cell(f"{of.median:,.0f}", f"{of.p10:,.0f} to {of.p90:,.0f}, most {of.most:,}")


def _tokens(_: Results, result: BenchmarkResult) -> Cell:
    return Cell(short(result.tokens), f"{short(result.tokens / result.seconds)}/s" if result.seconds > 0 else "")
