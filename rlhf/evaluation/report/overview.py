"""The top of the page: how it came out, with the number and its interval; of several runs, in one table."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlhf.evaluation.intervals import Interval
from rlhf.evaluation.report import svg
from rlhf.evaluation.report.benchmark_charts import average
from rlhf.evaluation.report.load import RunData
from rlhf.evaluation.report.plain import cut
from rlhf.evaluation.report.series import short
from rlhf.evaluation.report.sources import Source
from rlhf.metrics import keys
from rlhf.metrics.live import duration

MOST_METRICS = 400  # of the table
ROW = 40  # pixels of a name with its interval below
Named = tuple[str, str, Interval]  # css class, name, number


@dataclass(frozen=True, slots=True)
class Outcome:
    """heldout, benchmarks: css class, name and number of each card. rows: of several sources, a line each."""

    heldout: Sequence[Named]
    benchmarks: Sequence[Named]
    verdict: str
    svg: str
    warmup: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class OverviewRow:
    """numbers: a name (`held-out before`, `gsm8k avg@4`) and an interval each."""

    css: str
    name: str
    model: str
    algorithm: str
    progress: str
    minutes: str
    numbers: Sequence[tuple[str, Interval]]


def outcome_of(source: Source) -> Outcome:
    """Of a page about one run or one evaluation."""
    summary = source.run.summary if source.run else None
    held = summary.heldout if summary else None
    before, after = (held.before, held.after) if held else (None, None)
    pairs = [(name, interval) for name, interval in (("before", before), ("after", after)) if interval]
    heldout = [(f"c{index + 1}", name, interval) for index, (name, interval) in enumerate(pairs)]
    verdict = ""
    if before and after:
        apart = "do not overlap" if not before.overlaps(after) else "overlap"
        verdict = f"{after.value - before.value:+.3f} absolute; the 95% intervals {apart}."
    elif before:
        verdict = "Accuracy after training has not been measured (yet)."
    warmup = [
        (str(k).replace("_", " "), short(v) if type(v) in (int, float) else str(v))
        for k, v in ((summary and summary.warmup) or {}).items()
    ]
    benchmarks = [("c1", name, interval) for name, interval in _benchmark_numbers(source)]
    drawn = intervals_svg(heldout or benchmarks[:12], "Accuracy with its 95% intervals")
    return Outcome(heldout, benchmarks, verdict, drawn, warmup)


def overview_of(sources: Sequence[Source]) -> list[OverviewRow]:
    """Of a page about several: a row each."""
    rows = []
    for source in sources:
        numbers = list(_benchmark_numbers(source))
        if source.run is None:
            results = source.evaluations[-1].results
            row = (source.css, source.name, results.model.asked, "–", "evaluation", short(results.seconds / 60))
        else:
            summary, recipe = source.run.summary, source.run.recipe_value
            held = summary.heldout if summary else None
            pairs = (("held-out before", held.before), ("held-out after", held.after)) if held else ()
            numbers = [(name, interval) for name, interval in pairs if interval] + numbers
            model, algorithm = str(recipe("policy.model") or "not known"), str(recipe("algorithm.name") or "not known")
            took = short(summary.seconds / 60) if summary else "not known"
            row = (source.css, source.name, model, algorithm, progress_of(source.run), took)
        rows.append(OverviewRow(*row, numbers))
    return rows


def overview_svg(rows: Sequence[OverviewRow]) -> str:
    """The last held-out accuracy of each run, where any has one."""
    last = [(row.css, row.name, interval) for row in rows for name, interval in row.numbers if name == "held-out after"]
    return intervals_svg(last, "Held-out accuracy after training, with 95% intervals")


def progress_of(run: RunData) -> str:
    """One sentence on how far the run came."""
    total = run.recipe_value("trainer.steps")
    done = run.summary.steps if run.summary else (run.steps[-1] if run.steps else 0)
    status = run.summary.status if run.summary else "not finished"
    of = f"{done} of {total} steps" if total is not None else f"{done} steps"
    parts = [f"{status}: {of}"]
    if run.summary:
        parts.append(f"in {duration(run.summary.seconds)}")
    speeds = [v for v in run.columns.get(keys.TOKENS_PER_S, []) if v is not None and math.isfinite(v)]
    if speeds:
        parts.append(f"at {short(statistics.median(speeds))} tokens/s (median step)")
    return _sentence(" ".join(parts))


def lead_of(sources: Sequence[Source]) -> str:
    """The line under the title."""
    if len(sources) > 1:
        runs = sum(source.run is not None for source in sources)
        counts = [(runs, "run"), (len(sources) - runs, "evaluation")]
        return " and ".join(f"{n} {word}{'s' if n > 1 else ''}" for n, word in counts if n)
    (source,) = sources
    if source.run is not None:
        return progress_of(source.run)
    results = source.evaluations[-1].results
    names = len(results.benchmarks)
    benchmarks = f"{names} benchmark{'s' if names > 1 else ''}"
    return _sentence(f"evaluation of {results.model.asked} on {benchmarks}, in {duration(results.seconds)}")


def intervals_svg(rows: Sequence[Named], title: str) -> str:
    """Each number with its interval on a line of its own from 0 to 1, its name above; empty for no rows."""
    if not rows:
        return ""
    x = svg.Scale(0, 1, svg.RIGHT + 4, svg.WIDTH - svg.RIGHT - 8)
    bottom = svg.TOP + ROW * len(rows)
    parts = [
        f'<path class="grid" d="M{svg.px(x(t))} {svg.TOP}V{bottom}"/>' + svg.text(x(t), bottom + 16, short(t), "tick")
        for t in (0, 0.25, 0.5, 0.75, 1)
    ]
    for index, (css, name, interval) in enumerate(rows):
        top = svg.TOP + ROW * index
        parts.append(svg.text(svg.RIGHT, top + 14, svg.clipped(name, f" · {interval.value:.3f}"), "tick name", "start"))
        parts.append(svg.lying(x, top + 27, interval, css, 5))
    return svg.frame(title, "".join(parts), bottom + 24)


def metric_table(run: RunData) -> list[tuple[str, str, str, str, str]]:
    """Every metric but the experts': name, last, mean, least, greatest."""
    rows = []
    for key in sorted(run.columns):
        held = [v for v in run.columns[key] if v is not None]
        if key.startswith(keys.EXPERT_LOAD) or not held:
            continue
        fine = [v for v in held if math.isfinite(v)]
        middle = (short(math.fsum(fine) / len(fine)), short(min(fine)), short(max(fine))) if fine else ("", "", "")
        rows.append((cut(key, 120), short(held[-1]), *middle))
    if len(rows) > MOST_METRICS:
        rows[MOST_METRICS:] = [(f"… and {len(rows) - MOST_METRICS} more, in metrics.jsonl", "", "", "", "")]
    return rows


def _benchmark_numbers(source: Source) -> Sequence[tuple[str, Interval]]:
    """The latest average on each benchmark."""
    names = dict.fromkeys(result.name for held in source.evaluations for result in held.results.benchmarks)
    numbers = []
    for name in names:
        found = source.benchmark(name)
        metric = average(found[1]) if found else None
        if metric:
            numbers.append((f"{name} {metric.name}", metric.interval))
    return numbers


def _sentence(words: Any) -> str:
    return words[:1].upper() + words[1:]
