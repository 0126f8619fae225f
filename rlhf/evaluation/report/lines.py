"""The curves of runs over their steps: one run's coloured by metric, several runs' by run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from rlhf.evaluation.report import svg
from rlhf.evaluation.report.chart import Chart, hover, rounded, step_labels
from rlhf.evaluation.report.load import Column, RunData
from rlhf.evaluation.report.panel_list import LINE_PANELS, Domain, LinePanel
from rlhf.evaluation.report.series import Bins, Value, log_ticks, nice_ticks, running_mean, short, spread
from rlhf.evaluation.report.sources import Source
from rlhf.evaluation.report.summary import HeldoutPoint

LINE_BINS = 300
LEAST_BINS = 60
BANDS = 3  # more runs than these are drawn without bands, which would hide each other
MOST_POINTS = 160  # held-out ones, of all runs; of more, so many evenly spread
HELDOUT = "Accuracy"  # the panel that held-out points are drawn on


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric of one run, in bins. window: bins that its bold line is a running mean of."""

    name: str
    css: str
    xs: Sequence[float]
    labels: Sequence[str]
    column: Column
    means: Sequence[Value]
    ranges: Sequence[tuple[float, float] | None]
    size: int
    window: int

    @classmethod
    def of(cls, run: RunData, key: str, name: str, css: str, most: int) -> Curve:
        bins = Bins.of(len(run.steps), most)
        xs = [(run.steps[a] + run.steps[b - 1]) / 2 for a, b in pairwise(bins.edges)]
        column = run.columns[key]
        labels, means, ranges = step_labels(run.steps, bins), bins.means(column), bins.ranges(column)
        return cls(name, css, xs, labels, column, means, ranges, bins.size, _window(bins))

    def drawn(self, x: svg.Scale, y: svg.Scale, with_band: bool) -> str:
        under = ""
        if with_band and self.size > 1:
            under = svg.band(self.xs, self.ranges, x, y, f"band {self.css}")
        elif with_band and self.window > 1:
            under = svg.line(self.xs, self.means, x, y, f"raw {self.css}")
        return under + svg.line(self.xs, running_mean(self.means, self.window), x, y, f"line {self.css}")


def line_charts(runs: Sequence[Source]) -> tuple[list[Chart], list[str]]:
    """The charts that the runs have numbers for, and the titles of those that none has any for."""
    held = [(source, source.run) for source in runs if source.run is not None and source.run.steps]
    charts, absent = [], []
    for panel in LINE_PANELS if held else ():
        if any(_has(panel, run) for _, run in held):
            charts.append(_of_one(panel, held[0][1]) if len(runs) == 1 else _of_several(panel, held))
        elif not panel.optional:
            absent.append(panel.title)
    return charts, absent


def _has(panel: LinePanel, run: RunData) -> bool:
    return any(key in run.columns for key, _ in panel.series) or (panel.title == HELDOUT and bool(_heldout(run)))


def _of_one(panel: LinePanel, run: RunData) -> Chart:
    present = [(key, name) for key, name in panel.series if key in run.columns]
    curves = [Curve.of(run, key, name, f"c{s + 1}", LINE_BINS) for s, (key, name) in enumerate(present)]
    points = _shown(_heldout(run), 1) if panel.title == HELDOUT else []
    x, y, ticks = _scales(panel.domain, curves, points)
    body = [svg.axes(x, nice_ticks(x.low, x.high, 5), y, ticks)]
    body += [curve.drawn(x, y, with_band=True) for curve in curves]
    body += [svg.whisker(p.step, p, x, y, css="c2") for p in points]
    bad = _not_finite(run, [curve.column for curve in curves])
    body += [f'<path class="bad" d="M{svg.px(x(s))} {svg.TOP + svg.PLOT_H - 8}v8"/>' for s in bad[:400]]
    legend = [(curve.css, curve.name) for curve in curves] + ([("c2", "held-out")] if points else [])
    shown = [(curve.name if len(curves) > 1 else "last", _last(curve.column)) for curve in curves]
    if points:
        shown.append(("held-out", f"{points[-1].value:.3f}"))
    labels, xs = _bins_of(run)
    extra = {"x": [round(v, 1) for v in xs], "lo": x.low, "hi": x.high}
    data = hover("line", labels, [(curve.name, curve.means) for curve in curves], extra)
    note = panel.note + (f" Not finite at {len(bad)} steps (red marks)." if bad else "") + _alarm(panel, run)
    return Chart(
        panel.title, note, svg.frame(panel.title, "".join(body)), shown, legend if len(legend) > 1 else (), data
    )


def _of_several(panel: LinePanel, runs: Sequence[tuple[Source, RunData]]) -> Chart:
    """A colour a run; of a panel with several metrics the first is a whole line, the others are dashed."""
    most = max(LEAST_BINS, LINE_BINS // len(runs))
    parts: list[tuple[Source, list[Curve], Sequence[HeldoutPoint]]] = []
    for source, run in runs:
        curves = [
            Curve.of(run, key, name, f"{source.css} dash{s + 1}", most)
            for s, (key, name) in enumerate(panel.series)
            if key in run.columns
        ]
        parts.append((source, curves, _shown(_heldout(run), len(runs)) if panel.title == HELDOUT else []))
    every = [curve for _, curves, _ in parts for curve in curves]
    points = [point for _, _, of_it in parts for point in of_it]
    x, y, ticks = _scales(panel.domain, every, points)
    body = [svg.axes(x, nice_ticks(x.low, x.high, 5), y, ticks)]
    body += [curve.drawn(x, y, len(runs) <= BANDS and curve is curves[0]) for _, curves, _ in parts for curve in curves]
    body += [svg.whisker(p.step, p, x, y, css=source.css) for source, _, of_it in parts for p in of_it]
    legend = [(source.css, _with_last(source.name, curves, of_it)) for source, curves, of_it in parts]
    note = panel.note + _dashes(panel)
    for source, run in runs:
        if words := _alarm(panel, run):
            note += f" {source.name}:{words}"
    return Chart(panel.title, note, svg.frame(panel.title, "".join(body)), (), legend, _hover_runs(panel, parts, x))


def _with_last(name: str, curves: Sequence[Curve], points: Sequence[HeldoutPoint]) -> str:
    last = ", ".join(_last(curve.column) for curve in curves) or "not logged"
    return f"{name}: {last}" + (f", held-out {points[-1].value:.3f}" if points else "")


def _hover_runs(panel: LinePanel, parts: Sequence[tuple[Source, list[Curve], Any]], x: svg.Scale) -> dict[str, Any]:
    found = []
    for source, curves, _ in parts:
        if curves:
            names = [source.name if len(panel.series) == 1 else f"{source.name}, {curve.name}" for curve in curves]
            series = [
                {"n": name, "v": [rounded(v) for v in curve.means]} for name, curve in zip(names, curves, strict=True)
            ]
            places = [round(v, 1) for v in curves[0].xs]
            found.append({"x": places, "labels": list(curves[0].labels), "series": series})
    return {"kind": "runs", "lo": x.low, "hi": x.high, "parts": found}


def _dashes(panel: LinePanel) -> str:
    styles = ("whole", "dashed", "dotted")
    if len(panel.series) == 1:
        return ""
    return (
        " Lines: " + ", ".join(f"{name} {style}" for (_, name), style in zip(panel.series, styles, strict=False)) + "."
    )


def _bins_of(run: RunData) -> tuple[list[str], list[float]]:
    bins = Bins.of(len(run.steps), LINE_BINS)
    return step_labels(run.steps, bins), [(run.steps[a] + run.steps[b - 1]) / 2 for a, b in pairwise(bins.edges)]


def _not_finite(run: RunData, columns: Sequence[Column]) -> list[int]:
    return sorted(
        {
            step
            for column in columns
            for step, value in zip(run.steps, column, strict=True)
            if value is not None and not math.isfinite(value)
        }
    )


def _alarm(panel: LinePanel, run: RunData) -> str:
    """What is said where a metric went above the panel's alarm."""
    if panel.alarm is None:
        return ""
    key = panel.series[0][0]
    over = [
        step
        for step, value in zip(run.steps, run.columns.get(key, ()), strict=False)
        if value is not None and value > panel.alarm
    ]
    if not over:
        return ""
    return f" ALARM: above {panel.alarm:g} at {len(over)} steps, the last of them {over[-1]}: such a run may collapse."


def how_lines_are_drawn(runs: Sequence[RunData]) -> str:
    """What is bold and what the bands are, the same on every chart of lines; empty where each point is a step."""
    if len(runs) > 1:
        bands = "; bands and pale lines: single steps" if len(runs) <= BANDS else ""
        return f"A colour a run. Bold lines: running means{bands}."
    bins = Bins.of(len(runs[0].steps) if runs else 0, LINE_BINS)
    if (window := _window(bins)) == 1:
        return ""
    band = f"; bands: least to greatest of {bins.size}" if bins.size > 1 else ""
    return f"Bold lines: mean of the last {window * bins.size} steps{band}."


def _window(bins: Bins) -> int:
    """Bins that a running mean is over."""
    return max(1, round(len(bins) / 20)) if len(bins) > 30 else 1


def _scales(
    domain: Domain, curves: Sequence[Curve], points: Sequence[HeldoutPoint]
) -> tuple[svg.Scale, svg.Scale, list[float]]:
    spans = [pair for curve in curves for pair in curve.ranges if pair is not None] + [(p.low, p.high) for p in points]
    all_x = [*(v for curve in curves for v in curve.xs), *(p.step for p in points)]
    low_x, high_x = min(all_x, default=0.0), max(all_x, default=1.0)
    x = svg.x_scale(low_x, high_x if high_x > low_x else low_x + 1)
    low, high = min((a for a, _ in spans), default=0.0), max((b for _, b in spans), default=1.0)
    if domain == "unit":
        ticks = [0.0, 0.25, 0.5, 0.75, 1.0]
    elif domain == "log" and high > 0:
        ticks = log_ticks(min((v for pair in spans for v in pair if v > 0), default=high), high)
    else:
        ticks = nice_ticks(
            min(0.0, low) if domain == "zero" else low, high if high > low or domain != "zero" else max(high, 1.0)
        )
    return x, svg.y_scale(ticks[0], ticks[-1], domain == "log" and high > 0), ticks


def _heldout(run: RunData) -> Sequence[HeldoutPoint]:
    """Every held-out evaluation, in order of steps."""
    held = run.summary.heldout if run.summary else None
    return sorted(held.history, key=lambda p: p.step) if held else []


def _shown(points: Sequence[HeldoutPoint], runs: int) -> list[HeldoutPoint]:
    return [points[i] for i in spread(len(points), max(20, MOST_POINTS // runs))]


def _last(column: Column) -> str:
    return next((short(v) for v in reversed(column) if v is not None), "no data")
