"""Learner tokens/s on ragged lengths: `LearnerRank.update` (packed) against a padded Hugging Face loop.

Both take the same sequences through one optimizer step with the same DeepSpeed configuration, optimizer, dtype,
threads and loss. The loop takes them in random order, 8 to a micro-batch, padded to the longest of the micro-batch.
Every sequence has a prompt of its own, so nothing is gained here by running a shared prompt once. Tokens counted
are real ones, prompt and response; lengths are uniform between 32 and 1024, which wastes less by padding than the
long tails of real responses do (`--lengths log-uniform` shows those).

    python -m benchmarks.learner [--models smollm2,tiny-moe] [--rounds 2] [--lengths uniform] [--smoke]
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.common import Bench, cores, median, model_folder, work_folder

if TYPE_CHECKING:
    from rlhf.learner.spec import LearnerSpec, LossFn
    from rlhf.types import Batch

TARGET = 1.5
SHAPES = {"smollm2": (24, "bfloat16"), "tiny-moe": (192, "float32")}
PROMPT = 16  # tokens of each sequence that are its prompt
MICRO_BATCH = 8  # rows of the padded loop
WARMUP = 4  # short sequences


def ragged_lengths(count: int, low: int, high: int, shape: str, seed: int = 0) -> list[int]:
    """Total lengths, in random order, low to high inclusive."""
    draw = random.Random(seed)
    if shape == "uniform":
        return [draw.randint(low, high) for _ in range(count)]
    if shape == "log-uniform":
        return [min(high, int(math.exp(draw.uniform(math.log(low), math.log(high + 1))))) for _ in range(count)]
    raise ValueError(f"lengths {shape!r}: write uniform or log-uniform")


def padded_share(lengths: Sequence[int], rows: int) -> float:
    """Slots that micro-batches of `rows`, padded to their longest, take for each real token."""
    micros = [lengths[i : i + rows] for i in range(0, len(lengths), rows)]
    return sum(len(m) * max(m) for m in micros) / sum(lengths)


def packed(options: Mapping[str, Any]) -> dict[str, Any]:
    from rlhf.learner.rank import LearnerRank

    spec, loss = _spec(options), _loss()
    rank = LearnerRank(spec)
    try:
        return _time_steps(options, lambda batch: rank.update(batch, loss, old_logprobs="recomputed").loss)
    finally:
        rank.close()


def padded(options: Mapping[str, Any]) -> dict[str, Any]:
    from benchmarks.padded import PaddedLoop

    loop = PaddedLoop(_spec(options), MICRO_BATCH)
    try:
        return _time_steps(options, partial(loop.update, loss=_loss()))
    finally:
        loop.close()


SIDES: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {"packed": packed, "padded": padded}


def _spec(options: Mapping[str, Any]) -> LearnerSpec:
    from rlhf.learner.spec import LearnerSpec
    from rlhf.recipe.schema import LearnerConfig, PolicyConfig

    policy = PolicyConfig(model=options["model"], dtype=options["dtype"])
    learner = LearnerConfig(learning_rate=1e-6, token_budget=options["token_budget"])
    return LearnerSpec(policy, learner, options["model"], threads=options["threads"])


def _loss() -> LossFn:
    from rlhf.algorithms import get

    return partial(get("grpo").loss, norm_length=1024.0)


def _time_steps(options: Mapping[str, Any], update: Callable[[Batch], float]) -> dict[str, Any]:
    """Seconds of each timed step and the first one's loss, after one step on a few short sequences."""
    update(_batch(options["model"], [PROMPT + 16] * WARMUP))
    batch = _batch(options["model"], options["lengths"])
    seconds, losses = [], []
    for _ in range(options["repeats"]):
        started = time.perf_counter()
        losses.append(float(update(batch)))
        seconds.append(time.perf_counter() - started)
    return {"seconds": seconds, "losses": losses}


def _batch(model: str, lengths: Sequence[int]) -> Batch:
    """Random tokens, one prompt a sequence, advantages of both signs."""
    import numpy as np
    from transformers import AutoConfig

    from rlhf.types import Batch, TrainSequence

    vocabulary = AutoConfig.from_pretrained(model).vocab_size
    draw = np.random.default_rng(0)
    sequences = []
    for group, length in enumerate(lengths):
        ids = draw.integers(5, vocabulary, length)
        count = length - PROMPT
        advantage = np.full(count, draw.normal(), np.float32)
        zeros, ones = np.zeros(count, np.float32), np.ones(count, np.float32)
        sequences.append(TrainSequence(group, ids[:PROMPT], ids[PROMPT:], zeros, advantage, ones))
    return Batch.of(sequences)


def main(argv: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", help="of: smollm2,tiny-moe; default both, with --smoke tiny-moe")
    parser.add_argument("--rounds", type=int, default=2, help="times that each side is started")
    parser.add_argument("--repeats", type=int, default=1, help="optimizer steps timed each time")
    parser.add_argument("--lengths", default="uniform", choices=["uniform", "log-uniform"])
    parser.add_argument("--sequences", type=int, help="in the batch; default 24 for smollm2, 192 for tiny-moe")
    parser.add_argument("--token-budget", type=int, default=4096, help="of Longthought's packed micro-batches")
    parser.add_argument("--smoke", action="store_true", help="see that it works: 8 sequences, one round")
    args = parser.parse_args(argv)
    if args.smoke:
        args.rounds, args.sequences = 1, args.sequences or 8
    for name in (args.models or ("tiny-moe" if args.smoke else "smollm2,tiny-moe")).split(","):
        with work_folder() as work:
            _compare(name, args, Bench("learner", "benchmarks.learner", work))


def _compare(name: str, args: argparse.Namespace, bench: Bench) -> None:
    count, dtype = SHAPES[name]
    lengths = ragged_lengths(args.sequences or count, 32, 1024, args.lengths)
    options = {
        "model": str(model_folder(name, bench.work)),
        "dtype": dtype,
        "lengths": lengths,
        "repeats": args.repeats,
        "token_budget": args.token_budget,
        "threads": cores(),
    }
    answers = bench.alternate({"padded": options, "packed": options}, args.rounds)
    tokens = sum(lengths)
    rates = {side: [tokens / s for a in answers[side] for s in a["seconds"]] for side in answers}
    ratio = median(rates["packed"]) / median(rates["padded"])
    bench.emit(
        f"learner, {name} ({dtype}), {len(lengths)} sequences, {tokens} real tokens, {args.lengths} 32 to 1024",
        ("", "tokens/s (median)", "best", "steps"),
        [
            ("padded Hugging Face loop", median(rates["padded"]), max(rates["padded"]), len(rates["padded"])),
            ("LearnerRank.update", median(rates["packed"]), max(rates["packed"]), len(rates["packed"])),
            (f"ratio (target {TARGET})", ratio, max(rates["packed"]) / max(rates["padded"]), ""),
        ],
        model=name,
        dtype=dtype,
        sequences=len(lengths),
        tokens=tokens,
        lengths=args.lengths,
        slots_per_token_padded=padded_share(lengths, MICRO_BATCH),
        losses={side: answers[side][0]["losses"][0] for side in answers},
        tokens_per_s=rates,
        ratio=ratio,
        target=TARGET,
    )


if __name__ == "__main__":
    main()
