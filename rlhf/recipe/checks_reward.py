"""Rules of the reward's composition: names, weights, gates and clamps, and the limits of components that run code."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.problems import nearest, shown
from rlhf.recipe.schema import RewardComponent, TrainRecipe
from verifiers.lookup import check_importable
from verifiers.registry import check_config, check_name
from verifiers.specs import VERIFIERS

CODE = "code"
MARGIN_S = 0.5
"""What a worker needs beside the tests: a sample beyond verify.timeout_s costs it its process and its sandbox."""


def check_rewards(recipe: TrainRecipe) -> Iterator[Finding]:
    for i, part in enumerate(recipe.reward):
        above = recipe.reward[:i]
        yield from _check_verifier(i, part)
        yield from _check_label(i, part, above)
        yield from _check_gate(i, part, above)
        yield from _check_clamp(i, part)
        if part.verifier == CODE:
            yield from _check_code(i, part, recipe)
    if all(part.weight == 0.0 for part in recipe.reward):
        yield refuse("reward", "every weight is 0, so there is nothing to learn from; write a weight, e.g. 1.0")


def _check_verifier(i: int, part: RewardComponent) -> Iterator[Finding]:
    key = f"reward.{i}.verifier"
    try:
        check_name(part.verifier)
        if ":" in part.verifier:
            check_importable(part.verifier, [str(Path.cwd())])
        key = f"reward.{i}.config"
        check_config(part.verifier, part.config)
    except ValueError as error:
        yield refuse(key, str(error))


def _check_label(i: int, part: RewardComponent, above: list[RewardComponent]) -> Iterator[Finding]:
    same = [j for j, other in enumerate(above) if other.label == part.label]
    if same:
        yield refuse(f"reward.{i}.name", f"{part.label} is the name of reward.{same[0]} too; write name: another")


def _check_gate(i: int, part: RewardComponent, above: list[RewardComponent]) -> Iterator[Finding]:
    if part.only_if is None:
        return
    key = f"reward.{i}.only_if"
    gates = [other for other in above if other.label == part.only_if]
    if not gates:
        labels = [other.label for other in above]
        what = nearest(part.only_if, labels) if labels else "the first component has none; remove it"
        yield refuse(key, f"no component above is called {shown(part.only_if)}; {what}")
        return
    gate = gates[0]
    if (spec := VERIFIERS.get(gate.verifier)) is not None and spec.grades:
        yield refuse(key, f"{gate.label} grades, and calls no answer correct; name a component that does")
    unjudged = [name for name in part.domains if not gate.judges(name)] if part.domains else gate.domains
    if gate.domains and unjudged:
        yield refuse(
            key,
            f"{gate.label} judges prompts of {', '.join(gate.domains)} alone, and {part.label} of "
            f"{', '.join(part.domains) or 'every domain'}; write the same domains",
        )


def _check_clamp(i: int, part: RewardComponent) -> Iterator[Finding]:
    if part.clamp is not None and None not in part.clamp and part.clamp[0] > part.clamp[1]:  # type: ignore[operator]
        yield refuse(f"reward.{i}.clamp", f"found {list(part.clamp)}; write [low, high]")


def _check_code(i: int, part: RewardComponent, recipe: TrainRecipe) -> Iterator[Finding]:
    options = VERIFIERS[CODE].options
    total_s = part.config.get("total_s", options["total_s"].default)
    memory_mb = part.config.get("memory_mb", options["memory_mb"].default)
    if isinstance(total_s, (int, float)) and total_s + MARGIN_S > recipe.verify.timeout_s:
        yield refuse(
            "verify.timeout_s",
            f"found {recipe.verify.timeout_s:g}, and reward.{i} may run tests for {total_s:g} s; write "
            f"{total_s + 1:g} or more, or a smaller reward.{i}.config.total_s",
        )
    if isinstance(memory_mb, int) and memory_mb > recipe.verify.memory_mb:
        yield refuse(
            "verify.memory_mb",
            f"found {recipe.verify.memory_mb}, and reward.{i} gives programs {memory_mb} MB; write {memory_mb} or more",
        )
