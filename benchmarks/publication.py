"""Seconds of a publication, part by part, against the time to copy the same bytes in memory.

The learner writes its weights into shared memory (with a checksum a tensor and the canary's log-probabilities),
the engine loads them, and proves what it holds (checksums read back out of its kernels' layout, the canary). Learner
and engine are the actors' own classes, called in one process and vLLM's; Ray adds a message of some kilobytes.

    python -m benchmarks.publication [--models smollm2,tiny-moe] [--repeats 7] [--smoke]
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import Bench, cores, median, model_folder, work_folder
from benchmarks.recipes import fixed_length_recipe

DTYPES = {"smollm2": "bfloat16", "tiny-moe": "float32"}
PARTS = ("write", "load", "checksums", "canary")
CANARY = (
    "The sum of two even numbers is even, and the sum of two odd numbers is even too. Think step by step about why."
)


def publish(options: Mapping[str, Any]) -> dict[str, Any]:
    return asyncio.run(_publish(options))


async def _publish(options: Mapping[str, Any]) -> dict[str, Any]:
    from benchmarks.parts import engine_spec
    from benchmarks.timed_engine import TimedEngine
    from cluster.actors import LearnerActor
    from rlhf.learner.spec import LearnerSpec
    from rlhf.models.resolve import load_tokenizer
    from rlhf.publication import require_proof

    recipe = fixed_length_recipe(options)
    threads = options["cores"]
    engine = TimedEngine(engine_spec(recipe, 256, (tuple(range(threads)),)))
    await engine.start()
    model = recipe.policy.model
    spec = LearnerSpec(recipe.policy, recipe.learner, model, threads=threads)
    learner = LearnerActor(spec, model, recipe.algorithm, recipe.rollout.max_response_tokens)
    canary = tuple(load_tokenizer(Path(model))(CANARY)["input_ids"][:48])
    times: dict[str, Any] = {part: [] for part in PARTS}
    try:
        manifest = None
        for version in range(1, options["repeats"] + 2):
            started = time.perf_counter()
            manifest = learner.write_weights(version, canary)
            wrote = time.perf_counter()
            assert manifest is not None
            proof = await engine.publish(manifest)
            total = time.perf_counter() - wrote
            require_proof(manifest, [proof])
            if version > 1:  # the first loads what later ones reuse
                times["write"].append(wrote - started)
                times["checksums"].append(engine.checksums_s)
                times["canary"].append(engine.canary_s)
                times["load"].append(total - engine.checksums_s - engine.canary_s)
        assert manifest is not None
        times["bytes"] = manifest.nbytes
        times["copy"] = _copy_seconds(manifest.nbytes, options["repeats"])
    finally:
        engine.shutdown()
        learner.close()
    return times


def _copy_seconds(nbytes: int, repeats: int) -> list[float]:
    """One thread, from one buffer into another, both touched before."""
    import numpy as np

    source, target = np.ones(nbytes, np.uint8), np.zeros(nbytes, np.uint8)
    seconds = []
    for _ in range(repeats):
        started = time.perf_counter()
        np.copyto(target, source)
        seconds.append(time.perf_counter() - started)
    return seconds


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"publish": publish}


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="of: smollm2,tiny-moe; default both, with --smoke tiny-moe")
    parser.add_argument("--repeats", type=int, default=7, help="publications timed")
    parser.add_argument("--smoke", action="store_true", help="see that it works: two publications")
    args = parser.parse_args(argv)
    if args.smoke:
        args.repeats = 2
    for name in (args.models or ("tiny-moe" if args.smoke else "smollm2,tiny-moe")).split(","):
        with work_folder() as work:
            _measure(name, args.repeats, Bench("publication", "benchmarks.publication", work))


def _measure(name: str, repeats: int, bench: Bench) -> None:
    options = {
        "model": str(model_folder(name, bench.work)),
        "dtype": DTYPES[name],
        "mixture": name == "tiny-moe",
        "prompts": 1,
        "samples": 2,
        "tokens": 8,
        "steps": 1,
        "repeats": repeats,
        "cores": cores(),
    }
    times = bench.run("publish", options)
    parts = {part: median(times[part]) for part in PARTS}
    total, copy = sum(parts.values()), median(times["copy"])
    bench.emit(
        f"publication, {name} ({DTYPES[name]}), {times['bytes'] / 1e6:.1f} MB",
        ("", "seconds (median)", "times a copy"),
        [
            ("copy of the same bytes", copy, 1.0),
            ("write: lay out, checksums, canary", parts["write"], parts["write"] / copy),
            ("load into the engine", parts["load"], parts["load"] / copy),
            ("proof: checksums read back", parts["checksums"], parts["checksums"] / copy),
            ("proof: canary", parts["canary"], parts["canary"] / copy),
            ("all of it", total, total / copy),
        ],
        model=name,
        dtype=DTYPES[name],
        bytes=times["bytes"],
        copy_s=copy,
        parts_s=parts,
        total_s=total,
        times_a_copy=total / copy,
    )


if __name__ == "__main__":
    main()
