"""Stacked bars: where a step's time goes, why prompts were dropped, how domains are mixed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rlhf.evaluation.report import svg
from rlhf.evaluation.report.chart import Chart, hover, step_labels
from rlhf.evaluation.report.load import Column, RunData
from rlhf.evaluation.report.series import Bins, Value, nice_ticks, short
from rlhf.evaluation.report.sources import Source
from rlhf.metrics import keys

BAR_BINS = 48
PALETTE = 8
ROW = 42  # pixels of one run's bar with its name above
BAR = 16


@dataclass(frozen=True, slots=True)
class BarPanel:
    """counters: the metrics count from the run's start; a bar is what a step added, and totals are said."""

    title: str
    prefix: str
    note: str
    note_of_several: str
    counters: bool = False
    leave_out: frozenset[str] = frozenset()


BAR_PANELS = (
    BarPanel(
        "Time per stage",
        keys.TIME,
        "Seconds of a step. Stages of an asynchronous run overlap: together they may exceed the step.",
        "Seconds of a step, the mean of all steps. Stages of an asynchronous run overlap.",
        leave_out=frozenset({keys.STEP_SECONDS}),
    ),
    BarPanel(
        "Dropped prompts",
        keys.DROPPED,
        "Per step, by reason. Above: totals of the run.",
        "Of the whole run, by reason.",
        counters=True,
    ),
    BarPanel(
        "Domains", keys.MIX, "Probability of drawing a prompt from each.", "Probability of drawing a prompt, mean."
    ),
)


def bar_charts(runs: Sequence[Source]) -> list[Chart]:
    held = [(source, source.run) for source in runs if source.run is not None and source.run.steps]
    found = [_of_one(panel, held[0][1]) if len(runs) == 1 else _of_several(panel, held) for panel in BAR_PANELS if held]
    return [chart for chart in found if chart]


def _columns(panel: BarPanel, run: RunData) -> dict[str, Column]:
    names = [key for key in run.keys_under(panel.prefix) if key not in panel.leave_out]
    columns = {key[len(panel.prefix) :]: run.columns[key] for key in names}
    return {name: _increases(column) for name, column in columns.items()} if panel.counters else columns


def _sum(column: Column) -> float:
    return math.fsum(v for v in column if v is not None and math.isfinite(v))


def _of_one(panel: BarPanel, run: RunData) -> Chart | None:
    """A bar is the mean over its steps; the largest first; beyond PALETTE names the rest is one.

    A step without the metric counts as 0 (it took no such time, dropped none so). None where there is no such metric.
    """
    columns = _columns(panel, run)
    bins = Bins.of(len(run.steps), BAR_BINS)
    heights = {name: bins.means([0.0 if v is None else v for v in column]) for name, column in columns.items()}
    sums = {name: _sum(column) for name, column in columns.items()}
    order = sorted(heights, key=lambda name: -sums[name])
    if not order:
        return None
    shown = [(name, heights[name]) for name in order[:PALETTE]]
    if len(order) > PALETTE:
        rest = [heights[name] for name in order[PALETTE - 1 :]]
        shown[-1] = ("all others", [math.fsum(v or 0.0 for v in cell) for cell in zip(*rest, strict=True)])
    tops = [math.fsum(values[i] or 0.0 for _, values in shown) for i in range(len(bins))]
    ticks = nice_ticks(0.0, max(tops) or 1.0)
    y, slot = svg.y_scale(0.0, ticks[-1]), svg.PLOT_W / len(bins)
    gap = min(2.0, slot * 0.2)
    x = svg.Scale(-0.5, len(bins) - 0.5, svg.LEFT, svg.LEFT + svg.PLOT_W)
    css = [f"c{s + 1}" for s in range(len(shown))]
    body = svg.axes(x, (), y, ticks) + svg.bars(
        [v for _, v in shown], lambda i: (svg.LEFT + i * slot + gap / 2, slot - gap), y, css
    )
    body += _bar_labels(run, bins, x)
    note = panel.note + (f" A bar is the mean of {bins.size} steps." if bins.size > 1 else "")
    latest = [(name, short(sums[name])) for name in order] if panel.counters else []
    legend = list(zip(css, [n for n, _ in shown], strict=True))
    data = hover("bars", step_labels(run.steps, bins), shown)
    return Chart(panel.title, note, svg.frame(panel.title, body), latest, legend, data)


def _of_several(panel: BarPanel, runs: Sequence[tuple[Source, RunData]]) -> Chart | None:
    """A bar a run, lying: of counters the run's totals, else means over its steps."""
    rows = []
    for source, run in runs:
        columns = _columns(panel, run)
        over = 1 if panel.counters else len(run.steps)
        if columns:
            rows.append((source.name, {name: _sum(column) / over for name, column in columns.items()}))
    return lying_bars(panel.title, panel.note_of_several, rows) if rows else None


def lying_bars(title: str, note: str, rows: Sequence[tuple[str, Mapping[str, float]]]) -> Chart:
    """rows: a name and its parts each. Parts that are the largest in sum come first; beyond PALETTE the rest is one."""
    sums: dict[str, float] = {}
    for _, parts in rows:
        for name, value in parts.items():
            sums[name] = sums.get(name, 0.0) + value
    order = sorted(sums, key=lambda name: -sums[name])
    few = order if len(order) <= PALETTE else order[: PALETTE - 1]
    shown: list[tuple[str, list[Value]]] = [(name, [parts.get(name, 0.0) for _, parts in rows]) for name in few]
    if few is not order:
        rest = order[PALETTE - 1 :]
        shown.append(("all others", [math.fsum(parts.get(name, 0.0) for name in rest) for _, parts in rows]))
    totals = [math.fsum(parts.values()) for _, parts in rows]
    ticks = nice_ticks(0.0, max(totals) or 1.0)
    left, bottom = svg.RIGHT, svg.TOP + ROW * len(rows)
    x = svg.Scale(0.0, ticks[-1], left, svg.WIDTH - svg.RIGHT - 8)
    body = [f'<path class="grid" d="M{svg.px(x(t))} {svg.TOP}V{bottom}"/>' for t in ticks]
    body += [svg.text(x(t), bottom + 16, short(t), "tick") for t in ticks]
    for index, (name, _) in enumerate(rows):
        top, base = svg.TOP + ROW * index, 0.0
        body.append(svg.text(left, top + 14, svg.clipped(name, f" · {short(totals[index])}"), "tick name", "start"))
        for s, (_, values) in enumerate(shown):
            width = x(values[index] or 0.0) - x(0.0)
            if width > 0:
                place = f'x="{svg.px(x(base))}" y="{top + 20}" width="{width:.1f}" height="{BAR}"'
                body.append(f'<rect class="bar c{s + 1}" {place}/>')
            base += values[index] or 0.0
    legend = [(f"c{s + 1}", name) for s, (name, _) in enumerate(shown)]
    data = hover("rows", [name for name, _ in rows], shown, {"top": svg.TOP, "row": ROW})
    return Chart(title, note, svg.frame(title, "".join(body), bottom + 24), (), legend, data)


def _increases(column: Column) -> Column:
    """What each step adds to a count from the run's start; 0 where the step has no number."""
    reached = 0.0
    found: list[Value] = []
    for value in column:
        now = max(reached, value) if value is not None and math.isfinite(value) else reached
        found.append(now - reached)
        reached = now
    return found


def _bar_labels(run: RunData, bins: Bins, x: svg.Scale) -> str:
    places = sorted({0, len(bins) // 2, len(bins) - 1})
    return "".join(svg.text(x(i), svg.HEIGHT - 8, short(run.steps[bins.edges[i]]), "tick") for i in places)
