"""The panel on a terminal: stage, progress, the step's figures, accuracy so far. Needs rich."""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Iterable, Mapping
from typing import Any, TextIO

from rich.columns import Columns
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from rlhf.metrics import keys
from rlhf.metrics.live import Clock, Pace, duration, figures
from rlhf.metrics.text import one_line, terminal_text

BARS = "▁▂▃▄▅▆▇█"


class PanelView:
    """Redrawn in place four times a second; notes scroll by above it."""

    def __init__(self, total_steps: int, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._clock, self._pace = clock, Pace(clock)
        self._total, self._step = total_steps, 0
        self._stage, self._detail, self._stage_start = "starting", "", clock()
        self._metrics: dict[str, Any] = {}
        self._accuracy: list[float] = []
        self._step_end: float | None = None
        self._spinner = Spinner("dots", style="cyan")
        self._console = Console(file=stream, highlight=False)
        self._live = Live(
            self, console=self._console, refresh_per_second=4, redirect_stdout=False, redirect_stderr=False
        )
        self._live.start()

    def stage(self, name: str, detail: str = "") -> None:
        if one_line(name) != self._stage:
            self._stage_start = self._clock()
        self._stage, self._detail = one_line(name), one_line(detail)

    def step(self, step: int, total: int, metrics: Mapping[str, Any]) -> None:
        self._pace.ended(metrics)
        self._step, self._total, self._step_end = step, total, self._clock()
        self._metrics = dict(metrics)
        accuracy = metrics.get(keys.ACCURACY)
        if accuracy is not None and math.isfinite(accuracy):
            self._accuracy.append(float(accuracy))

    def note(self, text: str) -> None:
        self._console.print(Text(terminal_text(text)))  # a Text: rich reads no markup in it

    def close(self) -> None:
        self._live.stop()

    def __rich__(self) -> RenderableType:
        rows: list[RenderableType] = [self._stage_row(), self._progress_row()]
        shown = figures(self._metrics)
        if self._pace.last is not None:
            shown.append(("", f"{self._pace.last:.1f} s/step"))
        if shown:
            rows.append(_figures_row(shown))
        if len(self._accuracy) > 1:
            rows.append(self._accuracy_row())
        return Panel(Group(*rows), title="longthought", title_align="left", border_style="dim", padding=(0, 1))

    def _stage_row(self) -> RenderableType:
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(width=1)
        row.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
        row.add_column(justify="right", no_wrap=True)
        row.add_row(
            self._spinner,
            Text.assemble((self._stage, "bold"), "  ", (self._detail, "dim")),
            Text(duration(self._clock() - self._stage_start), style="dim"),
        )
        return row

    def _progress_row(self) -> RenderableType:
        row = Table.grid(padding=(0, 1), expand=True)
        row.add_column(no_wrap=True)
        row.add_column(ratio=1)
        row.add_column(justify="right", no_wrap=True)
        left = self._pace.left(self._total - self._step)
        if left is not None and self._step_end is not None:
            left -= self._clock() - self._step_end  # counts down between steps
        row.add_row(
            Text(f"step {self._step}/{self._total}"),
            ProgressBar(total=max(1, self._total), completed=self._step),
            Text("" if left is None else f"left {duration(left)}"),
        )
        return row

    def _accuracy_row(self) -> RenderableType:
        width = max(10, self._console.width - 36)
        first, last = self._accuracy[0], self._accuracy[-1]
        return Text.assemble(
            ("accuracy ", "dim"), (sparkline(self._accuracy, width), "green"), f" {first:.2f} → {last:.2f}"
        )


def _figures_row(shown: Iterable[tuple[str, str]]) -> RenderableType:
    """The figures side by side; a narrow terminal gets more rows, and none is broken in two."""
    cells = [
        Text.assemble((f"{label} " if label else "", "dim"), (value, "bold"), no_wrap=True) for label, value in shown
    ]
    return Columns(cells, padding=(0, 3))


def sparkline(values: list[float], width: int) -> str:
    """`values` (each from 0 to 1) as bars; more values than `width` are averaged in `width` even bins."""
    if len(values) > width:
        edges = [len(values) * i // width for i in range(width + 1)]
        values = [sum(values[a:b]) / (b - a) for a, b in itertools.pairwise(edges)]
    return "".join(BARS[min(len(BARS) - 1, max(0, int(v * len(BARS))))] for v in values)
