"""A tracker fed from a thread of its own, so that an outage of its server neither stops nor slows a step."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from rlhf.metrics.trackers import Sink

Warn = Callable[[str], None]
QUEUE_STEPS = 512
CLOSE_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class Retries:
    """When a step that was not taken is sent again: after `first_s` seconds, then twice that, up to `longest_s`.

    doubted_after: after so many failures in a row the step itself is doubted (see `BackgroundSink`). With the
    pauses of the defaults that is a quarter of an hour.
    """

    first_s: float = 5.0
    longest_s: float = 300.0
    doubted_after: int = 8

    def pause_s(self, failures: int) -> float:
        """Seconds to wait after so many failures in a row."""
        return min(self.first_s * 2.0 ** min(failures - 1, 60), self.longest_s)  # 2.0**1024 is an error


DEFAULT_RETRIES: Final = Retries()


@dataclass(frozen=True, slots=True)
class _Row:
    step: int
    metrics: dict[str, Any]


class BackgroundSink:
    """Feeds a tracker from a thread, in the order of the steps; none of its calls but closing waits.

    A failure is warned about once; the step is kept and sent again (`Retries`) until it is taken, which is said
    too. Steps that come meanwhile wait; those beyond `capacity` are dropped, with one warning an outage.
    A step refused for what it holds (ValueError or TypeError, not the network's) is left out. One that failed
    `doubted_after` times is tried in turn with the next; if that is taken, and it fails again, it is left out too.
    abandon: called if the tracker does not end in time, so that nothing of it holds up the process's exit.
    """

    def __init__(
        self,
        name: str,
        sink: Sink,
        warn: Warn,
        capacity: int = QUEUE_STEPS,
        close_seconds: float = CLOSE_SECONDS,
        retries: Retries = DEFAULT_RETRIES,
        abandon: Callable[[], None] | None = None,
    ) -> None:
        self.name, self.dropped, self.refused = name, 0, 0
        self._sink, self._warn, self._abandon = sink, warn, abandon
        self._capacity, self._close_seconds, self._retries = capacity, close_seconds, retries
        self._rows: deque[_Row] = deque()  # a row stays here until it is taken or left out
        self._changed = threading.Condition()  # of _rows and _ending
        self._ending, self._status = threading.Event(), "finished"
        self._failures, self._missing, self._given_up = 0, False, False
        self._overtaken: _Row | None = None  # failed where a later row was then taken: has one attempt more
        # A daemon, so that a tracker that hangs for ever cannot keep the process alive.
        self._thread = threading.Thread(target=self._work, name=f"tracker-{name}", daemon=True)
        self._thread.start()

    @property
    def failed(self) -> bool:
        """Whether the last attempt failed."""
        return self._failures > 0

    def log(self, step: int, metrics: Mapping[str, Any]) -> None:
        with self._changed:
            if len(self._rows) < self._capacity:
                self._rows.append(_Row(step, dict(metrics)))
                self._changed.notify()
                return
            self.dropped += 1
            first, self._missing = not self._missing, True
        if first:
            self._say(
                f"does not keep up ({self._capacity} steps are waiting): "
                f"it misses steps from {step} on; metrics.jsonl holds them all"
            )

    def close(self, status: str = "finished") -> None:
        """Waits up to `close_seconds` for what is queued, then gives the tracker up, saying so."""
        self.end(status)
        self.wait(self._close_seconds)

    def end(self, status: str) -> None:
        """Sends what is queued, without a pause and without trying again, then closes; does not wait for it."""
        with self._changed:
            if not self._ending.is_set():
                self._status = status
                self._ending.set()
                self._changed.notify()

    def wait(self, seconds: float) -> None:
        """After `end`: waits for it, up to `seconds`."""
        if self._given_up:
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._say(f"did not finish in {self._close_seconds:g} s and is given up ({self._left()})")
            self._given_up = True
            if self._abandon is not None:
                self._abandon()

    def _work(self) -> None:
        while (row := self._next()) is not None:
            last = self._ending.is_set()
            if self._attempt(row):
                continue
            if last:
                break
            self._ending.wait(self._retries.pause_s(self._failures))
        try:
            self._sink.close(self._status)
        except Exception as error:  # noqa: BLE001 - a tracker may raise anything, and none of it may stop the end
            self._say(f"failed to close ({type(error).__name__}: {error}; {self._left()})")
        else:
            if self._rows:
                self._say(f"was closed without its last steps ({self._left()})")

    def _next(self) -> _Row | None:
        """The row to try; None where the run has ended and nothing is left."""
        with self._changed:
            self._changed.wait_for(lambda: self._rows or self._ending.is_set())
            if not self._rows:
                return None
            doubted = self._failures >= self._retries.doubted_after and len(self._rows) > 1
            return self._rows[self._failures % 2 if doubted else 0]

    def _attempt(self, row: _Row) -> bool:
        """Whether the row is done with: taken, or refused for ever."""
        try:
            self._sink.log(row.step, row.metrics)
        except Exception as error:  # noqa: BLE001 - a tracker may raise anything, and none of it may stop training
            said = f"{type(error).__name__}: {error}"
            if refused(error) or row is self._overtaken:
                self._leave_out(row, said)
                return True
            self._failures += 1
            if self._failures == 1:
                self._say(f"failed at step {row.step} ({said}); it is tried again, and training goes on")
            return False
        self._taken(row)
        return True

    def _leave_out(self, row: _Row, said: str) -> None:
        with self._changed:
            self._rows.remove(row)
        self.refused += 1
        if self.refused == 1:
            self._say(f"refuses step {row.step} ({said}): such steps are left out there; metrics.jsonl holds them all")

    def _taken(self, row: _Row) -> None:
        with self._changed:
            self._overtaken = self._rows[0] if self._rows[0] is not row else None
            self._rows.remove(row)
            failures, self._failures, self._missing = self._failures, 0, False
        if failures:
            self._say("takes steps again")

    def _left(self) -> str:
        return f"{len(self._rows)} steps not sent"

    def _say(self, text: str) -> None:
        if not self._given_up:
            self._warn(f"tracker {self.name} {text}")


def refused(error: Exception) -> bool:
    """Whether a tracker will never take the row; not so where the network failed, or a proxy answered in HTML."""
    return isinstance(error, ValueError | TypeError) and not isinstance(error, OSError | json.JSONDecodeError)
