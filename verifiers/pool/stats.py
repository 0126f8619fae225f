"""Counts and latencies of a verifier pool, for the metrics."""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass

from verifiers.base import Status, Verdict

WINDOW = 4096
"""Latency percentiles are over this many last verdicts."""


@dataclass(frozen=True, slots=True)
class PoolStats:
    """counts: verdicts by status. restarts: workers replaced, by cause. queue_depth, running: samples now.
    p50_s, p95_s, p99_s, max_s: seconds from a sample's start in a worker to its verdict."""

    counts: Mapping[str, int]
    restarts: Mapping[str, int]
    queue_depth: int
    running: int
    p50_s: float
    p95_s: float
    p99_s: float
    max_s: float

    def as_metrics(self) -> dict[str, float]:
        """Flat names and numbers, e.g. `count/correct`, `restarts/timeout`, `latency/p95_s`."""
        flat: dict[str, float] = {f"count/{status}": float(n) for status, n in self.counts.items()}
        flat |= {f"restarts/{cause}": float(n) for cause, n in self.restarts.items()}
        flat |= {f"latency/{name}": getattr(self, name) for name in ("p50_s", "p95_s", "p99_s", "max_s")}
        return flat | {"queue_depth": float(self.queue_depth), "running": float(self.running)}


class Recorder:
    """Thread-safe collection of what the slots of a pool report."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()
        self._restarts: Counter[str] = Counter()
        self._seconds: deque[float] = deque(maxlen=WINDOW)

    def verdict(self, verdict: Verdict) -> None:
        with self._lock:
            self._counts[str(verdict.status)] += 1
            self._seconds.append(verdict.seconds)

    def restart(self, cause: str) -> None:
        with self._lock:
            self._restarts[cause] += 1

    def stats(self, queue_depth: int, running: int) -> PoolStats:
        with self._lock:
            counts = {str(status): self._counts[str(status)] for status in Status}
            restarts = {cause: self._restarts[cause] for cause in ("timeout", "memory", "died")}
            ordered = sorted(self._seconds)
        p50, p95, p99, longest = (percentile(ordered, q) for q in (0.5, 0.95, 0.99, 1.0))
        return PoolStats(counts, restarts, queue_depth, running, p50, p95, p99, longest)


def percentile(ordered: list[float], q: float) -> float:
    """The nearest-rank percentile of ascending values; 0.0 of none."""
    if not ordered:
        return 0.0
    rank = max(1, -(-len(ordered) * round(q * 1000) // 1000))
    return ordered[rank - 1]
