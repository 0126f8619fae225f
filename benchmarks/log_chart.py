"""A drawing of curves over length, both axes logarithmic, as an SVG file that stands alone in light and in dark.

Colours are classes with two values each (`prefers-color-scheme`), without CSS variables, which not every viewer of
pictures knows. Every line is named at its end, beside its last point.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise

from rlhf.evaluation.report import svg

WIDTH, HEIGHT = 760, 440
LEFT, TOP, BOTTOM = 58, 46, 40
GAP = 15.0  # pixels between two names
CHARACTER = 7.0  # pixels of a name's character, about
LIGHT = ("#2a78d6", "#c8501d", "#12875c", "#a06d00", "#4a3aa7", "#c2417f", "#007800", "#6b6b66")
DARK = ("#6aa9f0", "#ee8155", "#2fb887", "#d9a126", "#a9a0f2", "#e78ab1", "#5cba5c", "#a3a29b")
COLOURS = len(LIGHT)
DASHES = 3


@dataclass(frozen=True, slots=True)
class Line:
    """points: (tokens, value), rising, values positive. colour: 0 up; None: the one that others are compared with.
    dash: 0 whole, 1 dashed, 2 dotted."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: int | None
    dash: int = 0

    @property
    def css(self) -> str:
        return "base" if self.colour is None else f"c{self.colour % COLOURS}"


@dataclass(frozen=True, slots=True)
class LogChart:
    """unit: of the values, named above the axis."""

    title: str
    unit: str
    lines: Sequence[Line]

    def drawn(self) -> str:
        lines = [line for line in self.lines if line.points]
        if not lines:
            raise ValueError(f"{self.title}: no line has a point")
        right = min(0.45 * WIDTH, 24 + CHARACTER * max(len(line.name) for line in lines))
        x, y, x_ticks, y_ticks = _scales(lines, right)
        parts = [f'<rect class="back" width="{WIDTH}" height="{HEIGHT}"/>', _style()]
        parts.append(svg.text(LEFT, 20, self.title, "title", "start"))
        parts.append(svg.text(LEFT, 37, self.unit, "tick", "start"))
        parts.append(_axes(x, y, x_ticks, y_ticks))
        parts += [_curve(line, x, y) for line in lines]
        parts.append(_names(lines, x, y))
        frame = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" role="img"'
        return f'{frame} aria-label="{escape(self.title)}">\n' + "\n".join(parts) + "\n</svg>\n"


def _scales(lines: Sequence[Line], right: float) -> tuple[svg.Scale, svg.Scale, list[float], list[float]]:
    xs = sorted({x for line in lines for x, _ in line.points})
    values = [value for line in lines for _, value in line.points]
    ticks = log_ticks(min(values), max(values))
    low, high = min(ticks[0], *values), max(ticks[-1], *values)
    x = svg.Scale(xs[0], xs[-1], LEFT, WIDTH - right, log=True)
    return x, svg.Scale(low, high, HEIGHT - BOTTOM, TOP, log=True), xs, ticks


def log_ticks(low: float, high: float) -> list[float]:
    """Round numbers that cover the range: powers of ten, or 1, 2 and 5 of each where it is short."""
    wide = high / low > 300
    steps = (1.0,) if wide else (1.0, 2.0, 5.0)
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    found = [m * 10.0**e for e in range(first, last + 1) for m in steps]
    above = next(tick for tick in found if tick >= high * 0.999)
    below = [tick for tick in found if tick <= low * 1.001][-1]
    return [tick for tick in found if below <= tick <= above]


def _axes(x: svg.Scale, y: svg.Scale, x_ticks: Sequence[float], y_ticks: Sequence[float]) -> str:
    bottom = HEIGHT - BOTTOM
    parts = []
    for tick in y_ticks:
        parts.append(f'<path class="grid" d="M{LEFT} {svg.px(y(tick))}H{svg.px(x.pixel_high)}"/>')
        parts.append(svg.text(LEFT - 6, y(tick) + 4, f"{tick:,.10g}", "tick", "end"))
    for tick in x_ticks:
        parts.append(f'<path class="grid" d="M{svg.px(x(tick))} {TOP}V{bottom}"/>')
        parts.append(svg.text(x(tick), bottom + 16, tokens(tick), "tick"))
    parts.append(svg.text((LEFT + x.pixel_high) / 2, HEIGHT - 6, "tokens", "tick"))
    return "".join(parts)


def tokens(count: float) -> str:
    """1,024 -> 1k."""
    return f"{count / 1024:g}k" if count % 1024 == 0 else f"{count:,.0f}"


def _curve(line: Line, x: svg.Scale, y: svg.Scale) -> str:
    xs, ys = zip(*line.points, strict=True)
    dots = "".join(
        f'<circle class="dot {line.css}" cx="{svg.px(x(a))}" cy="{svg.px(y(b))}" r="2.6"/>' for a, b in line.points
    )
    return svg.line(xs, ys, x, y, f"line {line.css} dash{line.dash}") + dots


def _names(lines: Sequence[Line], x: svg.Scale, y: svg.Scale) -> str:
    """Each beside its line's end; where two would touch they make room, and a hairline shows where they belong."""
    ends = sorted(((y(line.points[-1][1]), x(line.points[-1][0]), line) for line in lines), key=lambda end: end[:2])
    parts = []
    for (at, end, line), place in zip(ends, spread([end[0] for end in ends]), strict=True):
        edge = x.pixel_high + 16
        parts.append(
            f'<path class="hair {line.css}" d="M{svg.px(end + 4)} {svg.px(at)}L{svg.px(edge)} {svg.px(place)}"/>'
        )
        parts.append(svg.text(edge + 3, place + 4, line.name, f"name {line.css}", "start"))
    return "".join(parts)


def spread(places: Sequence[float], gap: float = GAP, low: float = TOP, high: float = HEIGHT - BOTTOM) -> list[float]:
    """Rising places moved until they are `gap` apart, between low and high (closer together if that is too little)."""
    if not places:
        return []
    gap = min(gap, (high - low) / max(len(places) - 1, 1))
    # Groups of touching places sit around their own mean; groups that touch become one.
    groups = [[place] for place in places]
    while True:
        centres = [_centre(group, gap, low, high) for group in groups]
        touching = next((i for i in range(len(groups) - 1) if _touch(centres, groups, i, gap)), None)
        if touching is None:
            break
        groups[touching : touching + 2] = [groups[touching] + groups[touching + 1]]
    found = [
        centre + (i - (len(group) - 1) / 2) * gap
        for centre, group in zip(centres, groups, strict=True)
        for i in range(len(group))
    ]
    assert all(b - a >= gap - 1e-6 for a, b in pairwise(found))
    return found


def _centre(group: Sequence[float], gap: float, low: float, high: float) -> float:
    half = (len(group) - 1) / 2 * gap
    return min(max(sum(group) / len(group), low + half), high - half)


def _touch(centres: Sequence[float], groups: Sequence[Sequence[float]], i: int, gap: float) -> bool:
    between = centres[i + 1] - centres[i]
    return between < (len(groups[i]) + len(groups[i + 1])) / 2 * gap - 1e-9


def _style() -> str:
    common = (
        "text{font:12px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif}"
        ".title{font-size:14px;font-weight:600}.line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}"
        ".line.base{stroke-width:3}.grid,.hair{fill:none;stroke-width:1}.hair{opacity:.5}.name,.dot{stroke:none}"
        ".name.base{font-weight:600}.dash1{stroke-dasharray:7 5}.dash2{stroke-dasharray:1 5}"
    )
    light = _colours("#ffffff", "#1b1b1a", "#62625d", "#e3e2dc", LIGHT)
    dark = _colours("#141413", "#ecebe6", "#a3a29b", "#34342f", DARK)
    return f"<style>{common}{light}@media (prefers-color-scheme:dark){{{dark}}}</style>"


def _colours(back: str, ink: str, soft: str, rule: str, palette: Sequence[str]) -> str:
    parts = [f".back{{fill:{back}}}.title{{fill:{ink}}}.tick{{fill:{soft}}}.grid{{stroke:{rule}}}"]
    for css, colour in (("base", ink), *((f"c{i}", colour) for i, colour in enumerate(palette))):
        parts.append(f".line.{css},.hair.{css}{{stroke:{colour}}}.dot.{css},.name.{css}{{fill:{colour}}}")
    return "".join(parts)
