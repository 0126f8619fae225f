"""A worker started ahead of its need."""

from __future__ import annotations

import json
import threading

from verifiers.pool.process import WorkerProcess, WorkerSettings


class WarmSpare:
    """One plain worker that has started and imported ahead, so that a hang does not cost its successor's imports."""

    def __init__(self, settings: WorkerSettings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._worker: WorkerProcess | None = None
        self._loaded: set[tuple[str, str]] = set()
        self._closed = False

    def take(self) -> WorkerProcess | None:
        """The spare, if there is one alive; another is started in its place."""
        with self._lock:
            worker, self._worker = self._worker, None
            self._start()
        if worker is None or worker.alive():
            return worker
        worker.close()
        return None

    def refill(self, loaded: set[tuple[str, str]]) -> None:
        """Note what plain workers have loaded, and start the first spare."""
        with self._lock:
            self._loaded |= loaded
            if self._worker is None:
                self._start()

    def pids(self) -> list[int]:
        with self._lock:
            return [self._worker.pid] if self._worker is not None and self._worker.alive() else []

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if self._worker is not None:
                self._worker.close()
                self._worker = None

    def _start(self) -> None:
        if self._closed or not self._loaded:
            return
        self._worker = WorkerProcess(self._settings, isolated=False)
        for name, config in sorted(self._loaded):
            self._worker.post({"op": "load", "name": name, "config": json.loads(config)})
