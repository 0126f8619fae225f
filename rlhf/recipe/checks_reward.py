"""Rules of the reward's composition: names, weights, gates and clamps."""

from __future__ import annotations

from collections.abc import Iterator

from rlhf.recipe.checks_verifier import CODE, check_code, check_verifier
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.problems import nearest, shown
from rlhf.recipe.schema import RewardComponent, TrainRecipe
from verifiers.specs import VERIFIERS


def check_rewards(recipe: TrainRecipe) -> Iterator[Finding]:
    for i, part in enumerate(recipe.reward):
        above = recipe.reward[:i]
        yield from check_verifier(f"reward.{i}", part.verifier, part.config)
        yield from _check_label(i, part, above)
        yield from _check_gate(i, part, above)
        yield from _check_clamp(i, part)
        if part.verifier == CODE:
            yield from check_code(f"reward.{i}", part.config, recipe.verify)
    if all(part.weight == 0.0 for part in recipe.reward):
        yield refuse("reward", "every weight is 0, so there is nothing to learn from; write a weight, e.g. 1.0")


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
