"""One card of the page with a drawing, and what the page's script needs to read values off it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rlhf.evaluation.report.plain import size
from rlhf.evaluation.report.series import Bins, Value


@dataclass(frozen=True, slots=True)
class Chart:
    """latest: `(label, value)` pairs. legend: `(css class, name)` pairs. data: for the pointer (`assets/charts.js`)."""

    title: str
    note: str
    svg: str
    latest: Sequence[tuple[str, str]] = ()
    legend: Sequence[tuple[str, str]] = ()
    data: dict[str, Any] = field(default_factory=dict)


def step_labels(steps: Sequence[int], bins: Bins) -> list[str]:
    """`step 3`, or `steps 3–6` where a bin has several."""
    pairs = [(steps[a], steps[b - 1]) for a, b in pairwise(bins.edges)]
    return [f"step {a}" if a == b else f"steps {a}–{b}" for a, b in pairs]


def hover(
    kind: str, labels: Sequence[str], series: Sequence[tuple[str, Sequence[Value]]], extra: Mapping[str, Any] = {}
) -> dict[str, Any]:
    """kind `line`: `extra` has x, lo and hi of the axis; `bars`: equally wide slots; `points`: px, places in pixels."""
    rows = [{"n": name, "v": [rounded(v) for v in values]} for name, values in series]
    return {"kind": kind, "labels": list(labels), "series": rows, **extra}


def rounded(value: Value) -> Value:
    return None if value is None else float(f"{value:.4g}")


def within(charts: Sequence[Chart], room: int) -> tuple[list[Chart], list[str]]:
    """Those that fit into so many bytes of the page, in order, and the titles of the others."""
    kept, without = [], []
    for chart in charts:
        words = [chart.title, chart.note, *(part for pair in (*chart.latest, *chart.legend) for part in pair)]
        takes = len(chart.svg.encode("utf-8", "replace")) + size(chart.data) + 600 + sum(6 * len(w) + 50 for w in words)
        if takes <= room:
            room -= takes
            kept.append(chart)
        else:
            without.append(chart.title)
    return kept, without
