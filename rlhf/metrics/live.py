"""What a person sees while a run goes on: a panel on a terminal, one line a step everywhere else.

    step 12/60  reward 0.71  accuracy 0.69  length 31.2  1,830 tok/s  3.9 s/step  left 3:07

Both show the same figures (`figures`) and the same time left (`Pace`: the median of the last steps, so that
one slow step, a checkpoint or an evaluation does not move it). All text is cleaned by `terminal_text`.
"""

from __future__ import annotations

import math
import os
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TextIO

from rlhf.metrics import keys
from rlhf.metrics.text import one_line, terminal_text

Clock = Callable[[], float]
RECENT_STEPS = 20
DETAIL_SECONDS = 10.0


class LiveView(Protocol):
    """What the trainer tells. Every call is cheap; none raises because of what a text or a metric holds."""

    def stage(self, name: str, detail: str = "") -> None:
        """What goes on now: `warm-up`, `rollout`, `learn`, `publish`, `evaluate`…"""
        ...

    def step(self, step: int, total: int, metrics: Mapping[str, Any]) -> None:
        """A step has ended; `metrics` by the names of `keys`."""
        ...

    def note(self, text: str) -> None:
        """A line that stays: a warning, a held-out accuracy, a path."""
        ...

    def close(self) -> None:
        """Gives the terminal back. May be called twice."""
        ...


def open_live_view(total_steps: int, stream: TextIO | None = None, clock: Clock = time.monotonic) -> LiveView:
    """A panel where `stream` (default: stdout) is a terminal that can redraw, plain lines otherwise."""
    stream = stream or sys.stdout
    if stream.isatty() and os.environ.get("TERM", "") not in ("", "dumb"):
        from rlhf.metrics.live_panel import PanelView  # rich is loaded for a terminal only

        return PanelView(total_steps, stream, clock)
    return PlainView(stream, clock)


@dataclass(frozen=True, slots=True)
class _Figure:
    key: str
    label: str
    form: str  # of str.format, given the value


FIGURES: tuple[_Figure, ...] = (
    _Figure(keys.REWARD, "reward", "{:.2f}"),
    _Figure(keys.ACCURACY, "accuracy", "{:.2f}"),
    _Figure(keys.HELDOUT_ACCURACY, "held-out", "{:.3f}"),
    _Figure(keys.LENGTH, "length", "{:,.1f}"),
    _Figure(keys.ENTROPY, "entropy", "{:.2f}"),
    _Figure(keys.STALENESS_MEAN, "staleness", "{:.1f}"),
    _Figure(keys.TOKENS_PER_S, "", "{:,.0f} tok/s"),
)
PLAIN_KEYS = (keys.REWARD, keys.ACCURACY, keys.HELDOUT_ACCURACY, keys.LENGTH, keys.TOKENS_PER_S)


def figures(metrics: Mapping[str, Any], only: tuple[str, ...] | None = None) -> list[tuple[str, str]]:
    """`(label, value)` of each figure that `metrics` has data for, in the order shown. NaN is shown as such."""
    shown = []
    for figure in FIGURES:
        value = metrics.get(figure.key)
        if value is not None and (only is None or figure.key in only):
            shown.append((figure.label, figure.form.format(float(value))))
    return shown


def duration(seconds: float) -> str:
    """`3:07`, `1:02:09`."""
    whole = max(0, round(seconds))
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02}:{whole % 60:02}" if hours else f"{minutes}:{whole % 60:02}"


class Pace:
    """Seconds a step and time left, from the median of the last `RECENT_STEPS` steps."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last_end: float | None = None
        self._seconds: deque[float] = deque(maxlen=RECENT_STEPS)

    def ended(self, metrics: Mapping[str, Any]) -> None:
        """A step has ended. Its time is `time/step` where logged, else the time since the last one ended."""
        now = self._clock()
        measured = metrics.get(keys.STEP_SECONDS)
        if measured is None and self._last_end is not None:
            measured = now - self._last_end
        self._last_end = now
        if measured is not None and math.isfinite(measured) and measured >= 0:
            self._seconds.append(float(measured))

    @property
    def last(self) -> float | None:
        return self._seconds[-1] if self._seconds else None

    def left(self, steps: int) -> float | None:
        """Seconds for `steps` more; None until a step was timed."""
        return statistics.median(self._seconds) * max(0, steps) if self._seconds else None


class PlainView:
    """One line a step. Of stages: a line each before the first step, and for a stage not seen before."""

    def __init__(self, stream: TextIO, clock: Clock = time.monotonic) -> None:
        self._stream, self._clock, self._pace = stream, clock, Pace(clock)
        self._stages: dict[str, float] = {}  # when each was last printed
        self._stepping = False

    def stage(self, name: str, detail: str = "") -> None:
        now, printed = self._clock(), self._stages.get(name)
        if printed is None or (not self._stepping and now - printed >= DETAIL_SECONDS):
            self._stages[name] = now
            self._print(f"{one_line(name)}: {one_line(detail)}" if detail else one_line(name))

    def step(self, step: int, total: int, metrics: Mapping[str, Any]) -> None:
        self._stepping = True
        self._pace.ended(metrics)
        parts = [f"step {step}/{total}"]
        parts += [f"{label} {value}".strip() for label, value in figures(metrics, PLAIN_KEYS)]
        if self._pace.last is not None:
            parts.append(f"{self._pace.last:.1f} s/step")
        left = self._pace.left(total - step)
        if left is not None:
            parts.append(f"left {duration(left)}")
        self._print("  ".join(parts))

    def note(self, text: str) -> None:
        self._print(terminal_text(text))

    def close(self) -> None:
        self._stream.flush()

    def _print(self, text: str) -> None:
        encoding = getattr(self._stream, "encoding", None) or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding) + "\n")
        self._stream.flush()
