"""A made-up run folder, the size and state of which a test chooses."""

from __future__ import annotations

import json
import math
import random
import re
from collections import Counter
from pathlib import Path
from typing import Any

from rlhf.evaluation.intervals import Interval
from rlhf.evaluation.report import Heldout, HeldoutPoint, Summary, write_summary
from rlhf.metrics import JsonlSink, keys

RECIPE = """\
kind: train
run: {name: demo, root: /runs, seed: 3}
policy: {model: tiny-moe, dtype: bfloat16}
algorithm: {name: grpo, group_size: 8}
rollout: {engines: 2}
learner: {ranks: 1, zero_stage: 1, learning_rate: 0.0003}
trainer: {steps: %d, prompts_per_step: 32, max_staleness: 1}
"""
DEFAULT_TEXT = "<think>\n2 + 3 is 5, carried over\n</think>\nThe answer is \\boxed{5}."


def make_metrics(step: int, steps: int, layers: int, experts: int, rng: random.Random) -> dict[str, Any]:
    share = step / steps
    accuracy = 0.15 + 0.7 / (1 + math.exp(-8 * (share - 0.4))) + rng.gauss(0, 0.04)
    metrics: dict[str, Any] = {
        keys.REWARD: accuracy * 1.1,
        keys.REWARD_STD: 0.4,
        keys.ACCURACY: min(1.0, max(0.0, accuracy)),
        keys.LENGTH: 24 + 20 * share + rng.gauss(0, 2),
        keys.LENGTH_MAX: 64,
        keys.TRUNCATED: max(0.0, 0.2 - 0.2 * share + rng.gauss(0, 0.02)),
        keys.ENTROPY: 1.4 * math.exp(-2 * share) + abs(rng.gauss(0, 0.05)),
        keys.MISMATCH_MEAN: 0.004 * math.exp(rng.gauss(0, 0.3)),
        keys.MISMATCH_MAX: 0.6 * math.exp(rng.gauss(0, 0.6)),
        keys.MISMATCH_2X: abs(rng.gauss(0, 0.001)),
        keys.KL_BEHAVIOUR: rng.gauss(0.001, 0.0005),
        keys.STALENESS_MEAN: abs(rng.gauss(0.5, 0.1)),
        keys.STALENESS_MAX: 1,
        keys.TOKENS_PER_S: 1830 + rng.gauss(0, 150),
        keys.GRAD_NORM: abs(rng.gauss(0.8, 0.2)),
        keys.STEP_SECONDS: 3.9,
    }
    for name, seconds in {
        "rollout": 2.0,
        "verify": 0.2,
        "learn": 1.3,
        "publish": 0.15,
        "evaluate": 0.3 * (step % 10 == 0),
    }.items():
        metrics[keys.TIME + name] = seconds * math.exp(rng.gauss(0, 0.15))
    for reason, rate in {
        "all_correct": 9 * share,
        "all_wrong": 9 * (1 - share),
        "stale": 1,
        "verifier_error": 0.1,
    }.items():
        metrics[keys.DROPPED + reason] = int(rate + rng.random())
    for layer in range(layers):
        loads = [math.exp(rng.gauss(0, 0.4) + (expert == layer) * share) for expert in range(experts)]
        for expert, load in enumerate(loads):
            metrics[keys.expert_load(layer, expert)] = load / sum(loads)
    return metrics


def make_details(text: str, step: int, advantage: float, rng: random.Random) -> dict[str, Any]:
    """Tokens of a word or a mark each; the version of the weights changes half-way."""
    texts = [*re.findall(r"\s?\w{1,7}|\s?[^\w\s]|\s", text), ""]
    half = len(texts) // 2
    return {
        "texts": texts,
        "logp": [round(-rng.expovariate(1 / 0.6) if rng.random() < 0.4 else -rng.random() * 0.02, 3) for _ in texts],
        "versions": [[step - 1, half], [step, len(texts) - half]],
        "advantage": advantage if step % 2 else [round(advantage * (0.2 + 0.8 * i / len(texts)), 3) for i in range(len(texts))],
        "gap": None,
    }  # fmt: skip


def make_group(
    step: int, index: int, text: str, rng: random.Random, samples: int = 8, details: bool = False
) -> dict[str, Any]:
    rows = []
    for _ in range(samples):
        status = rng.choices(["correct", "wrong", "unparsed", "timeout"], [0.3 + index % 3, 1.0, 0.2, 0.05])[0]
        reward = {"correct": 1.1, "wrong": 0.1}.get(status, 0.0)
        verdict = {
            "score": float(status == "correct"),
            "status": status,
            "extracted": "5" if status == "correct" else None,
        }
        rows.append(
            {
                "text": text, "reward": reward, "status": status, "tokens": len(text) // 4, "truncated": status == "unparsed",
                "versions": [step - 1, step], "logp_mean": -0.31,
                "verdicts": {"math": {**verdict, "reason": f"read {status}"}},
            }
        )  # fmt: skip
        if details:
            rows[-1]["details"] = make_details(text, step, 1.3 if status == "correct" else -0.7, rng)
    return {
        "step": step,
        "prompt_id": f"train/{step}-{index}",
        "prompt": f"What is {index} + 3?",
        "reference": "5",
        "samples": rows,
    }


def make_run(
    folder: Path,
    steps: int = 60,
    of: int | None = None,
    layers: int = 4,
    experts: int = 8,
    groups: int = 6,
    text: str = DEFAULT_TEXT,
    summary: bool = True,
    detailed: int = 0,
    samples: int = 8,
    seed: int = 0,
    every: int = 1,
) -> Path:
    """A run of `steps` done steps `of` so many, with trajectories of every n-th, `detailed` of them with tokens."""
    rng = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.yaml").write_text(RECIPE % (of or steps))
    (folder / "run.json").write_text(
        json.dumps({"command": "rlhf train recipes/grpo.yaml", "versions": {"torch": "2.13.0", "vllm": "0.32.0"}})
    )
    (folder / "trajectories").mkdir(exist_ok=True)
    sink = JsonlSink(folder / "metrics.jsonl")
    dropped: Counter[str] = Counter()  # counted from the run's start, as a ledger does
    for step in range(1, steps + 1):
        row = make_metrics(step, steps, layers, experts, rng)
        dropped.update({key: count for key, count in row.items() if key.startswith(keys.DROPPED)})
        sink.log(step, row | dropped)
        if step % every:
            continue
        lines = [json.dumps(make_group(step, i, text, rng, samples, i < detailed)) for i in range(groups)]
        (folder / "trajectories" / f"step_{step:06}.jsonl").write_text("\n".join(lines) + "\n")
    sink.close()
    if summary:
        write_summary(folder, make_summary(steps))
    return folder


def make_summary(steps: int) -> Summary:
    bounds = {31: (0.111, 0.212), 70: (0.287, 0.418), 130: (0.582, 0.713), 158: (0.728, 0.841)}

    def held(correct: int) -> Interval:
        return Interval(correct / 200, *bounds[correct], "wilson", 200, 200)

    points = [(0, 31), (steps // 3, 70), (2 * steps // 3, 130), (steps, 158)]
    history = tuple(HeldoutPoint.of(step, held(correct)) for step, correct in points)
    return Summary(
        steps=steps, seconds=412.0, heldout=Heldout(held(31), held(158), history), warmup={"steps": 300, "seconds": 61.5, "loss": 0.4127}
    )  # fmt: skip
