"""Small SVG drawings made of strings. Colours are classes, so that the page's style sheet decides light and dark.

Drawn by hand rather than by a plotting library, because a page may hold twenty of them, follows the
reader's colour scheme, must stay readable at the width of a phone, and is refused inline styles by its own
content security policy (matplotlib's SVG fixes colours in `style` attributes, plotly's script is 4.8 MB).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from rlhf.evaluation.intervals import Interval
from rlhf.evaluation.report.series import Value, finite, short

WIDTH, HEIGHT = 420, 200
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 26
PLOT_W, PLOT_H = WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM
SHADES = 12


@dataclass(frozen=True, slots=True)
class Scale:
    """Maps numbers to pixels; `log` scales take positive numbers only."""

    low: float
    high: float
    pixel_low: float
    pixel_high: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = math.log(low), math.log(high), math.log(max(value, self.low))
        share = (at - low) / (high - low) if high > low else 0.5
        return self.pixel_low + share * (self.pixel_high - self.pixel_low)


def x_scale(low: float, high: float) -> Scale:
    return Scale(low, high, LEFT, LEFT + PLOT_W)


def y_scale(low: float, high: float, log: bool = False) -> Scale:
    return Scale(low, high, TOP + PLOT_H, TOP, log)


def px(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def frame(title: str, body: str, height: int = HEIGHT) -> str:
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(title)}">{body}</svg>'


def text(x: float, y: float, words: str, css: str, anchor: str = "middle") -> str:
    return f'<text x="{px(x)}" y="{px(y)}" class="{css}" text-anchor="{anchor}">{escape(words)}</text>'


def clipped(words: str, more: str, width: int = 52) -> str:
    """Words that fit on one line of a drawing with what follows them: the words are cut, not what follows."""
    room = max(8, width - len(more))
    return (words if len(words) <= room else words[: room - 1] + "…") + more


def axes(
    x: Scale, x_ticks: Sequence[float], y: Scale, y_ticks: Sequence[float], form: Callable[[float], str] = short
) -> str:
    parts = []
    for tick in y_ticks:
        parts.append(f'<path class="grid" d="M{LEFT} {px(y(tick))}h{PLOT_W}"/>')
        parts.append(text(LEFT - 6, y(tick) + 4, form(tick), "tick", "end"))
    for tick in x_ticks:
        if x.low <= tick <= x.high:
            parts.append(text(x(tick), HEIGHT - 8, short(tick), "tick"))
    parts.append(f'<path class="axis" d="M{LEFT} {TOP + PLOT_H}h{PLOT_W}"/>')
    return "".join(parts)


def line(xs: Sequence[float], ys: Sequence[Value], x: Scale, y: Scale, css: str) -> str:
    """A line that breaks where there is no finite value; a point on its own becomes a dot."""
    runs: list[list[str]] = []
    broken = True
    for at, value in zip(xs, ys, strict=True):
        if value is None or not math.isfinite(value):
            broken = True
            continue
        if broken:
            runs.append([])
        runs[-1].append(f"{px(x(at))} {px(y(value))}")
        broken = False
    if not runs:
        return ""
    # A line of no length is drawn as a dot by its round caps.
    path = "".join("M" + "L".join(run if len(run) > 1 else [run[0], run[0]]) for run in runs)
    return f'<path class="{css}" d="{path}"/>'


def band(xs: Sequence[float], ranges: Sequence[tuple[float, float] | None], x: Scale, y: Scale, css: str) -> str:
    """The area between the least and the greatest value of each bin; it breaks where there is none."""
    paths, run = [], list[tuple[float, tuple[float, float]]]()
    for at, pair in [*zip(xs, ranges, strict=True), (0.0, None)]:
        if pair is not None:
            run.append((at, pair))
            continue
        if len(run) > 1:
            there = "L".join(f"{px(x(a))} {px(y(high))}" for a, (_, high) in run)
            back = "L".join(f"{px(x(a))} {px(y(low))}" for a, (low, _) in reversed(run))
            paths.append(f"M{there}L{back}Z")
        run = []
    return f'<path class="{css}" d="{"".join(paths)}"/>' if paths else ""


def whisker(at: float, interval: Interval, x: Scale, y: Scale, *, css: str) -> str:
    """A point with its interval, upright."""
    where = px(x(at))
    return (
        f'<path class="whisker {css}" d="M{where} {px(y(interval.low))}V{px(y(interval.high))}"/>'
        f'<circle class="dot {css}" cx="{where}" cy="{px(y(interval.value))}" r="3.5"/>'
    )


def lying(x: Scale, y: float, interval: Interval, css: str, radius: float = 4.5) -> str:
    """A point with its interval, lying."""
    return (
        f'<path class="span {css}" d="M{px(x(interval.low))} {px(y)}H{px(x(interval.high))}"/>'
        f'<circle class="dot {css}" cx="{px(x(interval.value))}" cy="{px(y)}" r="{px(radius)}"/>'
    )


def bars(
    columns: Sequence[Sequence[Value]], x: Callable[[int], tuple[float, float]], y: Scale, css: Sequence[str]
) -> str:
    """Stacked bars: columns[s][i] is series s in bar i; `x(i)` is the bar's left edge and width in pixels."""
    base = [0.0] * len(columns[0])
    parts = []
    for series, name in zip(columns, css, strict=True):
        path = []
        for i, value in enumerate(series):
            if value is None or not finite(value) or value <= 0:
                continue
            left, width = x(i)
            bottom, top = y(base[i]), y(base[i] + value)
            base[i] += value
            path.append(f"M{px(left)} {px(bottom)}V{px(top)}h{px(width)}V{px(bottom)}Z")
        if path:
            parts.append(f'<path class="bar {name}" d="{"".join(path)}"/>')
    return "".join(parts)


def heat(grid: Sequence[Sequence[Value]], top: float, height: float, greatest: float) -> str:
    """Cells shaded by `value / greatest` in SHADES steps, one path a shade (a hundred thousand cells stay small)."""
    rows, columns = len(grid), len(grid[0])
    w, h = PLOT_W / columns, height / rows
    paths: dict[int, list[str]] = {}
    for r, row in enumerate(grid):
        for c, value in enumerate(row):
            if value is None or not math.isfinite(value):
                continue
            shade = min(SHADES, math.ceil(SHADES * max(0.0, value) / greatest)) if greatest else 0
            if shade:
                paths.setdefault(shade, []).append(f"M{px(LEFT + c * w)} {px(top + r * h)}h{w:.2f}v{h:.2f}h-{w:.2f}z")
    return "".join(
        f'<path class="heat" fill-opacity="{s / SHADES:.2f}" d="{"".join(d)}"/>' for s, d in sorted(paths.items())
    )
