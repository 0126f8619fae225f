"""The child process of the pool: `python -m verifiers.pool.worker PARENT_PID`. Frames in, frames out, one at a time.

Operations: `init` (memory limit), `load` (import a verifier), `isolate` (walls, then their proof), `judge`. A plain
worker judges in this process; an isolated one forks a child per sample, which alone touches the model's text.
The pipes are moved off descriptors 0 and 1 before anything is imported, so that a `print` in a verifier cannot
break a frame. Time is enforced from outside by SIGKILL; there is no SIGALRM.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.frames import MAX_REPLY_BYTES, ProtocolError, encode, read_frame, write_all
from verifiers.pool.protocol import sample_from_json, verdict_from_json
from verifiers.registry import resolve
from verifiers.sandbox import linux, walls
from verifiers.sandbox.forked import SETUP_FAILED, run_in_child
from verifiers.verifier import RunAsync, Verifier, clip

_PRIVATE_FD = 200
SETUP_CHECK_S = 10.0


class Worker:
    """The state of one worker process: loaded verifiers, and the walls if it is isolated."""

    def __init__(self) -> None:
        self._loaded: dict[str, Verifier] = {}
        self._applied: walls.Applied | None = None
        self._runner = asyncio.Runner()

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        match request["op"]:
            case "init":
                return self._init(request)
            case "load":
                return self._load(request)
            case "isolate":
                return self._isolate(request["victim"])
            case "judge":
                return self._judge(request)
            case "judge_batch":
                return self._judge_batch(request)
        raise ProtocolError(f"unknown operation {request['op']!r}")

    def _init(self, request: Mapping[str, Any]) -> dict[str, Any]:
        limit = request["memory_mb"] << 20
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        return {"ok": True}

    def _load(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Import the verifier and check its settings; a problem is the user's to read, not a crash."""
        name = request["name"]
        try:
            found = self._loaded.get(name) or resolve(name)
            if name not in self._loaded and found.warm_up is not None:
                found.warm_up()
            found.check_config(request["config"])
            if found.prepare is not None:
                found.prepare(**request["config"])
        except MemoryError:
            return {"problem": f"verifier {name!r} does not fit into its memory limit; raise verify.memory_mb"}
        except BaseException as problem:  # noqa: BLE001 - importing a user's module may raise anything
            return {"problem": clip(f"verifier {name!r} could not be loaded: {type(problem).__name__}: {problem}")}
        self._loaded[name] = found
        return {"isolated": found.isolated, "batch": found.batch}

    def _isolate(self, victim: str) -> dict[str, Any]:
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 1)
        os.dup2(null, 2)
        os.close(null)
        target = walls.open_probe_target()
        port = target.getsockname()[1] if target is not None else 9
        parent = os.getppid()
        self._applied = walls.isolate()
        linux.die_with_parent(parent)  # changing credentials has cleared it
        applied = self._applied
        ended = run_in_child(
            lambda: {"proof": walls.prove(port, victim), "applied": applied.walls}, applied, SETUP_CHECK_S
        )
        if target is not None:
            target.close()
        gc.collect()
        gc.freeze()  # objects made so far are shared with the children, not copied by their collector
        report = ended.result if isinstance(ended.result, dict) else {"proof": {}, "applied": {"proof": str(ended)}}
        return {"proof": report["proof"], "applied": {**self._applied.walls, **report["applied"]}}

    def _judge(self, request: Mapping[str, Any]) -> dict[str, Any]:
        found, config = self._loaded[request["name"]], request["config"]
        sample = sample_from_json(request["sample"])
        if request["gold"]:
            response = found.gold(sample, config)
            if response is None:
                return {"uncheckable": True}
            if isinstance(response, Verdict):
                return {"verdict": response.to_json()}
            sample = Sample(sample.prompt, response, sample.reference, sample.metadata)
        if self._applied is None:
            return _judge_here(found, sample, config, self._runner.run)
        return self._judge_in_child(found, sample, config, request["timeout_s"])

    def _judge_batch(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Only of a verifier that is not isolated. No `verdicts`: each is to be judged alone."""
        found = self._loaded[request["name"]]
        samples = [sample_from_json(item) for item in request["samples"]]
        if found.needs_reference and any(sample.reference is None for sample in samples):
            return {}
        try:
            verdicts = found.judge_batch(samples, request["config"], self._runner.run)
        except MemoryError:
            return {}
        return {} if verdicts is None else {"verdicts": [verdict.to_json() for verdict in verdicts]}

    def _judge_in_child(
        self, found: Verifier, sample: Sample, config: Mapping[str, Any], timeout_s: float
    ) -> dict[str, Any]:
        assert self._applied is not None
        started = time.monotonic()
        verdict = found.judge_screen(sample, config, asyncio.run)
        if verdict is not None:
            return {"verdict": verdict.to_json()}
        left = max(timeout_s - (time.monotonic() - started), 0.0)
        ended = run_in_child(lambda: _judge_here(found, sample, config, asyncio.run), self._applied, left)
        if ended.timed_out:
            return {"failure": "timeout"}
        if ended.signal is not None or ended.exit_code == SETUP_FAILED:
            cause = "its walls could not be put up" if ended.signal is None else signal.strsignal(ended.signal)
            return {"failure": "died", "detail": f"the child that judged it: {cause}"}
        return _checked(ended.result) or {
            "verdict": Verdict.wrong(reason="this answer ended the process that scored it").to_json()
        }


def _judge_here(found: Verifier, sample: Sample, config: Mapping[str, Any], run_async: RunAsync) -> dict[str, Any]:
    try:
        return {"verdict": found.judge(sample, config, run_async).to_json()}
    except MemoryError:
        return {"failure": "memory"}


def _checked(result: object) -> dict[str, Any] | None:
    """What a child sent, if it is what an honest one sends."""
    if result == {"failure": "memory"}:
        return {"failure": "memory"}
    if type(result) is not dict:
        return None
    try:
        return {"verdict": verdict_from_json(result.get("verdict")).to_json()}
    except ProtocolError:
        return None


def _take_pipes() -> tuple[int, int]:
    """The request and reply pipes, moved off 0 and 1, which become /dev/null and standard error."""
    requests = fcntl.fcntl(0, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FD)
    replies = fcntl.fcntl(1, fcntl.F_DUPFD_CLOEXEC, _PRIVATE_FD)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
    os.dup2(2, 1)
    return requests, replies


def main(parent_pid: int) -> None:
    linux.die_with_parent(parent_pid)
    requests, replies = _take_pipes()
    worker = Worker()
    while (request := read_frame(requests)) is not None:
        reply = {"id": request["id"], **worker.answer(request)}
        write_all(replies, encode(reply, MAX_REPLY_BYTES))
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]))
