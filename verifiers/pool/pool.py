"""A pool of killable verifier processes: every sample has a hard wall-clock and memory limit.

`workers` slots each drive a process that stays; a sample beyond `timeout_s` costs its worker a SIGKILL and the slot
that much time, never the batch. Nothing here uses signals or the main thread: it works in any thread and any actor.

    with VerifierPool(workers=2) as pool:
        pool.prepare("math", {})
        verdicts = pool.verify("math", {}, samples)
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from verifiers.base import Sample, Status, Verdict
from verifiers.frames import encode
from verifiers.pool.jobs import Job, JobQueue, PoolClosedError
from verifiers.pool.process import WorkerSettings
from verifiers.pool.protocol import sample_to_json
from verifiers.pool.slot import Isolation, PoolSettings, Slot
from verifiers.pool.spare import WarmSpare
from verifiers.pool.stats import PoolStats, Recorder
from verifiers.registry import check_config
from verifiers.sandbox.sandbox import sweep

Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class GoldReport:
    """What `check_gold` found: rows whose own gold answer was not judged correct, with the verdict on it.

    uncheckable: rows whose gold cannot be written as a response: the verifier has no `gold_response`, or it gave None.
    """

    checked: int
    uncheckable: int
    refused: tuple[tuple[int, Verdict], ...]


class VerifierPool:
    """Runs verifiers by name in worker processes.

    workers: samples judged at a time. timeout_s: wall-clock seconds of one sample. memory_mb: address space of a
    worker. isolation: `required` refuses (IsolationError) to run a verifier that evaluates model text where the
    machine does not isolate it; `process_only` accepts a killable process. python_path: folders where the modules of
    custom verifiers are looked for (default: the current one). env: variables that custom verifiers need (workers start
    with a clean environment). queue_per_worker: samples that may wait per worker before `submit` blocks.
    """

    def __init__(
        self,
        workers: int = 1,
        *,
        timeout_s: float = 10.0,
        memory_mb: int = 2048,
        isolation: Isolation = "required",
        python_path: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        queue_per_worker: int = 64,
        startup_s: float = 120.0,
    ) -> None:
        if workers < 1 or timeout_s <= 0 or memory_mb < 1:
            raise ValueError(f"workers={workers}, timeout_s={timeout_s}, memory_mb={memory_mb}: each must be positive")
        paths = tuple(os.path.abspath(p) for p in ([os.getcwd()] if python_path is None else python_path))  # noqa: PTH100, PTH109
        worker = WorkerSettings(memory_mb, paths, dict(env or {}))
        settings = PoolSettings(timeout_s, startup_s, isolation, worker)
        self._jobs = JobQueue(workers * queue_per_worker)
        self._recorder = Recorder()
        self._spare = WarmSpare(worker)
        self._slots = [Slot(settings, self._jobs, self._recorder, self._spare) for _ in range(workers)]
        for slot in self._slots:
            slot.thread.start()

    def prepare(self, name: str, config: Config) -> None:
        """Load a verifier, check its settings, and have its isolation proven, before any sample is judged.

        Raises ValueError (its name or settings), VerifierLoadError, IsolationError, WorkerStartError.
        """
        check_config(name, config)
        self._submit(Job(name, config, None)).result()

    def submit(self, name: str, config: Config, sample: Sample) -> Future[Verdict]:
        """Have one sample judged. Blocks while the queue is full; raises PoolClosedError, or ValueError on non-JSON.

        The future raises what `prepare` raises, and PoolClosedError; every other failure is an `error` verdict.
        """
        encode({"config": dict(config), "sample": sample_to_json(sample)})
        return self._submit(Job(name, config, sample))  # type: ignore[return-value]

    def verify(self, name: str, config: Config, samples: Sequence[Sample]) -> list[Verdict]:
        """The verdicts on `samples`, in their order."""
        futures = [self.submit(name, config, sample) for sample in samples]
        return [future.result() for future in futures]

    def check_gold(self, name: str, config: Config, samples: Sequence[Sample]) -> GoldReport:
        """Have the verifier judge its own gold answer of each sample (`response` is not looked at)."""
        futures = [self._submit(Job(name, config, sample, gold=True)) for sample in samples]
        verdicts = [future.result() for future in futures]
        refused = [(i, v) for i, v in enumerate(verdicts) if v is not None and v.status is not Status.CORRECT]
        uncheckable = sum(v is None for v in verdicts)
        return GoldReport(len(verdicts) - uncheckable, uncheckable, tuple(refused))

    def stats(self) -> PoolStats:
        return self._recorder.stats(len(self._jobs), sum(slot.busy for slot in self._slots))

    def worker_pids(self) -> list[int]:
        """Process ids of the living workers, the spare among them."""
        return [pid for slot in self._slots for pid in slot.pids()] + self._spare.pids()

    def close(self) -> None:
        """End every worker; jobs that wait or run fail with PoolClosedError. May be called twice."""
        for job in self._jobs.close():
            if job.future.set_running_or_notify_cancel():
                job.future.set_exception(PoolClosedError("the pool was closed"))
        for slot in self._slots:
            slot.kill()
        self._spare.close()
        for slot in self._slots:
            slot.thread.join()
        sweep()  # what the sandboxes of killed workers have left

    def __enter__(self) -> VerifierPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _submit(self, job: Job) -> Future[Verdict | None]:
        self._jobs.put(job)
        return job.future
