"""How far an evaluation is: a bar with the time left on a terminal, a line now and then everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self, TextIO

from rlhf.evaluation.run.journal import SampleRow
from rlhf.metrics.live import duration
from verifiers.base import Status

Clock = Callable[[], float]
LINE_SECONDS = 10.0


class Progress:
    """Implements `gather.Watcher`. Use as a context manager. done_before: samples that an earlier process left."""

    def __init__(
        self, total: int, done_before: int, stream: TextIO | None = None, clock: Clock = time.monotonic
    ) -> None:
        self._total, self._before, self._new = total, done_before, 0
        self._correct = self._errors = self._tokens = 0
        self._stream, self._clock = stream or sys.stderr, clock
        self._started = self._last_line = clock()
        self._bar: Any = None

    def __enter__(self) -> Self:
        return self

    def begin(self) -> None:
        """The first sample is asked for now: loading is over, and counts in no speed."""
        self._started = self._last_line = self._clock()
        if self._stream.isatty():
            self._bar, self._task = _bar(self._stream, self._total, self._before)
            self._bar.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        elif self._new:
            self._say()

    def note(self, text: str) -> None:
        """A line that stays."""
        if self._bar is not None:
            from rich.text import Text

            self._bar.console.print(Text(text))
        else:
            print(text, file=self._stream, flush=True)

    def done(self, row: SampleRow) -> None:
        self._new += 1
        self._correct += row.status == Status.CORRECT
        self._errors += row.is_error
        self._tokens += row.tokens
        if self._bar is not None:
            self._bar.update(self._task, completed=self._before + self._new, description=self._facts())
        elif self._clock() - self._last_line >= LINE_SECONDS:
            self._last_line = self._clock()
            self._say()

    def _facts(self) -> str:
        judged = self._new - self._errors
        right = f"{self._correct / judged:.1%} right so far" if judged else "none judged so far"
        return f"{right}, {self._errors} verifier errors" if self._errors else right

    def _say(self) -> None:
        done, elapsed = self._before + self._new, self._clock() - self._started
        left = duration(elapsed / self._new * (self._total - done))
        speed = f"{self._tokens / elapsed:,.0f} tokens/s" if elapsed > 0 else ""
        print(
            f"{done:,} of {self._total:,} samples  {self._facts()}  {speed}  left {left}", file=self._stream, flush=True
        )


def _bar(stream: TextIO, total: int, done: int) -> tuple[Any, Any]:
    from rich import progress
    from rich.console import Console

    bar = progress.Progress(
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        progress.TimeElapsedColumn(),
        progress.TextColumn("left"),
        progress.TimeRemainingColumn(),
        progress.TextColumn("{task.description}", markup=False),
        console=Console(file=stream),
    )
    return bar, bar.add_task("", total=total, completed=done)
