"""Checks of `data.sampling`: keys that mean nothing together, or miss what they go by."""

from __future__ import annotations

from collections.abc import Iterator

from rlhf.recipe.data_schema import SamplingConfig
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.schema import TrainRecipe


def check_prompt_order(recipe: TrainRecipe) -> Iterator[Finding]:
    sampling, data = recipe.data.sampling, recipe.data
    if not data.shuffle and sampling.adaptive:
        yield refuse("data.shuffle", "found false, but data.sampling draws prompts by chance; remove one of the two")
    if "floor" in sampling.changed and sampling.order != "prioritised":
        yield refuse("data.sampling.floor", "has no part in order: epochs; write order: prioritised, or remove it")
    if "memory" in sampling.changed and sampling.order != "prioritised":
        yield refuse("data.sampling.memory", "has no part in order: epochs; write order: prioritised, or remove it")
    if sampling.memory == 1.0:
        yield warn("data.sampling.memory", "found 1: success rates stay as they were found first")
    yield from _check_filters(sampling)
    yield from _check_curriculum(recipe, sampling)
    yield from _check_mix(recipe, sampling)


def _check_filters(sampling: SamplingConfig) -> Iterator[Finding]:
    above, below = sampling.pass_rate_above, sampling.pass_rate_below
    for key, value in (("pass_rate_above", above), ("pass_rate_below", below)):
        if value is not None and sampling.probe_samples == 0:
            yield refuse(
                f"data.sampling.{key}", "goes by probed success rates; write data.sampling.probe_samples too, e.g. 8"
            )
    rates = [k / sampling.probe_samples for k in range(sampling.probe_samples + 1)] if sampling.probe_samples else []
    within = [r for r in rates if (above is None or r > above) and (below is None or r < below)]
    if rates and not within:
        band = f"above {above if above is not None else '-'} and below {below if below is not None else '-'}"
        yield refuse(
            "data.sampling.pass_rate_below" if below is not None else "data.sampling.pass_rate_above",
            f"of {sampling.probe_samples} answers no share of right ones is {band}: no prompt would be left",
        )
    for key in ("guess_prefix", "guess_tokens"):
        if key in sampling.changed and sampling.guesses == 0:
            yield refuse(
                f"data.sampling.{key}", "nothing is guessed; write data.sampling.guesses, e.g. 8, or remove it"
            )


def _check_curriculum(recipe: TrainRecipe, sampling: SamplingConfig) -> Iterator[Finding]:
    sources = [recipe.data.train, *recipe.data.train_also]
    if (
        sampling.curriculum_steps
        and sampling.probe_samples == 0
        and not all(s.difficulty_field or s.difficulty for s in sources)
    ):
        yield refuse(
            "data.sampling.curriculum_steps",
            "nothing says which prompts are easy; write data.sampling.probe_samples, e.g. 8, or of "
            "every source its difficulty_field, or (reasoning_gym) difficulty",
        )
    if "curriculum_start" in sampling.changed and sampling.curriculum_steps == 0:
        yield refuse("data.sampling.curriculum_start", "there is no curriculum; write curriculum_steps, or remove it")
    if sampling.curriculum_steps > recipe.trainer.steps:
        yield warn(
            "data.sampling.curriculum_steps",
            f"found {sampling.curriculum_steps}, more than trainer.steps {recipe.trainer.steps}: the hardest prompts "
            "are never met",
        )


def _check_mix(recipe: TrainRecipe, sampling: SamplingConfig) -> Iterator[Finding]:
    mix, data = sampling.mix, recipe.data
    one_domain = not data.train_also and data.train.domain_field is None
    if one_domain and (mix.adaptive or mix.weights):
        yield refuse(
            "data.sampling.mix",
            "there is one domain; write data.train.domain_field, or further sources in data.train_also, or remove it",
        )
    for key in ("memory", "floor"):
        if key in mix.changed and not mix.adaptive:
            yield refuse(f"data.sampling.mix.{key}", "the mix is fixed; write adaptive: true, or remove it")
