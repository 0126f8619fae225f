"""What sandbox this machine gives to what runs code in a recipe: found out by attacking it from within."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rlhf.recipe.asked import asked_of
from rlhf.recipe.checks_verifier import CODE
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.schema import TrainRecipe
from verifiers.specs import VERIFIERS


def sandbox_lines(recipe: TrainRecipe | EvalRecipe) -> list[str]:
    """A line for every level that the recipe names; none where nothing runs code, and then nothing is tried."""
    default = VERIFIERS[CODE].options["sandbox"].default
    levels = dict.fromkeys(config.get("sandbox", default) for config in _code_settings(recipe))
    if not levels:
        return []
    from verifiers.sandbox.probe import Report, probe, weaker
    from verifiers.sandbox.sandbox import Level

    what = "Training" if isinstance(recipe, TrainRecipe) else "The evaluation"

    def line(report: Report) -> str:
        refused = f". {what} would be refused here{weaker(report)}" if report.problem else ""
        return f"{report.line()}{refused}"

    return [line(probe(Level(level))) for level in levels]


def _code_settings(recipe: TrainRecipe | EvalRecipe) -> Iterator[Mapping[str, Any]]:
    """Of the rewards and of the benchmarks that run code."""
    if isinstance(recipe, TrainRecipe):
        yield from (part.config for part in recipe.reward if part.verifier == CODE)
    if recipe.evaluation is not None:
        yield from (asked.config for asked in asked_of(recipe.evaluation) if asked.verifier == CODE)
