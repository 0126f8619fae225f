"""One slot of the pool: a thread that takes jobs and drives one worker process at a time.

A slot owns a plain worker, and one isolated worker per isolated verifier; it starts them when first needed. A worker
that hangs is killed with its process group and replaced by the pool's warm spare; one that dies while it holds a
sample is replaced, and the sample tried once more.
"""

from __future__ import annotations

import json
import tempfile
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from verifiers.base import Verdict
from verifiers.frames import ProtocolError
from verifiers.pool.jobs import Job, JobQueue, PoolClosedError
from verifiers.pool.process import WorkerDiedError, WorkerProcess, WorkerSettings, WorkerTimeoutError
from verifiers.pool.protocol import sample_to_json, verdict_from_json
from verifiers.pool.stats import Recorder
from verifiers.sandbox.walls import check_proof
from verifiers.specs import VERIFIERS

Isolation = Literal["required", "process_only"]
Lane = str
"""Which worker a verifier runs in: PLAIN, or the name of an isolated verifier."""
PLAIN: Lane = ""
ATTEMPTS = 2
GRACE_S = 0.5
"""An isolated worker ends its own children at the limit; after this much more it is killed itself."""


class VerifierLoadError(ValueError):
    """A verifier could not be imported, or does not take its settings; the message says what to write."""


class WorkerStartError(RuntimeError):
    """A worker process does not start; the message holds what it wrote."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    timeout_s: float
    startup_s: float
    isolation: Isolation
    worker: WorkerSettings


class Spare(Protocol):
    """Where a slot gets a warm plain worker from, and leaves the next one."""

    def take(self) -> WorkerProcess | None: ...
    def refill(self, loaded: set[tuple[str, str]]) -> None: ...


class Slot:
    def __init__(self, settings: PoolSettings, jobs: JobQueue, recorder: Recorder, spare: Spare) -> None:
        self._settings = settings
        self._jobs = jobs
        self._recorder = recorder
        self._spare = spare
        self._workers: dict[Lane, WorkerProcess] = {}
        self._lanes: dict[str, Lane] = {n: n if s.isolated else PLAIN for n, s in VERIFIERS.items()}
        self._batches: dict[str, int] = {}
        self._lock = threading.Lock()
        self.busy = False
        self.thread = threading.Thread(target=self._run, name="verifier-slot", daemon=True)

    def pids(self) -> list[int]:
        with self._lock:
            return [worker.pid for worker in self._workers.values() if worker.alive()]

    def kill(self) -> None:
        """End the workers, from any thread: a job that waits for one fails with PoolClosedError."""
        with self._lock:
            for worker in self._workers.values():
                worker.kill()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            batch = [job, *self._jobs.take_like(job, self._batches.get(job.name, 1) - 1)]
            batch = [one for one in batch if one.future.set_running_or_notify_cancel()]
            self.busy = True
            verdicts = self._together(batch) if len(batch) > 1 else [None]
            for one, verdict in zip(batch, verdicts or [None] * len(batch), strict=False):
                self._settle(one, verdict)
            self.busy = False
        with self._lock:
            for worker in self._workers.values():
                worker.close()

    def _settle(self, job: Job, verdict: Verdict | None) -> None:
        """Answer one job, with a verdict that there is already or its own."""
        try:
            result = self._do(job) if verdict is None else self._record(verdict, job)
        except BaseException as problem:  # noqa: BLE001 - it is the waiting caller's to handle
            job.future.set_exception(PoolClosedError("the pool was closed") if self._jobs.closed else problem)
        else:
            job.future.set_result(result)

    def _together(self, batch: list[Job]) -> list[Verdict] | None:
        """The verdicts on jobs of one verifier, by one call of it; None if they are to be judged one by one, where a
        failure or a limit meets the sample that it belongs to."""
        samples = [job.sample for job in batch if job.sample is not None]
        first = batch[0]
        try:
            worker, lane = self._worker_with(first)
            request = {
                "op": "judge_batch",
                "name": first.name,
                "config": dict(first.config),
                "samples": [sample_to_json(sample) for sample in samples],
            }
            started = time.monotonic()
            reply = worker.call(request, self._settings.timeout_s)
            verdicts = [verdict_from_json(verdict) for verdict in reply.get("verdicts", [])]
        except WorkerTimeoutError:
            self._replace(lane, "timeout")
            return None
        except (WorkerDiedError, ProtocolError):
            self._replace(lane, "died")
            return None
        except (ValueError, RuntimeError):  # it does not load: each job is told so
            return None
        seconds = (time.monotonic() - started) / len(batch)
        return [verdict.timed(seconds) for verdict in verdicts] if len(verdicts) == len(batch) else None

    def _do(self, job: Job) -> Verdict | None:
        if job.sample is None:
            self._worker_with(job)
            return None
        request = {
            "op": "judge",
            "name": job.name,
            "config": dict(job.config),
            "sample": sample_to_json(job.sample),
            "gold": job.gold,
            "timeout_s": self._settings.timeout_s,
        }
        started = time.monotonic()
        deaths: list[str] = []
        while len(deaths) < ATTEMPTS:
            worker, lane = self._worker_with(job)
            started = time.monotonic()
            outcome = self._ask(worker, lane, request, deaths)
            if outcome == "uncheckable":
                return None
            if isinstance(outcome, Verdict):
                return self._record(outcome.timed(time.monotonic() - started), job)
        verdict = Verdict.error(f"{job.name}: the worker died twice while judging this sample; {deaths[-1]}")
        return self._record(verdict.timed(time.monotonic() - started), job)

    def _record(self, verdict: Verdict, job: Job) -> Verdict:
        """Count it; but not a gold check's, which tells nothing about a policy."""
        if not job.gold:
            self._recorder.verdict(verdict)
        return verdict

    def _ask(
        self, worker: WorkerProcess, lane: Lane, request: Mapping[str, Any], deaths: list[str]
    ) -> Verdict | Literal["uncheckable"] | None:
        """One attempt; None (and a line in `deaths`) if it told nothing about the sample."""
        limit = self._settings.timeout_s
        try:
            reply = worker.call(request, limit + (GRACE_S if lane else 0.0))
            if reply.get("uncheckable") is True:
                return "uncheckable"
            if "verdict" in reply:
                return verdict_from_json(reply["verdict"])
        except WorkerTimeoutError:
            self._replace(lane, "timeout")
            return Verdict.timeout(f"no verdict within {limit:g} s (verify.timeout_s)")
        except (WorkerDiedError, ProtocolError) as problem:
            self._replace(lane, "died")
            deaths.append(str(problem))
            return None
        return self._failure(str(reply.get("failure")), lane, str(reply.get("detail", "")), deaths)

    def _failure(self, failure: str, lane: Lane, detail: str, deaths: list[str]) -> Verdict | None:
        if failure == "timeout":
            return Verdict.timeout(f"no verdict within {self._settings.timeout_s:g} s (verify.timeout_s)")
        if failure == "memory":
            if lane == PLAIN:
                self._replace(lane, "memory")  # what else failed in it for want of memory is not known
            return Verdict.timeout(f"more than {self._settings.worker.memory_mb} MB of memory (verify.memory_mb)")
        deaths.append(detail or f"an unknown failure {failure!r}")
        return None

    def _replace(self, lane: Lane, cause: str) -> None:
        """Kill the lane's worker; the next job starts another."""
        with self._lock:
            worker = self._workers.pop(lane)
        worker.close()
        self._recorder.restart(cause)

    def _worker_with(self, job: Job) -> tuple[WorkerProcess, Lane]:
        """A worker that has loaded the job's verifier, in the lane where it belongs.

        Raises VerifierLoadError, IsolationError, or WorkerStartError.
        """
        key = (job.name, json.dumps(dict(job.config), sort_keys=True))
        lane = self._lanes.get(job.name, PLAIN)
        worker = self._workers.get(lane)
        if worker is not None and not worker.alive():
            self._replace(lane, "died")
            worker = None
        if worker is None:
            worker = self._start(lane, job)
        if key in worker.loaded:
            return worker, lane
        reply = self._setup_call(worker, lane, {"op": "load", "name": job.name, "config": dict(job.config)})
        if "problem" in reply:
            raise VerifierLoadError(str(reply["problem"]))
        if reply["isolated"] and lane == PLAIN:
            self._lanes[job.name] = job.name
            return self._worker_with(job)
        self._batches[job.name] = int(reply["batch"])
        worker.loaded.add(key)
        if lane == PLAIN:
            self._spare.refill(worker.loaded)
        return worker, lane

    def _start(self, lane: Lane, job: Job) -> WorkerProcess:
        worker = (self._spare.take() if lane == PLAIN else None) or WorkerProcess(self._settings.worker, lane != PLAIN)
        with self._lock:
            if self._jobs.closed:
                worker.close()
                raise PoolClosedError("the pool was closed")
            self._workers[lane] = worker
        while worker.unanswered:
            self._setup_call(worker, lane, None)
        if lane != PLAIN:
            self._isolate(worker, lane, job)
        return worker

    def _isolate(self, worker: WorkerProcess, lane: Lane, job: Job) -> None:
        """Import the verifier, then put up the walls and have them proven, before any sample."""
        loaded = self._setup_call(worker, lane, {"op": "load", "name": job.name, "config": dict(job.config)})
        if "problem" in loaded:
            self._drop(lane)
            raise VerifierLoadError(str(loaded["problem"]))
        with tempfile.NamedTemporaryFile(prefix="longthought-victim-") as victim:  # what the proof tries to cut short
            victim.write(b"whole")
            victim.flush()
            report = self._setup_call(worker, lane, {"op": "isolate", "victim": victim.name})
        if self._settings.isolation == "required":
            try:
                check_proof(report["proof"], report["applied"])
            except Exception:
                self._drop(lane)
                raise

    def _setup_call(self, worker: WorkerProcess, lane: Lane, message: Mapping[str, Any] | None) -> dict[str, Any]:
        """A reply during start-up (of `message`, or of what was posted before), or WorkerStartError."""
        try:
            if message is not None:
                worker.post(message)
            return worker.receive(self._settings.startup_s)
        except WorkerTimeoutError:
            self._drop(lane)
            raise WorkerStartError(
                f"a verifier worker was not ready within {self._settings.startup_s:g} s; is an import hanging?"
            ) from None
        except WorkerDiedError as problem:
            self._drop(lane)
            raise WorkerStartError(f"a verifier worker does not start: {problem}") from problem

    def _drop(self, lane: Lane) -> None:
        with self._lock:
            worker = self._workers.pop(lane)
        worker.close()
