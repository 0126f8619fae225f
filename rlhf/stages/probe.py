"""Before training: how often the policy solves every prompt, and which answers can be guessed without thinking."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rlhf.data.sampling.protocol import Probed
from rlhf.metrics.live import LiveView
from rlhf.recipe.data_schema import SamplingConfig
from rlhf.recipe.schema import TrainRecipe
from rlhf.rollout.rollouter import Begun, Rollouter
from rlhf.rollout.sampling import Sampling
from rlhf.types import Group, Prompt

_PARTS = 10  # in which prompts are answered, at least: after each, how far it has come is told
_LARGEST_PART = 1000  # prompts, whose answers are held until all of them are there


async def probe(
    recipe: TrainRecipe,
    rollouter: Rollouter,
    prompts: Sequence[Prompt],
    encode: Callable[[str], Sequence[int]],
    view: LiveView,
) -> Probed:
    """What data.sampling asks for. encode: text to token ids, without special tokens.

    The easy-to-hack filter (Kimi k1.5 2501.12599, section 2.1) asks a model to guess; here every answer is made to
    begin with `guess_prefix`, so that any policy answers at once.
    """
    rules, temperature = recipe.data.sampling, recipe.rollout.temperature
    rates = guessed = None
    if rules.probe_samples:
        sampling = Sampling(rules.probe_samples, temperature, recipe.rollout.max_response_tokens)
        rates = tuple(await _answered(rollouter, prompts, sampling, view, "success rates"))
    if rules.guesses:
        sampling = Sampling(rules.guesses, temperature, rules.guess_tokens)
        guessing = rollouter.begun_with(_begun(rules, encode))
        guessed = tuple(rate > 0.0 for rate in await _answered(guessing, prompts, sampling, view, "guesses"))
    return Probed(rates, guessed)


def _begun(rules: SamplingConfig, encode: Callable[[str], Sequence[int]]) -> Begun:
    return Begun(rules.guess_prefix, tuple(encode(rules.guess_prefix)))


async def _answered(
    rollouter: Rollouter, prompts: Sequence[Prompt], sampling: Sampling, view: LiveView, what: str
) -> list[float]:
    """The success rate of every prompt; the answers themselves are let go of, part by part."""
    view.stage(f"probing {what}", f"{sampling.n} answers to each of {len(prompts)} prompts")
    rates: list[float] = []
    size = min(-(-len(prompts) // _PARTS), _LARGEST_PART)
    for start in range(0, len(prompts), size):
        rates += [_rate(group) for group in await rollouter.groups(prompts[start : start + size], sampling)]
        known = [rate for rate in rates if not math.isnan(rate)]
        solved = f"{sum(known) / len(known):.3f} solved" if known else "none judged right or wrong"
        view.note(f"{what}: {len(rates)} of {len(prompts)} prompts, {solved}")
    return rates


def _rate(group: Group) -> float:
    return math.nan if group.accuracy is None else group.accuracy
