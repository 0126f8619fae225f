"""Where a step's numbers go: `metrics.jsonl` always, TensorBoard by default; W&B, trackio and MLflow where named.

The file is the run's record: if it cannot be written, the run stops with the disk's error. The trackers are
not: one that cannot start is an error before training (`TrackerError`), one that fails later is warned about
once and switched off. Network trackers are fed from a bounded queue by a thread of their own, so that an
outage neither stops nor slows a step.
"""

from __future__ import annotations

import contextlib
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from rlhf.metrics.jsonl import JsonlSink, MetricsFileError, plain_number, read_metrics
from rlhf.metrics.mlflow_sink import MlflowSink
from rlhf.metrics.trackers import TensorBoardSink, TrackerError, TrackioSink, WandbSink
from rlhf.recipe.schema import TrackingConfig

__all__ = ["BackgroundSink", "GuardedSink", "JsonlSink", "MetricsFileError", "Sink", "SinkGroup", "TrackerError"]
__all__ += ["open_sinks", "read_metrics"]

Warn = Callable[[str], None]
_log = logging.getLogger(__name__)
QUEUE_STEPS = 512
CLOSE_SECONDS = 20.0


class Sink(Protocol):
    """Takes one step's metrics at a time, in the order of the steps."""

    def log(self, step: int, metrics: Mapping[str, Any]) -> None: ...

    def close(self) -> None: ...


class GuardedSink:
    """Runs a tracker in the caller's thread; its first failure is warned about and switches it off."""

    def __init__(self, name: str, sink: Sink, warn: Warn) -> None:
        self.name, self._sink, self._warn = name, sink, warn
        self.failed = False

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        self._attempt(lambda: self._sink.log(step, metrics))

    def close(self) -> None:
        self._attempt(self._sink.close)

    def _attempt(self, call: Callable[[], None]) -> None:
        if self.failed:
            return
        try:
            call()
        except Exception as error:  # noqa: BLE001 - a tracker may raise anything, and none of it may stop training
            self.failed = True
            self._warn(
                f"tracker {self.name} failed and is switched off ({type(error).__name__}: {error}); training goes on"
            )


class BackgroundSink:
    """Feeds a tracker from a thread. A full queue (the tracker is stuck) drops the step and warns once."""

    def __init__(
        self, name: str, sink: Sink, warn: Warn, capacity: int = QUEUE_STEPS, close_seconds: float = CLOSE_SECONDS
    ) -> None:
        self.name, self.dropped = name, 0
        self._guarded, self._warn, self._close_seconds = GuardedSink(name, sink, warn), warn, close_seconds
        self._queue: queue.Queue[tuple[int, dict[str, Any]] | None] = queue.Queue(capacity)
        self._closing = threading.Event()
        # A daemon, so that a tracker that hangs for ever cannot keep the process alive.
        self._thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> bool:
        return self._guarded.failed

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        try:
            self._queue.put_nowait((step, dict(metrics)))
        except queue.Full:
            self.dropped += 1
            if self.dropped == 1:
                self._warn(
                    f"tracker {self.name} does not keep up ({self._queue.maxsize} steps are waiting): "
                    f"it misses steps from {step} on; metrics.jsonl holds them all"
                )

    def close(self) -> None:
        """Waits up to `close_seconds` for what is queued, then gives the tracker up, saying so."""
        if self._closing.is_set():
            return
        self._closing.set()
        with contextlib.suppress(queue.Full):  # full: the thread is not waiting, and sees _closing in the end
            self._queue.put_nowait(None)  # wakes the thread if it waits
        self._thread.join(self._close_seconds)
        if self._thread.is_alive():
            left = self._queue.qsize()
            self._warn(
                f"tracker {self.name} did not finish in {self._close_seconds:g} s and is given up "
                f"({left} steps not sent)"
            )

    def _work(self) -> None:
        while not (self._closing.is_set() and self._queue.empty()):
            item = self._queue.get()
            if item is not None:
                self._guarded.log(*item)
        self._guarded.close()


class SinkGroup:
    """The record and the trackers of one run, as one sink."""

    def __init__(self, record: JsonlSink, trackers: Sequence[GuardedSink | BackgroundSink] = ()) -> None:
        self.record, self.trackers = record, tuple(trackers)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Writes the step's metrics everywhere. None is no data: null in the file, absent in trackers."""
        numbers = {key: plain_number(key, value) for key, value in metrics.items()}
        self.record.log(step, numbers)
        present = {key: value for key, value in numbers.items() if value is not None}
        for tracker in self.trackers:
            tracker.log(step, present)

    def sync(self) -> None:
        """Called at every checkpoint: the file's lines are on the disk when it returns."""
        self.record.sync()

    def close(self) -> None:
        try:
            self.record.close()
        finally:
            for tracker in self.trackers:
                tracker.close()


def open_sinks(
    tracking: TrackingConfig,
    run_dir: Path,
    run_name: str,
    config_dict: Mapping[str, Any],
    resume_step: int | None = None,
    *,
    warn: Warn = _log.warning,
) -> SinkGroup:
    """Opens what the recipe's `tracking` section names.

    resume_step: the last step that the checkpoint holds, or None for a fresh run. A resumed run continues the
    file and TensorBoard; the others get a new run `NAME-from-N` in the group `NAME`, because none of them can
    take back steps that were already sent.
    Raises TrackerError if a tracker cannot start, MetricsFileError if the file may not be written.
    """
    name = run_name if resume_step is None else f"{run_name}-from-{resume_step}"
    with contextlib.ExitStack() as undo:
        record = JsonlSink(run_dir / "metrics.jsonl", resume_step)
        undo.callback(record.close)
        trackers: list[GuardedSink | BackgroundSink] = []
        if tracking.tensorboard:
            board = TensorBoardSink(run_dir / "tensorboard", resume_step)
            trackers.append(GuardedSink("tensorboard", board, warn))
            undo.callback(board.close)
        if tracking.wandb_project is not None:
            wandb_sink = WandbSink(tracking.wandb_project, name, run_name, run_dir, config_dict)
            trackers.append(BackgroundSink("wandb", wandb_sink, warn))
            undo.callback(trackers[-1].close)
        if tracking.trackio_project is not None:
            trackio_sink = TrackioSink(tracking.trackio_project, name, run_name, config_dict)
            trackers.append(BackgroundSink("trackio", trackio_sink, warn))
            undo.callback(trackers[-1].close)
        if tracking.mlflow_project is not None:
            mlflow_sink = MlflowSink(tracking.mlflow_project, name, run_name, run_dir, config_dict)
            trackers.append(BackgroundSink("mlflow", mlflow_sink, warn))
        undo.pop_all()
    return SinkGroup(record, trackers)
