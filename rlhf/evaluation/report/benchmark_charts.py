"""The drawings of one benchmark: pass@k, its average by step, categories, lengths, and how hard its problems were."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from rlhf.evaluation.report import svg
from rlhf.evaluation.report.chart import Chart, hover
from rlhf.evaluation.report.series import nice_ticks, short, spread
from rlhf.evaluation.report.slots import Series, lines_over_slots, stacked_slots
from rlhf.evaluation.results import BenchmarkResult, Metric, ProblemResult

LENGTH_SLOTS = 24
TENTHS = 10
MOST_COUNTS = 10  # samples of a problem up to which each count of correct ones has a slot
MOST_CATEGORIES = 30
MOST_POINTS = 160  # of the curves over steps, of all sources
ROW, MARK = 34, 14  # pixels of a category with its name above, and from mark to mark where several have it
_METRIC = re.compile(r"^(avg|pass|maj)@(\d+)$")


@dataclass(frozen=True, slots=True)
class Shown:
    """A benchmark's result of one source. by_step: of a run, the average after each evaluation, in order."""

    name: str
    css: str
    result: BenchmarkResult
    by_step: Sequence[tuple[int, Metric]]


def charts_of(benchmark: str, shown: Sequence[Shown]) -> list[Chart]:
    made = [
        _pass_at_k(benchmark, shown),
        _by_step(benchmark, shown),
        _categories(benchmark, shown),
        _pass_rates(benchmark, shown),
        _lengths(benchmark, shown),
    ]
    return [chart for chart in made if chart is not None]


def average(result: BenchmarkResult) -> Metric | None:
    return next((metric for metric in result.metrics if metric.name.startswith("avg@")), None)


def pass_points(result: BenchmarkResult) -> list[tuple[int, Metric]]:
    """`(k, pass@k)` in order of k; the average is pass@1 where that was not asked for."""
    points = {int(found[2]): m for m in result.metrics if (found := _METRIC.match(m.name)) and found[1] == "pass"}
    if (mean := average(result)) is not None:
        points.setdefault(1, mean)
    return sorted(points.items())


def _pass_at_k(benchmark: str, shown: Sequence[Shown]) -> Chart | None:
    curves = [(of, points) for of in shown if len(points := pass_points(of.result)) > 1]
    if not curves:
        return None
    most = max(points[-1][0] for _, points in curves)
    x = svg.Scale(1, most, svg.LEFT + 8, svg.LEFT + svg.PLOT_W - 8, log=True)
    ticks = [2.0**power for power in range(most.bit_length())]
    note = "Chance that at least one of k samples is correct, unbiased; bands: 95% intervals. k on a log2 scale."
    return _curves(f"{benchmark}: pass@k", note, curves, x, ticks, lambda k: f"pass@{k}")


def _by_step(benchmark: str, shown: Sequence[Shown]) -> Chart | None:
    most = max(MOST_POINTS // 8, MOST_POINTS // len(shown))
    curves = [(of, [of.by_step[i] for i in spread(len(of.by_step), most)]) for of in shown if len(of.by_step) > 1]
    if not curves:
        return None
    steps = [step for _, points in curves for step, _ in points]
    x = svg.x_scale(min(steps), max(*steps, min(steps) + 1))
    note = "Average over the problems after so many steps; bands: 95% intervals."
    if any(len(of.by_step) > most for of in shown):
        note += f" Of more evaluations than {most}, so many, evenly spread."
    return _curves(f"{benchmark}: by step", note, curves, x, nice_ticks(x.low, x.high, 5), lambda s: f"step {s}")


def _curves(
    title: str,
    note: str,
    curves: Sequence[tuple[Shown, Sequence[tuple[int, Metric]]]],
    x: svg.Scale,
    x_ticks: Sequence[float],
    words: Callable[[int], str],
) -> Chart:
    top = max(metric.high for _, points in curves for _, metric in points)
    ticks = [tick for tick in nice_ticks(0.0, top or 1.0) if tick < 1.0 + 1e-9]
    y = svg.y_scale(0.0, max(ticks[-1], top))
    body = [svg.axes(x, x_ticks, y, ticks)]
    parts = []
    for of, points in curves:
        at = [float(place) for place, _ in points]
        body.append(svg.band(at, [(m.low, m.high) for _, m in points], x, y, f"band {of.css}"))
        body.append(svg.line(at, [m.value for _, m in points], x, y, f"line {of.css}"))
        body += [
            f'<circle class="dot {of.css}" cx="{svg.px(x(place))}" cy="{svg.px(y(m.value))}" r="3"/>'
            for place, m in points
        ]
        series: list[tuple[str, list[float | None]]] = [(of.name, [m.value for _, m in points])]
        series += [("low", [m.low for _, m in points]), ("high", [m.high for _, m in points])]
        places = [round(x(place), 1) for place in at]
        parts.append(hover("points", [words(place) for place, _ in points], series, {"px": places}))
    legend = [(of.css, f"{of.name}: {points[-1][1].value:.3f}") for of, points in curves]
    return Chart(title, note, svg.frame(title, "".join(body)), (), legend, {"kind": "places", "parts": parts})


def _categories(benchmark: str, shown: Sequence[Shown]) -> Chart | None:
    """A row a category, the largest first: a dot with its interval for every source."""
    sizes: dict[str, int] = {}
    for of in shown:
        for name, metric in of.result.categories.items():
            sizes[name] = max(sizes.get(name, 0), metric.n_problems)
    if not sizes:
        return None
    names = sorted(sizes, key=lambda name: (-sizes[name], name))[:MOST_CATEGORIES]
    height = ROW + MARK * (len(shown) - 1)
    bottom = svg.TOP + height * len(names)
    x = svg.Scale(0, 1, svg.RIGHT + 4, svg.WIDTH - svg.RIGHT - 8)
    body = [f'<path class="grid" d="M{svg.px(x(t))} {svg.TOP}V{bottom}"/>' for t in (0, 0.25, 0.5, 0.75, 1)]
    body += [svg.text(x(t), bottom + 16, short(t), "tick") for t in (0, 0.25, 0.5, 0.75, 1)]
    for row, name in enumerate(names):
        top = svg.TOP + height * row
        found = [(of.css, of.result.categories.get(name)) for of in shown]
        values = ", ".join(f"{held.value:.2f}" for _, held in found if held)
        words = svg.clipped(name, f" · {sizes[name]} · {values}")
        body.append(svg.text(svg.RIGHT, top + 12, words, "tick name", "start"))
        for place, (css, held) in enumerate(found):
            if held:
                body.append(svg.lying(x, top + 22 + MARK * place, held.interval, css))
    note = f"Average with its 95% interval. Above: problems, {'values' if len(shown) > 1 else 'value'}."
    if len(sizes) > len(names):
        note += f" The {len(names)} largest of {len(sizes)} categories."
    title = f"{benchmark}: categories"
    legend = [(of.css, of.name) for of in shown] if len(shown) > 1 else []
    return Chart(title, note, svg.frame(title, "".join(body), bottom + 24), (), legend)


def _pass_rates(benchmark: str, shown: Sequence[Shown]) -> Chart | None:
    """How many problems are never, sometimes and always solved: where there is something left to learn."""
    several = [of for of in shown if of.result.samples > 1]
    if not several:
        return None
    title, note = f"{benchmark}: problems by pass rate", "Share of a problem's samples that are correct."
    labels, ticks = _pass_rate_slots(several)
    counts = [(of, _pass_rate_counts(of.result.problems, len(labels))) for of in several]
    if len(counts) == 1:
        return stacked_slots(title, note, labels, [("c1", "problems", counts[0][1])], ticks)
    series: list[Series] = [(of.css, of.name, [n / (sum(found) or 1) for n in found]) for of, found in counts]
    return lines_over_slots(title, note + " Share of the problems.", labels, series, ticks)


def _pass_rate_slots(shown: Sequence[Shown]) -> tuple[list[str], list[tuple[float, str]]]:
    """A slot for each count of correct samples; where there are many, or not as many in all: none, tenths, all."""
    samples = {of.result.samples for of in shown}
    if len(samples) == 1 and (most := samples.pop()) <= MOST_COUNTS:
        return [f"{k} of {most} correct" for k in range(most + 1)], [(k + 0.5, str(k)) for k in range(most + 1)]
    bands = [f"{10 * band}–{10 * band + 10}%" for band in range(TENTHS)]
    ticks = [(0.5, "none"), (3.5, "25%"), (6.0, "50%"), (8.5, "75%"), (11.5, "all")]
    return ["none", *bands, "all"], ticks


def _pass_rate_counts(problems: Sequence[ProblemResult], slots: int) -> list[float]:
    counts = [0.0] * slots
    for problem in problems:
        correct = problem.correct_S
        if not correct:
            continue
        right, of = sum(correct), len(correct)
        if slots == TENTHS + 2:
            counts[0 if right == 0 else slots - 1 if right == of else 1 + min(TENTHS - 1, TENTHS * right // of)] += 1
        else:
            counts[right] += 1
    return counts


def _lengths(benchmark: str, shown: Sequence[Shown]) -> Chart | None:
    longest = max((n for of in shown for problem in of.result.problems for n in problem.tokens), default=0)
    if not longest:
        return None
    size = max(1.0, nice_ticks(0, longest, LENGTH_SLOTS)[1])
    slots = int(longest // size) + 1
    edges = [round(size * i) for i in range(slots + 1)]
    labels = [f"{a}–{b} tokens" for a, b in pairwise(edges)]
    ticks = [(place / size, short(place)) for place in nice_ticks(0, longest, 4) if place <= edges[-1]]
    title = f"{benchmark}: response length"
    if len(shown) == 1:
        right, other = _length_counts(shown[0].result.problems, size, slots)
        series: list[Series] = [("c1", "correct", right), ("c8", "other", other)]
        return stacked_slots(title, "Responses by tokens.", labels, series, ticks)
    series = []
    for of in shown:
        right, other = _length_counts(of.result.problems, size, slots)
        total = sum(right) + sum(other) or 1.0
        series.append((of.css, of.name, [(a + b) / total for a, b in zip(right, other, strict=True)]))
    return lines_over_slots(title, "Share of the responses by tokens.", labels, series, ticks)


def _length_counts(problems: Sequence[ProblemResult], size: float, slots: int) -> tuple[list[float], list[float]]:
    """Of the correct responses, and of the others."""
    right, other = [0.0] * slots, [0.0] * slots
    for problem in problems:
        for tokens, status in zip(problem.tokens, problem.statuses, strict=True):
            (right if status == "correct" else other)[min(slots - 1, int(tokens // size))] += 1
    return right, other
