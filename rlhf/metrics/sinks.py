"""Where a step's numbers go: `metrics.jsonl` always, TensorBoard by default; W&B, trackio and MLflow where named.

The file is the run's record: if it cannot be written, the run stops with the disk's error. The trackers are
not: one that cannot start is an error before training (`TrackerError`), and none that fails later stops it.
TensorBoard is then switched off; the trackers with a server are tried again (`BackgroundSink`).
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlhf.metrics.background import CLOSE_SECONDS, BackgroundSink, Warn
from rlhf.metrics.jsonl import JsonlSink, MetricsFileError, plain_number, read_metrics
from rlhf.metrics.mlflow_sink import MlflowSink
from rlhf.metrics.tracked import for_trackers
from rlhf.metrics.trackers import Sink, TensorBoardSink, TrackerError, TrackioSink, WandbSink
from rlhf.recipe.schema import TrackingConfig

__all__ = ["BackgroundSink", "GuardedSink", "JsonlSink", "MetricsFileError", "Sink", "SinkGroup", "TrackerError"]
__all__ += ["open_sinks", "read_metrics"]

_log = logging.getLogger(__name__)


class GuardedSink:
    """Runs a tracker in the caller's thread; its first failure is warned about and switches it off."""

    def __init__(self, name: str, sink: Sink, warn: Warn) -> None:
        self.name, self._sink, self._warn = name, sink, warn
        self.failed = False

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        self._attempt(lambda: self._sink.log(step, metrics))

    def close(self, status: str = "finished") -> None:
        self._attempt(lambda: self._sink.close(status))

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


class SinkGroup:
    """The record and the trackers of one run, as one sink."""

    def __init__(self, record: JsonlSink, trackers: Sequence[GuardedSink | BackgroundSink] = ()) -> None:
        self.record, self.trackers = record, tuple(trackers)

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        """Writes the step's metrics everywhere. None is no data: null in the file, absent in trackers.

        Trackers are sent less than the file where there are many experts (`for_trackers`).
        """
        numbers = {key: plain_number(key, value) for key, value in metrics.items()}
        self.record.log(step, numbers)
        if not self.trackers:
            return
        present = for_trackers({key: value for key, value in numbers.items() if value is not None})
        for tracker in self.trackers:
            tracker.log(step, present)

    def sync(self) -> None:
        """Called at every checkpoint: the file's lines are on the disk when it returns."""
        self.record.sync()

    def close(self, status: str = "finished") -> None:
        """Ends the file and the trackers, which are told how the run ended: `finished`, `interrupted` or `failed`.

        The trackers end side by side: all of them together are waited for CLOSE_SECONDS at the most.
        """
        try:
            self.record.close()
        finally:
            background = [tracker for tracker in self.trackers if isinstance(tracker, BackgroundSink)]
            give_up = time.monotonic() + CLOSE_SECONDS
            for tracker in background:
                tracker.end(status)
            for other in self.trackers:
                if isinstance(other, GuardedSink):
                    other.close(status)
            for tracker in background:
                tracker.wait(max(0.0, give_up - time.monotonic()))


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
        trackers: list[GuardedSink | BackgroundSink] = []
        undo.callback(lambda: SinkGroup(record, trackers).close("failed"))
        if tracking.tensorboard:
            board = TensorBoardSink(run_dir / "tensorboard", resume_step)
            trackers.append(GuardedSink("tensorboard", board, warn))
        if tracking.wandb_project is not None:
            wandb_sink = WandbSink(tracking.wandb_project, name, run_name, run_dir, config_dict)
            trackers.append(BackgroundSink("wandb", wandb_sink, warn, abandon=wandb_sink.abandon))
        if tracking.trackio_project is not None:
            trackio_sink = TrackioSink(tracking.trackio_project, name, run_name, config_dict)
            trackers.append(BackgroundSink("trackio", trackio_sink, warn))
        if tracking.mlflow_project is not None:
            mlflow_sink = MlflowSink(tracking.mlflow_project, name, run_name, run_dir, config_dict)
            trackers.append(BackgroundSink("mlflow", mlflow_sink, warn))
        undo.pop_all()
    return SinkGroup(record, trackers)
