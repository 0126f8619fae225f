"""Checks of the `algorithm` section: names, and keys that contradict each other or mean nothing together."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.definition import Definition
from rlhf.algorithms.resolve import correction_of, resolve
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.problems import nearest, shown
from rlhf.recipe.schema import TrainRecipe
from verifiers.specs import VERIFIERS


def check_algorithm(recipe: TrainRecipe) -> Iterator[Finding]:
    config = recipe.algorithm
    if config.name not in CATALOG:
        yield refuse("algorithm.name", f"unknown algorithm {shown(config.name)}; {nearest(config.name, list(CATALOG))}")
        return
    definition = resolve(config)
    yield from _check_baseline(recipe, definition)
    yield from _check_shaping(recipe, definition)
    yield from _check_correct_only(recipe, definition)
    yield from _check_ratio(recipe, definition)
    yield from _check_loss(recipe, definition)
    yield from _check_kl(recipe, definition)
    yield from _check_critic(recipe, definition)
    yield from _check_correction(recipe, definition)
    yield from _check_updates(recipe, definition)


def _check_baseline(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    config = recipe.algorithm
    if config.group_size < definition.samples_needed:
        yield refuse(
            "algorithm.group_size",
            f"found 1: {config.name} compares the samples of a prompt with each other, and one sample has the "
            "advantage 0; write at least 2, e.g. 8",
        )
    if config.group_size == 1 and definition.keep == "mixed_accuracy" and definition.samples_needed == 1:
        yield refuse(
            "algorithm.keep",
            "mixed_accuracy keeps prompts with right and wrong answers, and one sample is one or the other; write "
            "group_size: 2 or more, or keep: all",
        )
    for key in ("advantage_eps", "advantage_ddof"):
        if getattr(config, key) is not None and definition.advantage != "group_normalised":
            yield refuse(f"algorithm.{key}", f"{config.name} divides by no group's deviation; remove it")


def _check_shaping(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    config = recipe.algorithm
    if "max_resampled" in config.changed and definition.keep == "all":
        yield refuse("algorithm.max_resampled", "no group is left out; write keep: mixed_accuracy, or remove it")
    if "length_from_step" in config.shaping.changed and definition.length_reward == 0.0:
        yield refuse(
            "algorithm.shaping.length_from_step", "there is no length reward; write length_weight, or remove it"
        )
    if definition.length_reward > 0.0 and config.shaping.length_from_step >= recipe.trainer.steps:
        yield warn(
            "algorithm.shaping.length_from_step",
            f"found {config.shaping.length_from_step} of {recipe.trainer.steps} steps: the length reward never begins",
        )
    buffer = config.shaping.overlong_buffer
    if buffer is not None and buffer > recipe.rollout.max_response_tokens:
        yield refuse(
            "algorithm.shaping.overlong_buffer",
            f"found {buffer}, more than rollout.max_response_tokens {recipe.rollout.max_response_tokens}; write less",
        )
    if buffer is not None and definition.overlong_penalty == 0.0:
        yield refuse(
            "algorithm.shaping.overlong_buffer",
            f"{config.name} punishes no length; write algorithm.shaping.overlong_weight too, or remove it",
        )


def _check_correct_only(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    """What has no part in an algorithm that looks at no reward, but at what is correct."""
    config = recipe.algorithm
    if definition.advantage != "correct_only":
        return
    if definition.whiten:
        yield refuse(
            "algorithm.whiten", f"{config.name} learns from correct responses alone, to which all others are 0"
        )
    first = recipe.reward[0]
    if not first.domains and (spec := VERIFIERS.get(first.verifier)) is not None and spec.grades:
        yield refuse(
            "reward.0.verifier",
            f"{first.verifier} calls no answer correct, and {config.name} learns from correct ones alone; put a "
            "rule before it",
        )
    if definition.kl.place == "reward":
        yield refuse(
            "algorithm.kl.place", f"found reward, which {config.name} does not look at; write loss, or remove it"
        )
    weighed = {"overlong_weight", "length_weight", "repetition_weight"} & config.shaping.changed
    for key in sorted(weighed):
        yield refuse(f"algorithm.shaping.{key}", f"a reward, which {config.name} does not look at; remove it")


def _check_ratio(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    config = recipe.algorithm
    if config.clip_low is not None and config.clip_low >= 1.0:
        yield warn(
            "algorithm.clip_low",
            f"found {config.clip_low:g}: the ratio is clipped below at 1 - clip_low, which it never falls to",
        )
    for key in ("clip_low", "clip_high"):
        if getattr(config, key) is not None and not definition.uses_ratio:
            yield refuse(f"algorithm.{key}", f"{config.name} has no ratio to clip; remove it")
    for key in ("cut_low", "cut_high"):
        if getattr(config, key) is not None and definition.surrogate != "capped_weight":
            yield refuse(
                f"algorithm.{key}", f"{config.name} clips and cuts nothing else; write name: cispo, or remove it"
            )
    if config.dual_clip is not None and definition.surrogate != "clipped":
        yield refuse("algorithm.dual_clip", f"the surrogate of {config.name} clips no ratio; remove it")
    without_old = definition.surrogate == "score" and not definition.uses_ratio
    if config.old_logprobs is not None and without_old:
        yield refuse("algorithm.old_logprobs", f"{config.name} has no ratio to divide by them; remove it")
    if config.old_logprobs == "behaviour" and definition.clip_high is not None and definition.clip_high < 0.01:
        yield warn(
            "algorithm.old_logprobs",
            f"found behaviour: {config.name} clips at {definition.clip_high:g}, and in bfloat16 engine and learner "
            "differ by more than that",
        )
    if definition.surrogate == "mirror" and definition.old_logprobs == "behaviour":
        yield refuse(
            "algorithm.old_logprobs",
            f"found behaviour: {config.name} is pulled to the learner's own policy at the start of the step; remove it",
        )
    if config.mirror_tau is not None and definition.surrogate != "mirror":
        yield refuse("algorithm.mirror_tau", f"{config.name} is no mirror descent; remove it, or write name: kimi_k1_5")


def _check_loss(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    config = recipe.algorithm
    if config.norm_length is not None and definition.aggregation != "seq-mean-token-sum-norm":
        yield refuse(
            "algorithm.norm_length",
            f"aggregation {config.aggregation or 'of ' + config.name} does not divide by it; remove it or write "
            "aggregation: seq-mean-token-sum-norm",
        )
    if definition.surrogate == "mirror" and definition.aggregation != "seq-mean-token-sum":
        yield refuse(
            "algorithm.aggregation",
            f"found {definition.aggregation}: {config.name}'s loss is one of whole responses; write seq-mean-token-sum",
        )


def _check_kl(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    kl = recipe.algorithm.kl
    if kl.coef and definition.kl.place == "none":
        yield refuse("algorithm.kl.coef", f"found {kl.coef:g}, but kl.place is none; write kl.place: loss, or reward")
    if kl.place in ("reward", "loss") and definition.kl.coef == 0.0:
        yield refuse("algorithm.kl.place", f"found {kl.place}, but kl.coef is 0; write kl.coef, e.g. 0.001")
    if definition.kl.place == "reward" and kl.estimator not in (None, "k1"):
        yield refuse(
            "algorithm.kl.estimator", f"found {kl.estimator}: a KL in the reward is k1; remove it, or write place: loss"
        )
    for key, belongs_to in (("refresh_every", "refreshed"), ("ema_decay", "ema")):
        if key in kl.changed and kl.reference != belongs_to:
            yield refuse(f"algorithm.kl.{key}", f"kl.reference is {kl.reference}; write reference: {belongs_to}")
    if kl.host == "own" and kl.reference == "ema":
        yield refuse(
            "algorithm.kl.host",
            "found own: a moving average changes every step; write learner, or reference: refreshed",
        )
    if recipe.learner.lora is not None and definition.reference:
        yield from _check_adapted_reference(recipe)
    if definition.kl.place == "loss" and definition.kl.estimator == "k1":
        yield warn(
            "algorithm.kl.estimator",
            "found k1: in the loss its gradient is zero on average, so that nothing is held to the reference; k2 and "
            "k3 do that",
        )
    for key in sorted(kl.changed & {"reference", "host", "estimator"} if not definition.reference else ()):
        yield refuse(
            f"algorithm.kl.{key}",
            f"{recipe.algorithm.name} has no KL term here; write kl.place and kl.coef, or remove it",
        )


def _check_adapted_reference(recipe: TrainRecipe) -> Iterator[Finding]:
    """With adapters the base weights are the reference: fixed, beside the learner, ignorant of a warm-up."""
    kl, base = recipe.algorithm.kl, "with learner.lora the base weights are the reference"
    if kl.reference != "frozen":
        yield refuse("algorithm.kl.reference", f"found {kl.reference}: {base}, and they stay; write frozen")
    if kl.host == "own":
        yield refuse("algorithm.kl.host", f"found own: {base}, which the learner has; write learner")
    if recipe.warmup is not None:
        yield refuse(
            "learner.lora",
            f"{base}, and those know nothing of the warm-up; do it in a run of its own and train its checkpoint, or "
            "write algorithm.kl.place: none",
        )


def _check_critic(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    critic = recipe.algorithm.critic
    if definition.value is None and critic.changed:
        key = sorted(critic.changed)[0]
        with_one = ", ".join(name for name, d in CATALOG.items() if d.value is not None)
        yield refuse(
            f"algorithm.critic.{key}", f"{definition.name} has no critic; remove it, or write name: {with_one}"
        )
    value = definition.value
    if value is None:
        return
    if "actor_lambda" in critic.changed and value.length_alpha is not None:
        yield refuse(
            "algorithm.critic.actor_lambda",
            f"length_alpha {value.length_alpha:g} sets the actor's lambda; remove it, or write length_alpha: 0",
        )
    if "pretrain_patience" in critic.changed and value.pretrain_steps == 0:
        yield refuse("algorithm.critic.pretrain_patience", "nothing is pretrained; write pretrain_steps, or remove it")
    if critic.model is not None and not (Path(critic.model).expanduser() / "config.json").is_file():
        yield refuse(
            "algorithm.critic.model", f"no folder {critic.model} with a config.json in it as seen from {Path.cwd()}"
        )


def _check_correction(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    asked = recipe.algorithm.correction
    if asked.weight != "none" and definition.old_logprobs == "behaviour" and definition.uses_ratio:
        yield refuse(
            "algorithm.correction.weight",
            f"found {asked.weight} with old_logprobs: behaviour, whose ratio corrects already: it would be counted "
            "twice; write old_logprobs: recomputed, or weight: none (reject may stay)",
        )
    if asked.weight != "token_mis" and "low" in asked.changed:
        yield refuse(
            "algorithm.correction.low", f"has no part in {asked.weight}; remove it, or write weight: token_mis"
        )
    for key in sorted(asked.changed & {"high", "normalise"} if asked.weight == "none" else ()):
        yield refuse(f"algorithm.correction.{key}", "there are no weights; write correction.weight, or remove it")
    for key in sorted(asked.changed & {"reject_low", "reject_high"} if asked.reject == "none" else ()):
        yield refuse(f"algorithm.correction.{key}", "nothing is rejected; write correction.reject, or remove it")
    used = correction_of(recipe.algorithm)
    if used.weight == "token_mis" and used.low >= used.high:
        yield refuse(
            "algorithm.correction.low", f"found {used.low:g}, not below high {used.high:g}: every weight would be 0"
        )
    if used.reject == "geometric" and used.reject_low >= used.reject_high:
        yield refuse(
            "algorithm.correction.reject_low",
            f"found {used.reject_low:g}, not below reject_high {used.reject_high:g}: every response would be rejected",
        )
    if asked.reject == "k3" and "reject_low" in asked.changed:
        yield refuse("algorithm.correction.reject_low", "k3 has an upper bound only; remove it")


def _check_updates(recipe: TrainRecipe, definition: Definition) -> Iterator[Finding]:
    config, prompts = recipe.algorithm, recipe.trainer.prompts_per_step
    if config.mini_batches > prompts:
        yield refuse(
            "algorithm.mini_batches",
            f"found {config.mini_batches}: a batch is split by prompts, and trainer.prompts_per_step is {prompts}; "
            f"write at most {prompts}",
        )
    several = "mini_batches" if config.mini_batches > 1 or config.inner_epochs == 1 else "inner_epochs"
    if config.updates > 1 and definition.surrogate == "score":
        yield warn(
            f"algorithm.{several}",
            f"{config.name} has no importance ratio: from the second of the {config.updates} updates on it is biased",
        )
    if config.updates == 1 and definition.surrogate == "mirror":
        yield warn(
            "algorithm.mini_batches",
            f"with one update a step {config.name} never leaves the step's start, so that tau has no effect; write "
            "mini_batches or inner_epochs above 1",
        )
