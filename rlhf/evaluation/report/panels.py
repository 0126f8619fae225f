"""The charts of a run's steps: which metrics are shown, under what words, and how each chart is drawn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from rlhf.evaluation.report import svg
from rlhf.evaluation.report.load import Column, RunData
from rlhf.evaluation.report.series import Bins, Value, log_ticks, nice_ticks, running_mean, short
from rlhf.metrics import keys

LINE_BINS = 300
BAR_BINS = 48
PALETTE = 8
Domain = Literal["auto", "zero", "unit", "log"]


@dataclass(frozen=True, slots=True)
class Chart:
    """One card of the page. latest: `(label, value)` pairs. legend: `(css class, name)` pairs. data: for hovering."""

    title: str
    note: str
    svg: str
    latest: Sequence[tuple[str, str]] = ()
    legend: Sequence[tuple[str, str]] = ()
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LinePanel:
    title: str
    series: tuple[tuple[str, str], ...]  # (metric, name)
    note: str
    domain: Domain = "auto"
    alarm: float | None = None  # above it the chart says so
    optional: bool = False  # not every run has it, and one without misses nothing


LINE_PANELS: tuple[LinePanel, ...] = (
    LinePanel("Reward", ((keys.REWARD, "mean"),), "Mean reward of the step's samples."),
    LinePanel(
        "Accuracy",
        ((keys.ACCURACY, "training"),),
        "Share of samples judged correct. Held-out points carry 95% intervals.",
        "unit",
    ),
    LinePanel("Response length", ((keys.LENGTH, "mean"),), "Tokens written by the model per response.", "zero"),
    LinePanel("Truncated", ((keys.TRUNCATED, "share"),), "Share of responses that hit the length limit.", "zero"),
    LinePanel(
        "Entropy",
        ((keys.ENTROPY, "mean"),),
        "Of the policy's next-token distribution, in nats. Near 0, it no longer explores.",
        "zero",
    ),
    LinePanel(
        "Mismatch",
        ((keys.MISMATCH_MEAN, "mean"), (keys.MISMATCH_MAX, "largest")),
        "|Δ log-probability| of the sampled tokens, rollout engine against learner. Logarithmic.",
        "log",
    ),
    LinePanel(
        "Mismatch beyond 2×",
        ((keys.MISMATCH_2X, "share"),),
        "Share of tokens whose two probabilities differ by more than a factor 2, F(2).",
        "zero",
        keys.MISMATCH_ALARM,
    ),
    LinePanel(
        "Effective sample size",
        ((keys.ESS, "share"),),
        "Of the importance weights of the sampled tokens, as a share of the tokens: 1 where engine and learner agree.",
        "unit",
    ),
    LinePanel(
        "KL(μ, π)",
        ((keys.KL_BEHAVIOUR, "mean"),),
        "Per-token estimate, from the behaviour policy μ to the learner's π.",
    ),
    LinePanel(
        "KL(π, reference)",
        ((keys.KL_REFERENCE, "mean"),),
        "Per-token estimate (k3) of how far the policy has gone from the reference.",
        "zero",
        optional=True,
    ),
    LinePanel(
        "Clipped",
        ((keys.CLIPPED_LOW, "below"), (keys.CLIPPED_HIGH, "above")),
        "Share of the tokens whose gradient the clip cuts off. With several updates a step, their mean.",
        "zero",
        optional=True,
    ),
    LinePanel(
        "Correction",
        ((keys.WEIGHT_MEAN, "mean weight"), (keys.WEIGHT_ESS, "effective sample size"), (keys.REJECTED, "rejected")),
        "Of the weights for the mismatch of engine and learner, over the tokens; share of the responses left out.",
        "zero",
        optional=True,
    ),
    LinePanel(
        "Shaping",
        (("shaping/overlong", "overlong"), ("shaping/length", "length"), ("shaping/repetition", "repetition")),
        "Mean of what is added to the verifiers' reward for how an answer is written.",
        optional=True,
    ),
    LinePanel(
        "Sampled accuracy",
        ((keys.SAMPLED_ACCURACY, "all"),),
        "Of all that was sampled; dynamic sampling then keeps groups with right and wrong answers alone.",
        "unit",
        optional=True,
    ),
    LinePanel(
        "Success rate",
        (("sampler/success_rate", "mean"),),
        "Running average over the prompts that were answered, which the sampler goes by.",
        "unit",
        optional=True,
    ),
    LinePanel(
        "Critic loss", (("critic/loss", "loss"),), "Half the squared error of the values.", "zero", optional=True
    ),
    LinePanel(
        "Explained variance",
        ((keys.EXPLAINED, "share"),),
        "Of the returns, by the critic's values: 1 is all of it, 0 no more than a constant.",
        optional=True,
    ),
    LinePanel(
        "Staleness",
        ((keys.STALENESS_MEAN, "mean"), (keys.STALENESS_MAX, "oldest")),
        "Versions between sampling and learning.",
        "zero",
    ),
    LinePanel(
        "Throughput", ((keys.TOKENS_PER_S, "tokens/s"),), "Response tokens per second of the whole step.", "zero"
    ),
    LinePanel("Policy loss", ((keys.LOSS, "loss"),), "Its level says little; jumps do."),
    LinePanel("Gradient norm", ((keys.GRAD_NORM, "norm"),), "Before clipping.", "zero"),
)


def line_charts(run: RunData) -> tuple[list[Chart], list[str]]:
    """The charts that the run has numbers for, and the titles of those that it has none for."""
    charts, absent = [], []
    for panel in LINE_PANELS:
        if any(key in run.columns for key, _ in panel.series) or (panel.title == "Accuracy" and _heldout(run)):
            charts.append(_line_chart(panel, run))
        elif not panel.optional:
            absent.append(panel.title)
    return charts, absent


def _line_chart(panel: LinePanel, run: RunData) -> Chart:
    bins = Bins.of(len(run.steps), LINE_BINS)
    xs = [(run.steps[a] + run.steps[b - 1]) / 2 for a, b in pairwise(bins.edges)]
    present = [(key, name) for key, name in panel.series if key in run.columns]
    means = [bins.means(run.columns[key]) for key, _ in present]
    ranges = [bins.ranges(run.columns[key]) for key, _ in present]
    points = _heldout(run) if panel.title == "Accuracy" else []
    x, y, y_ticks = _scales(panel.domain, xs, ranges, points)
    body = [svg.axes(x, nice_ticks(x.low, x.high, 5), y, y_ticks)]
    window = _window(bins)
    for s, mean in enumerate(means):
        css = f"c{s + 1}"
        if bins.size > 1:
            body.append(svg.band(xs, ranges[s], x, y, f"band {css}"))
        elif window > 1:
            body.append(svg.line(xs, mean, x, y, f"raw {css}"))
        body.append(svg.line(xs, running_mean(mean, window), x, y, f"line {css}"))
    body += [svg.whisker(p.step, p, x, y, css="c2") for p in points]
    bad = [
        s
        for key, _ in present
        for s, v in zip(run.steps, run.columns[key], strict=True)
        if v is not None and not math.isfinite(v)
    ]
    body += [f'<path class="bad" d="M{svg.px(x(s))} {svg.TOP + svg.PLOT_H - 8}v8"/>' for s in sorted(set(bad))[:400]]
    legend = [(f"c{s + 1}", name) for s, (_, name) in enumerate(present)] + ([("c2", "held-out")] if points else [])
    shown = [(name if len(present) > 1 else "last", _last(run.columns[key])) for key, name in present]
    if points:
        shown.append(("held-out", f"{points[-1].value:.3f}"))
    data = _hover("line", run, bins, [(name, mean) for (_, name), mean in zip(present, means, strict=True)])
    data |= {"x": [round(v, 1) for v in xs], "lo": x.low, "hi": x.high}
    return Chart(
        panel.title, _note(panel.note, len(set(bad))) + _alarm(panel, run), svg.frame(panel.title, "".join(body)),
        shown, legend if len(legend) > 1 else (), data,
    )  # fmt: skip


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


def _note(note: str, bad: int) -> str:
    return note + (f" Not finite at {bad} steps (red marks)." if bad else "")


def how_lines_are_drawn(run: RunData) -> str:
    """What is bold and what the bands are, the same on every chart of lines; empty where each point is a step."""
    bins = Bins.of(len(run.steps), LINE_BINS)
    if (window := _window(bins)) == 1:
        return ""
    band = f"; bands: least to greatest of {bins.size}" if bins.size > 1 else ""
    return f"Bold lines: mean of the last {window * bins.size} steps{band}."


def _window(bins: Bins) -> int:
    """Bins that a running mean is over."""
    return max(1, round(len(bins) / 20)) if len(bins) > 30 else 1


def _scales(
    domain: Domain, xs: Sequence[float], ranges: Sequence[Sequence[tuple[float, float] | None]], points: Sequence[Any]
) -> tuple[svg.Scale, svg.Scale, list[float]]:
    spans = [pair for series in ranges for pair in series if pair is not None] + [(p.low, p.high) for p in points]
    all_x = [*xs, *(p.step for p in points)]
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


def _heldout(run: RunData) -> Sequence[Any]:
    """Every held-out evaluation, in order of steps."""
    held = run.summary.heldout if run.summary else None
    return sorted(held.history, key=lambda p: p.step) if held else []


def _last(column: Column) -> str:
    return next((short(v) for v in reversed(column) if v is not None), "no data")


def _hover(kind: str, run: RunData, bins: Bins, series: Sequence[tuple[str, Sequence[Value]]]) -> dict[str, Any]:
    labels = []
    for a, b in pairwise(bins.edges):
        first, last = run.steps[a], run.steps[b - 1]
        labels.append(f"step {first}" if first == last else f"steps {first}–{last}")
    rows = [{"n": name, "v": [None if v is None else float(f"{v:.4g}") for v in values]} for name, values in series]
    return {"kind": kind, "labels": labels, "series": rows}


def stacked_chart(
    run: RunData,
    prefix: str,
    title: str,
    note: str,
    *,
    counters: bool = False,
    leave_out: frozenset[str] = frozenset(),
) -> Chart | None:
    """Stacked bars of the metrics under `prefix`, the largest first; beyond PALETTE names the rest is one.

    A bar is the mean over its steps; a step without the metric counts as 0 (it took no such time, dropped
    none so). counters: they count from the run's start; a bar is what a step added, and each name's total is said. None
    where the run has no such metric.
    """
    columns = {key[len(prefix) :]: run.columns[key] for key in run.keys_under(prefix) if key not in leave_out}
    if counters:
        columns = {name: _increases(column) for name, column in columns.items()}
    bins = Bins.of(len(run.steps), BAR_BINS)
    heights = {name: bins.means([0.0 if v is None else v for v in column]) for name, column in columns.items()}
    sums = {
        name: math.fsum(v for v in column if v is not None and math.isfinite(v)) for name, column in columns.items()
    }
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
    if bins.size > 1:
        note += f" A bar is the mean of {bins.size} steps."
    latest = [(name, short(sums[name])) for name in order] if counters else []
    return Chart(
        title,
        note,
        svg.frame(title, body),
        latest,
        list(zip(css, [n for n, _ in shown], strict=True)),
        _hover("bars", run, bins, shown),
    )


def _increases(column: Column) -> Column:
    """What each step adds to a count from the run's start; 0 where the step has no number."""
    reached = 0.0
    found: Column = []
    for value in column:
        now = max(reached, value) if value is not None and math.isfinite(value) else reached
        found.append(now - reached)
        reached = now
    return found


def _bar_labels(run: RunData, bins: Bins, x: svg.Scale) -> str:
    places = sorted({0, len(bins) // 2, len(bins) - 1})
    return "".join(svg.text(x(i), svg.HEIGHT - 8, short(run.steps[bins.edges[i]]), "tick") for i in places)
