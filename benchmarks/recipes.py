"""The recipe that the benchmarks of rollouts and of whole steps run: fixed lengths, arithmetic prompts, one engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rlhf.recipe.schema import TrainRecipe


def fixed_length_recipe(options: Mapping[str, Any]) -> TrainRecipe:
    """options: model, dtype, prompts, samples, tokens, steps, cores; staleness, cores_each, prompt_file, wide_products,
    enforce_eager if wanted.

    Every response has exactly `tokens` tokens: the end-of-sequence token is suppressed before that.
    """
    cores_each = options.get("cores_each")
    prompts, samples, tokens = options["prompts"], options["samples"], options["tokens"]
    sequences = prompts * samples
    return TrainRecipe.model_validate(
        {
            "run": {"name": "bench"},
            "policy": {"model": options["model"], "dtype": options["dtype"]},
            "data": {"train": _source(options), "shuffle": False, "max_prompt_tokens": 512},
            "reward": [{"verifier": "format"}],
            "algorithm": {"name": "grpo", "group_size": samples},
            "rollout": {
                "max_response_tokens": tokens,
                "min_response_tokens": tokens,
                "max_concurrent_sequences": sequences,
                "kv_cache_gib": 0.5,
                "cpus_per_engine": cores_each,
                "enforce_eager": options.get("enforce_eager", True),
                "wide_products": options.get("wide_products", "auto"),
            },
            "learner": {"learning_rate": 1e-6, "cpus_per_rank": cores_each},
            "trainer": {
                "steps": options["steps"],
                "prompts_per_step": prompts,
                "max_staleness": options.get("staleness", 0),
                "checkpoint_every": 0,
            },
            "tracking": {"tensorboard": False},
            "cluster": {"address": "local", "device": "cpu", "cpus_per_node": options["cores"]},
        }
    )


def _source(options: Mapping[str, Any]) -> dict[str, Any]:
    """Enough prompts that none comes twice."""
    size = options["prompts"] * (options["steps"] + options.get("staleness", 0))
    if "prompt_file" in options:
        return {"source": "jsonl", "path": options["prompt_file"], "reference_field": None}
    task = {"min_terms": 4, "max_terms": 6, "min_digits": 1, "max_digits": 2}
    return {"source": "reasoning_gym", "task": "basic_arithmetic", "task_config": task, "size": size, "seed": 7}
