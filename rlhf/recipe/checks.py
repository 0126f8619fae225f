"""Combinations of keys that cannot run, or would run and mean nothing: each with what was found and the fix.

One small function a topic, each yielding findings; `check` runs them all, so that a recipe's author sees every
fault at once. What only Ray, the model or the data can tell is checked where those are first looked at.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path

from rlhf.recipe.checks_algorithm import check_algorithm
from rlhf.recipe.checks_cluster import check_cluster
from rlhf.recipe.checks_data import check_data
from rlhf.recipe.checks_domains import check_domains
from rlhf.recipe.checks_during import check_during
from rlhf.recipe.checks_reward import check_rewards
from rlhf.recipe.checks_run import check_run
from rlhf.recipe.checks_sampling import check_prompt_order
from rlhf.recipe.devices import Devices
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.problems import nearest, shown
from rlhf.recipe.schema import LearnerConfig, TrainRecipe
from rlhf.stages.demonstrations import DEMONSTRATIONS


def check(recipe: TrainRecipe, devices: Devices) -> list[Finding]:
    """Every finding, the fatal ones first."""
    topics = (
        check_run(recipe.run, recipe.policy),
        check_algorithm(recipe),
        check_rewards(recipe),
        check_sampling(recipe),
        check_batches(recipe),
        check_schedule(recipe),
        check_during(recipe),
        check_adapters(recipe),
        check_tracking(recipe),
        check_data(recipe),
        check_domains(recipe),
        check_prompt_order(recipe),
        check_cluster(recipe, devices),
    )
    found = [finding for topic in topics for finding in topic]
    return sorted(found, key=lambda f: not f.fatal)


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
    yield from _check_repetition(recipe)
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


def _check_repetition(recipe: TrainRecipe) -> Iterator[Finding]:
    rules, longest = recipe.rollout.repetition, recipe.rollout.max_response_tokens
    if rules.longest_pattern and rules.shortest_pattern > rules.longest_pattern:
        yield refuse(
            "rollout.repetition.shortest_pattern",
            f"found {rules.shortest_pattern}, above longest_pattern {rules.longest_pattern}; write less",
        )
    if rules.longest_pattern and rules.shortest_pattern * rules.count > longest:
        yield refuse(
            "rollout.repetition.count",
            f"found {rules.count}: {rules.count} times {rules.shortest_pattern} tokens never fit in "
            f"rollout.max_response_tokens {longest}; write less",
        )
    if rules.certain_tokens >= longest:
        yield refuse(
            "rollout.repetition.certain_tokens",
            f"found {rules.certain_tokens}: rollout.max_response_tokens is {longest}, so none comes to it; write less",
        )
    if 0 < rules.certain_tokens < recipe.rollout.min_response_tokens:
        yield refuse(
            "rollout.repetition.certain_tokens",
            f"found {rules.certain_tokens}, less than rollout.min_response_tokens "
            f"{recipe.rollout.min_response_tokens}, before which no response may end; write more",
        )
    for key, switch in (
        ("shortest_pattern", "longest_pattern"),
        ("count", "longest_pattern"),
        ("certain_probability", "certain_tokens"),
    ):
        if key in rules.changed and not getattr(rules, switch):
            yield refuse(f"rollout.repetition.{key}", f"has no part without {switch}; write that too, or remove it")
    if recipe.algorithm.shaping.repetition_weight and not (rules.longest_pattern or rules.certain_tokens):
        yield refuse(
            "algorithm.shaping.repetition_weight",
            "nothing looks for repetition; write rollout.repetition.longest_pattern, e.g. 32, or certain_tokens",
        )


def check_batches(recipe: TrainRecipe) -> Iterator[Finding]:
    learner, trainer, rollout = recipe.learner, recipe.trainer, recipe.rollout
    longest = recipe.data.max_prompt_tokens + rollout.max_response_tokens
    sequences = trainer.prompts_per_step * recipe.algorithm.group_size
    if sequences < learner.data_ranks:
        yield refuse(
            "learner.ranks",
            f"found {learner.ranks}, but a step has {sequences} sequences (trainer.prompts_per_step "
            f"{trainer.prompts_per_step} x algorithm.group_size {recipe.algorithm.group_size}): some ranks would get "
            f"none; write at most {sequences * learner.sequence_parallel}",
        )
    if learner.ranks % learner.sequence_parallel:
        divisors = [str(n) for n in range(1, learner.ranks + 1) if learner.ranks % n == 0]
        yield refuse(
            "learner.sequence_parallel",
            f"found {learner.sequence_parallel}, which does not divide learner.ranks {learner.ranks}; write "
            f"{' or '.join(divisors)}",
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
        if warmup.batch_size < learner.data_ranks:
            yield refuse(
                "warmup.batch_size",
                f"found {warmup.batch_size} for {learner.ranks} learner.ranks: some would get none; write at least "
                f"{learner.data_ranks}",
            )


def check_schedule(recipe: TrainRecipe) -> Iterator[Finding]:
    trainer, learner = recipe.trainer, recipe.learner
    if recipe.data.heldout is None and trainer.eval_every > 0:
        yield refuse(
            "trainer.eval_every",
            f"found {trainer.eval_every}, but there is nothing to evaluate on; write data.heldout, or eval_every: 0",
        )
    updates = trainer.steps * recipe.algorithm.updates
    if learner.warmup_steps >= updates:
        yield warn(
            "learner.warmup_steps",
            f"found {learner.warmup_steps} of {updates} updates: the learning rate is never reached",
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


def check_adapters(recipe: TrainRecipe) -> Iterator[Finding]:
    if recipe.learner.lora is not None and recipe.policy.model == "tiny-moe":
        yield refuse(
            "learner.lora",
            "tiny-moe starts from weights that were never trained, and adapters leave them as they are; train it "
            "without, and then a checkpoint of that run (policy.model: RUN/checkpoints/step_N/hf) with adapters",
        )


def check_tracking(recipe: TrainRecipe) -> Iterator[Finding]:
    tracking = recipe.tracking
    wanted = {"wandb": tracking.wandb_project, "trackio": tracking.trackio_project, "mlflow": tracking.mlflow_project}
    for library, project in wanted.items():
        if project is not None and importlib.util.find_spec(library) is None:
            package = "mlflow-skinny" if library == "mlflow" else library
            yield warn(
                f"tracking.{library}_project",
                f"{package} is not installed here; `pip install {package}` where the run starts",
            )
