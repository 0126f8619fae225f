"""What a pool's slots are handed: jobs, and a bounded queue of them."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from verifiers.base import Sample, Verdict


class PoolClosedError(RuntimeError):
    """The pool was closed before, or while, this was asked of it."""


@dataclass(frozen=True, slots=True)
class Job:
    """Judge `sample`, or with `gold` the verifier's own gold response; without a sample only load the verifier.

    The future's result is a Verdict; None where nothing is to be judged (no sample, or no gold response).
    """

    name: str
    config: Mapping[str, Any]
    sample: Sample | None
    gold: bool = False
    future: Future[Verdict | None] = field(default_factory=Future)

    def goes_with(self, other: Job) -> bool:
        """Whether one call of a verifier could judge both."""
        judging = self.sample is not None and other.sample is not None and not (self.gold or other.gold)
        return judging and self.name == other.name and self.config == other.config


class JobQueue:
    """First in, first out; `put` blocks while `limit` jobs wait (back-pressure); `close` wakes everyone."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._jobs: deque[Job] = deque()
        self._changed = threading.Condition()
        self._closed = False

    def put(self, job: Job) -> None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or len(self._jobs) < self._limit)
            if self._closed:
                raise PoolClosedError("this verifier pool is closed")
            self._jobs.append(job)
            self._changed.notify_all()

    def get(self) -> Job | None:
        """The next job, waiting for one; None once the queue is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._jobs)
            if self._closed:
                return None
            job = self._jobs.popleft()
            self._changed.notify_all()
            return job

    def take_like(self, job: Job, count: int) -> list[Job]:
        """Up to `count` waiting jobs that may be judged together with `job`; none is waited for."""
        with self._changed:
            like = [other for other in self._jobs if other.goes_with(job)][:count]
            if like:
                taken = set(map(id, like))
                self._jobs = deque(other for other in self._jobs if id(other) not in taken)
                self._changed.notify_all()
            return like

    def close(self) -> list[Job]:
        """Refuse further jobs; the ones that still waited."""
        with self._changed:
            self._closed = True
            left = list(self._jobs)
            self._jobs.clear()
            self._changed.notify_all()
            return left

    @property
    def closed(self) -> bool:
        return self._closed

    def __len__(self) -> int:
        return len(self._jobs)
