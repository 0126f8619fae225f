"""Combinations of keys that cannot run, or would run and mean nothing: each with what was found and the fix.

One small function a topic, each yielding findings; `check` runs them all, so that a recipe's author sees every
fault at once. What only Ray, the model or the data can tell is checked where those are first looked at.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping
from pathlib import Path

from rlhf.algorithms.catalog import CATALOG
from rlhf.recipe.checks_cluster import check_cluster
from rlhf.recipe.checks_data import check_data
from rlhf.recipe.devices import Devices
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.problems import nearest, shown
from rlhf.recipe.schema import LearnerConfig, TrainRecipe
from rlhf.stages.demonstrations import DEMONSTRATIONS
from verifiers.lookup import check_importable
from verifiers.registry import check_config, check_name

NORM_BY_DEFAULT = frozenset({"dr_grpo"})
"""Algorithms whose own aggregation is seq-mean-token-sum-norm."""

SINGLE_SAMPLE = frozenset[str]()
"""Algorithms whose baseline is not the group: the only ones that may train on one sample a prompt."""


def check(recipe: TrainRecipe, devices: Devices) -> list[Finding]:
    """Every finding, the fatal ones first."""
    topics = (
        check_run(recipe),
        check_algorithm(recipe),
        check_rewards(recipe),
        check_sampling(recipe),
        check_batches(recipe),
        check_schedule(recipe),
        check_tracking(recipe),
        check_data(recipe),
        check_cluster(recipe, devices),
    )
    found = [finding for topic in topics for finding in topic]
    return sorted(found, key=lambda f: not f.fatal)


def algorithm_names() -> Mapping[str, str]:
    """Name to summary."""
    return CATALOG


def check_run(recipe: TrainRecipe) -> Iterator[Finding]:
    root = recipe.run.root
    if root is not None and not Path(root).is_absolute():
        yield refuse(
            "run.root", f"found {shown(root)}; write an absolute folder, e.g. {Path(root).expanduser().absolute()}"
        )
    elif root is not None and Path(root).is_relative_to("/tmp/ray"):  # noqa: S108
        yield refuse("run.root", f"found {shown(root)}, which Ray cleans away; write a folder outside /tmp/ray")
    model = recipe.policy.model
    if model == "tiny-moe" and recipe.policy.revision is not None:
        yield refuse("policy.revision", "tiny-moe is built in and has no revisions; remove the key")
    if model.startswith(("/", "./", "../", "~")) and not Path(model).expanduser().is_dir():
        yield warn("policy.model", f"no folder {model} as seen from {Path.cwd()}")


def check_algorithm(recipe: TrainRecipe) -> Iterator[Finding]:
    config, names = recipe.algorithm, algorithm_names()
    if config.name not in names:
        yield refuse("algorithm.name", f"unknown algorithm {shown(config.name)}; {nearest(config.name, list(names))}")
    if config.group_size == 1 and config.name not in SINGLE_SAMPLE:
        yield refuse(
            "algorithm.group_size",
            f"found 1: {config.name} compares the samples of a prompt with each other, and one sample has the "
            "advantage 0; write at least 2, e.g. 8",
        )
    if config.clip_low >= 1.0:
        yield refuse(
            "algorithm.clip_low",
            f"found {config.clip_low:g}; the ratio is clipped below at 1 - clip_low: write less than 1, e.g. 0.2",
        )
    uses_norm = config.aggregation == "seq-mean-token-sum-norm" or (
        config.aggregation is None and config.name in NORM_BY_DEFAULT
    )
    if config.norm_length is not None and not uses_norm:
        yield refuse(
            "algorithm.norm_length",
            f"aggregation {config.aggregation or 'of ' + config.name} does not divide by it; remove it or write "
            "aggregation: seq-mean-token-sum-norm",
        )


def check_rewards(recipe: TrainRecipe) -> Iterator[Finding]:
    seen: dict[str, int] = {}
    for i, part in enumerate(recipe.reward):
        key = f"reward.{i}.verifier"
        try:
            check_name(part.verifier)
            if ":" in part.verifier:
                check_importable(part.verifier, [str(Path.cwd())])
            key = f"reward.{i}.config"
            check_config(part.verifier, part.config)
        except ValueError as error:
            yield refuse(key, str(error))
        if part.label in seen:
            yield refuse(
                f"reward.{i}.name", f"{part.label} is the name of reward.{seen[part.label]} too; write name: another"
            )
        seen.setdefault(part.label, i)
    if all(part.weight == 0.0 for part in recipe.reward):
        yield refuse("reward", "every weight is 0, so there is nothing to learn from; write a weight, e.g. 1.0")


def check_sampling(recipe: TrainRecipe) -> Iterator[Finding]:
    rollout = recipe.rollout
    off = {"top_p": 1.0, "top_k": 0, "min_p": 0.0}
    for key, value in off.items():
        if (found := getattr(rollout, key)) != value:
            yield refuse(
                f"rollout.{key}",
                f"found {found:g}: the learner's log-probabilities are those of the whole distribution, so the "
                f"importance ratio to a truncated one would be meaningless; write {value:g} (off)",
            )
    if rollout.min_response_tokens > rollout.max_response_tokens:
        yield refuse(
            "rollout.min_response_tokens",
            f"found {rollout.min_response_tokens}, above max_response_tokens {rollout.max_response_tokens}; write less",
        )
    elif rollout.min_response_tokens > 0:
        yield warn(
            "rollout.min_response_tokens",
            f"found {rollout.min_response_tokens}: until then the engine forbids the end token and the learner does "
            "not, so the importance ratio of early tokens is off by the end token's probability",
        )
    if "" in rollout.stop:
        yield refuse("rollout.stop", "an empty string would end every response at once; remove it")
    if rollout.gpu_memory_utilization == 0.0:
        yield refuse("rollout.gpu_memory_utilization", "found 0: no memory for the weights; write e.g. 0.85")
    if rollout.max_concurrent_sequences < recipe.algorithm.group_size:
        yield warn(
            "rollout.max_concurrent_sequences",
            f"found {rollout.max_concurrent_sequences}, less than the {recipe.algorithm.group_size} samples of one "
            "prompt: a group is then sampled in turns",
        )
    if recipe.trainer.max_staleness == 0 and rollout.publish_mode != "keep":
        yield warn(
            "rollout.publish_mode", "has no effect with trainer.max_staleness 0: nothing is in flight at a publication"
        )


def check_batches(recipe: TrainRecipe) -> Iterator[Finding]:
    learner, trainer, rollout = recipe.learner, recipe.trainer, recipe.rollout
    longest = recipe.data.max_prompt_tokens + rollout.max_response_tokens
    sequences = trainer.prompts_per_step * recipe.algorithm.group_size
    if sequences < learner.ranks:
        yield refuse(
            "learner.ranks",
            f"found {learner.ranks}, but a step has {sequences} sequences (trainer.prompts_per_step "
            f"{trainer.prompts_per_step} x algorithm.group_size {recipe.algorithm.group_size}): some ranks would get "
            f"none; write at most {sequences}",
        )
    # The default is exempt: it is no statement about this batch.
    ceiling = max(sequences * longest, LearnerConfig.model_fields["token_budget"].default)
    if learner.token_budget > ceiling:
        yield refuse(
            "learner.token_budget",
            f"found {learner.token_budget}, a micro-batch larger than the batch: {sequences} sequences of at most "
            f"{longest} tokens; write at most {sequences * longest}",
        )
    if learner.token_budget < longest:
        yield warn(
            "learner.token_budget",
            f"found {learner.token_budget}, less than one sequence may have ({longest}: data.max_prompt_tokens + "
            "rollout.max_response_tokens): longer ones get a micro-batch of their own, and need the memory for it",
        )
    if trainer.prompts_per_step < rollout.engines:
        yield warn(
            "rollout.engines",
            f"found {rollout.engines}, but a step hands out {trainer.prompts_per_step} prompts: some engines idle",
        )
    if (warmup := recipe.warmup) is not None:
        if warmup.batch_size > warmup.size:
            yield refuse(
                "warmup.batch_size",
                f"found {warmup.batch_size}, more than there are; write at most {warmup.size} (warmup.size)",
            )
        if warmup.batch_size < learner.ranks:
            yield refuse(
                "warmup.batch_size",
                f"found {warmup.batch_size} for {learner.ranks} learner.ranks: some would get none; write at least "
                f"{learner.ranks}",
            )


def check_schedule(recipe: TrainRecipe) -> Iterator[Finding]:
    trainer, learner = recipe.trainer, recipe.learner
    if recipe.data.heldout is None and trainer.eval_every > 0:
        yield refuse(
            "trainer.eval_every",
            f"found {trainer.eval_every}, but there is nothing to evaluate on; write data.heldout, or eval_every: 0",
        )
    if learner.warmup_steps >= trainer.steps:
        yield warn(
            "learner.warmup_steps",
            f"found {learner.warmup_steps} of {trainer.steps} steps: the learning rate is never reached",
        )
    for i, beta in enumerate(learner.betas):
        if beta >= 1.0:
            yield refuse(
                f"learner.betas.{i}", "found 1: Adam divides by 1 - beta; write less than 1, e.g. 0.9 and 0.999"
            )
    if learner.offload_optimizer and learner.zero_stage == 0:
        yield refuse(
            "learner.offload_optimizer", "DeepSpeed offloads the optimizer from ZeRO stage 1 on; write zero_stage: 1"
        )
    if (warmup := recipe.warmup) is not None:
        if warmup.warmup_steps >= warmup.steps:
            yield warn(
                "warmup.warmup_steps",
                f"found {warmup.warmup_steps} of {warmup.steps} steps: the learning rate is never reached",
            )
        name = warmup.demonstrations
        if not name.endswith(".jsonl") and name not in DEMONSTRATIONS:
            hint = nearest(name, list(DEMONSTRATIONS))
            yield refuse("warmup.demonstrations", f"found {shown(name)}; {hint} (or a file ending in .jsonl)")
        elif name.endswith(".jsonl") and warmup.config:
            yield refuse("warmup.config", f"found {', '.join(warmup.config)}; a file takes no settings: remove it")
        elif name.endswith(".jsonl") and not Path(name).is_file():
            yield warn("warmup.demonstrations", f"no file {name} as seen from {Path.cwd()}")


def check_tracking(recipe: TrainRecipe) -> Iterator[Finding]:
    for package, wanted in {
        "wandb": recipe.tracking.wandb_project,
        "trackio": recipe.tracking.trackio_project,
    }.items():
        if wanted is not None and importlib.util.find_spec(package) is None:
            yield warn(
                f"tracking.{package}_project",
                f"{package} is not installed here; `pip install {package}` where the run starts",
            )
