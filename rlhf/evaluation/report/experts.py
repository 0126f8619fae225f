"""Heat maps of expert load in a mixture-of-experts policy. 1 is the fair share; a dead expert shows as a gap."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from rlhf.evaluation.report import svg
from rlhf.evaluation.report.chart import Chart, step_labels
from rlhf.evaluation.report.load import Column, RunData
from rlhf.evaluation.report.series import Bins, Value, short
from rlhf.evaluation.report.sources import Source
from rlhf.metrics import keys

COLUMNS = 80
MOST_ROWS = 64
ROW_HEIGHT = 5.0
MOST_CELLS = 12_000  # of the maps of a page that have an expert a cell
Experts = Mapping[int, Mapping[int, Column]]  # by layer and expert, its share of the layer's tokens


def expert_charts(runs: Sequence[Source]) -> list[Chart]:
    """Load by step (every expert, or each layer's busiest where there are many) and now; [] for a dense policy.

    Of several runs, the load now of each.
    """
    held = [(source, layers) for source in runs if source.run and (layers := _loads(source.run))]
    if len(runs) == 1:
        return [chart for source, layers in held if source.run for chart in _of_one(source.run, layers)]
    room = MOST_CELLS // max(1, len(held))
    return [_at_the_end(source.run, layers, room, f": {source.name}") for source, layers in held if source.run]


def _of_one(run: RunData, layers: Experts) -> list[Chart]:
    rows = sum(len(experts) for experts in layers.values())
    bins = Bins.of(len(run.steps), COLUMNS)
    return [
        _every_expert(run, layers, bins) if rows <= MOST_ROWS else _busiest(run, layers, bins),
        _at_the_end(run, layers, MOST_CELLS),
    ]


def _loads(run: RunData) -> Experts:
    columns: dict[int, dict[int, Column]] = {}
    for key in run.keys_under(keys.EXPERT_LOAD):
        found = keys.parse_expert_load(key)
        if found:
            columns.setdefault(found[0], {})[found[1]] = run.columns[key]
    return {layer: dict(sorted(experts.items())) for layer, experts in sorted(columns.items())}


def _relative(values: Sequence[Value], experts: int) -> list[Value]:
    """Shares of a layer's tokens times its number of experts: 1 is the fair share."""
    return [None if v is None else v * experts for v in values]


def _every_expert(run: RunData, layers: Experts, bins: Bins) -> Chart:
    named = [
        (f"layer {layer}, expert {e}", _relative(bins.means(column), len(experts)))
        for layer, experts in layers.items()
        for e, column in experts.items()
    ]
    sizes = [(f"L{layer}", len(experts)) for layer, experts in layers.items()]
    return _map(
        "Expert load by step",
        "Every expert of every layer, a row each.",
        named,
        sizes,
        step_labels(run.steps, bins),
        ends=_step_ends(run),
    )


def _busiest(run: RunData, layers: Experts, bins: Bins) -> Chart:
    named = []
    for layer, experts in layers.items():
        cells = [_relative(bins.means(column), len(experts)) for column in experts.values()]
        named.append((f"layer {layer}, busiest expert", [_greatest(cell) for cell in zip(*cells, strict=True)]))
    sizes = [(f"L{layer}", 1) for layer in layers]
    return _map(
        "Busiest expert by step",
        "The most loaded expert of each layer.",
        named,
        sizes,
        step_labels(run.steps, bins),
        ends=_step_ends(run),
    )


def _at_the_end(run: RunData, layers: Experts, room: int, of: str = "") -> Chart:
    """room: cells; where there are more experts, neighbours share one, which shows the busiest of them."""
    recent = max(1, len(run.steps) // 10)
    width = max(len(experts) for experts in layers.values())
    together = Bins.of(width, max(1, room // len(layers)))
    named = []
    for layer, experts in layers.items():
        row = _relative([_mean(column[-recent:]) for column in experts.values()], len(experts))
        named.append((f"layer {layer}", [_greatest(row[a:b]) for a, b in pairwise(together.edges)]))
    sizes = [(f"L{layer}", 1) for layer in layers]
    note = f"Mean of the last {recent} steps; " if recent > 1 else "The last step; "
    note += "layers down, experts across."
    if together.size > 1:
        note += f" A cell is the busiest of {together.size} experts."
    spans = [(a, b - 1) for a, b in pairwise(together.edges)]
    columns = [f"expert {a}" if a == b else f"busiest of experts {a}–{b}" for a, b in spans]
    return _map(f"Expert load now{of}", note, named, sizes, columns, ends=("E0", f"E{width - 1}"))


def _map(
    title: str,
    note: str,
    named: Sequence[tuple[str, Sequence[Value]]],
    sizes: Sequence[tuple[str, int]],
    columns: Sequence[str],
    *,
    ends: tuple[str, str],
) -> Chart:
    grid = [values for _, values in named]
    greatest = max(2.0, max((v for row in grid for v in row if v is not None and math.isfinite(v)), default=2.0))
    height = min(320.0, max(150.0, ROW_HEIGHT * len(grid)))
    bottom = svg.TOP + height
    body = [f'<rect class="cells" x="{svg.LEFT}" y="{svg.TOP}" width="{svg.PLOT_W}" height="{svg.px(height)}"/>']
    body.append(svg.heat(grid, svg.TOP, height, greatest))
    above, every = 0, math.ceil(len(sizes) / 16)
    for index, (label, size) in enumerate(sizes):
        middle = svg.TOP + height * (above + size / 2) / len(grid)
        if index % every == 0:
            body.append(svg.text(svg.LEFT - 6, middle + 4, label, "tick", "end"))
        above += size
        if size > 1 and above < len(grid):
            body.append(
                f'<path class="cut" d="M{svg.LEFT} {svg.px(svg.TOP + height * above / len(grid))}h{svg.PLOT_W}"/>'
            )
    body.append(svg.text(svg.LEFT, bottom + 16, ends[0], "tick", "start"))
    body.append(svg.text(svg.LEFT + svg.PLOT_W, bottom + 16, ends[1], "tick", "end"))
    data: dict[str, Any] = {
        "kind": "heat",
        "labels": list(columns),
        "rows": [name for name, _ in named],
        "grid": [[None if v is None or not math.isfinite(v) else round(v, 2) for v in row] for row in grid],
        "top": svg.TOP,
        "height": height,
    }
    note += f" Relative to an even share: empty is 0, full colour is {short(greatest)}×."
    return Chart(title, note, svg.frame(title, "".join(body), int(bottom + 24)), data=data)


def _mean(values: Sequence[Value]) -> Value:
    held = [v for v in values if v is not None and math.isfinite(v)]
    return math.fsum(held) / len(held) if held else None


def _greatest(values: Sequence[Value]) -> Value:
    return max((v for v in values if v is not None), default=None)


def _step_ends(run: RunData) -> tuple[str, str]:
    return f"step {run.steps[0]}", f"step {run.steps[-1]}"
