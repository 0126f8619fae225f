"""Histograms: stacked bars of one source's counts, or a line of shares for each of several."""

from __future__ import annotations

from collections.abc import Sequence

from rlhf.evaluation.report import svg
from rlhf.evaluation.report.chart import Chart, hover
from rlhf.evaluation.report.series import Value, nice_ticks

Series = tuple[str, str, Sequence[Value]]  # css class, name, a number a slot
Ticks = Sequence[tuple[float, str]]  # place in slots (0: left edge of the first), words


def stacked_slots(title: str, note: str, labels: Sequence[str], series: Sequence[Series], ticks: Ticks) -> Chart:
    """A bar a slot, of counts."""
    tops = [sum(values[i] or 0.0 for _, _, values in series) for i in range(len(labels))]
    x, y, y_ticks = _scales(len(labels), max(tops, default=0.0))
    slot = svg.PLOT_W / len(labels)
    gap = min(3.0, slot * 0.2)
    body = svg.axes(x, (), y, y_ticks) + svg.bars(
        [values for _, _, values in series],
        lambda i: (svg.LEFT + i * slot + gap / 2, slot - gap),
        y,
        [css for css, _, _ in series],
    )
    data = hover("bars", labels, [(name, values) for _, name, values in series])
    legend = [(css, name) for css, name, _ in series]
    return Chart(title, note, svg.frame(title, body + _ticks(x, ticks)), (), legend if len(legend) > 1 else (), data)


def lines_over_slots(title: str, note: str, labels: Sequence[str], series: Sequence[Series], ticks: Ticks) -> Chart:
    """A line a source through the middles of the slots."""
    top = max((v for _, _, values in series for v in values if v is not None), default=0.0)
    x, y, y_ticks = _scales(len(labels), top)
    middles = [i + 0.5 for i in range(len(labels))]
    body = svg.axes(x, (), y, y_ticks)
    body += "".join(svg.line(middles, values, x, y, f"line {css}") for css, _, values in series)
    data = hover("bars", labels, [(name, values) for _, name, values in series])
    legend = [(css, name) for css, name, _ in series]
    return Chart(title, note, svg.frame(title, body + _ticks(x, ticks)), (), legend, data)


def _scales(slots: int, top: float) -> tuple[svg.Scale, svg.Scale, list[float]]:
    ticks = nice_ticks(0.0, top or 1.0)
    return svg.x_scale(0, slots), svg.y_scale(0.0, ticks[-1]), ticks


def _ticks(x: svg.Scale, ticks: Ticks) -> str:
    return "".join(svg.text(x(place), svg.HEIGHT - 8, words, "tick") for place, words in ticks)
