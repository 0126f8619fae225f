"""How much of a step asynchronous training hides: its step time against max(rollout alone, learning alone).

Two runs of the same recipe, each with the engine (and the loop, Ray and the verifiers) on core 0 and the learner on
core 1, so that nothing contends: with `max_staleness: 0` nothing overlaps, and the stages' times are those of
rollout alone and of learning alone; with `max_staleness: 1` the next batch is sampled while the learner works.
1 is perfect; publication (reported beside it) is in the asynchronous step and in neither of the two.

    python -m benchmarks.async_overlap [--model tiny-moe] [--rounds 2] [--steps 8] [--smoke]
"""

from __future__ import annotations

import argparse
import os
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, cores, median, model_folder, work_folder
from benchmarks.quiet import descendants
from benchmarks.runs import STAGES, pooled, run_training

TARGET = 1.25
LEARNER = "ray::LearnerActor"
LEARNER_CORE = 1
REST_CORE = 0
# prompts, samples, tokens, dtype: rollout and learning of similar length on one core each
SHAPES = {"tiny-moe": (24, 8, 64, "float32"), "smollm2": (4, 8, 64, "bfloat16")}


def pinned_run(options: Mapping[str, Any]) -> dict[str, Any]:
    """A training run with the learner on a core of its own; every other process stays on the first."""
    os.sched_setaffinity(0, {REST_CORE})  # inherited by all that this process starts
    stop = threading.Event()
    watcher = threading.Thread(target=_pin_learner, args=(stop,), daemon=True)
    watcher.start()
    try:
        times = run_training(options)
        # While the last batch is learned nothing is left to sample: that step has nothing to overlap with.
        return {key: values[:-1] for key, values in times.items()}
    finally:
        stop.set()
        watcher.join()


def _pin_learner(stop: threading.Event) -> None:
    """Move the learner's threads whenever it has new ones (a thread inherits its starter's core)."""
    while not stop.wait(0.5):
        for pid in descendants(os.getpid()):
            if command_of(pid).startswith(LEARNER):
                _pin(pid, LEARNER_CORE)


def _pin(pid: int, core: int) -> None:
    for task in Path(f"/proc/{pid}/task").glob("*"):
        with suppress(ProcessLookupError):  # a thread may end while we look
            os.sched_setaffinity(int(task.name), {core})


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:  # it has ended
        return ""


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"sync": pinned_run, "async": pinned_run}


def overlap_ratio(step_s: float, rollout_alone_s: float, learn_alone_s: float) -> float:
    """1: the shorter stage is hidden behind the longer one; 2: nothing is hidden and both take as long."""
    return step_s / max(rollout_alone_s, learn_alone_s)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny-moe", choices=sorted(SHAPES))
    parser.add_argument("--rounds", type=int, default=2, help="times that each run is made")
    parser.add_argument("--steps", type=int, default=8, help="of each run; the first and the last are not counted")
    parser.add_argument("--smoke", action="store_true", help="see that it works: 4 x 4 x 8 tokens, three steps, once")
    args = parser.parse_args(argv)
    prompts, samples, tokens, dtype = SHAPES[args.model]
    if args.smoke:
        args.rounds, args.steps, prompts, samples, tokens = 1, 3, 4, 4, 8
    if cores() < 2:
        raise SystemExit("async_overlap needs two cores: one for the engine, one for the learner")
    with work_folder() as work:
        bench = Bench("async_overlap", "benchmarks.async_overlap", work)
        options = {
            "model": str(model_folder(args.model, work)),
            "dtype": dtype,
            "prompts": prompts,
            "samples": samples,
            "tokens": tokens,
            "steps": args.steps,
            "cores": 2,
            "cores_each": 1,
        }
        answers = bench.alternate({"sync": options, "async": options | {"staleness": 1}}, args.rounds)
    times = {side: {key: median(pooled(answers[side], key)) for key in (*STAGES, "step")} for side in answers}
    alone, step = times["sync"], times["async"]["step"]
    ratio = overlap_ratio(step, alone["rollout"], alone["learn"])
    bench.emit(
        f"asynchronous step, {args.model} ({dtype}), {prompts} prompts x {samples} samples x {tokens} tokens, "
        "engine on core 0, learner on core 1",
        ("seconds, median", "rollout", "learn", "publish", "step"),
        [
            ("alone (max_staleness 0)", alone["rollout"], alone["learn"], alone["publish"], alone["step"]),
            ("overlapped (max_staleness 1)", *(times["async"][stage] for stage in STAGES), step),
            (f"step / max(rollout, learn) (at most {TARGET})", "", "", "", ratio),
        ],
        model=args.model,
        dtype=dtype,
        seconds=times,
        ratio=ratio,
        ratio_with_publication=step / (max(alone["rollout"], alone["learn"]) + alone["publish"]),
        target=TARGET,
    )


if __name__ == "__main__":
    main()
