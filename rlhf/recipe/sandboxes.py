"""What sandbox this machine gives to the rewards of a recipe that run code: found out by attacking it from within."""

from __future__ import annotations

from rlhf.recipe.checks_reward import CODE
from rlhf.recipe.schema import TrainRecipe
from verifiers.specs import VERIFIERS


def sandbox_lines(recipe: TrainRecipe) -> list[str]:
    """A line for every level that the recipe names; none where no reward runs code, and then nothing is tried."""
    default = VERIFIERS[CODE].options["sandbox"].default
    levels = dict.fromkeys(part.config.get("sandbox", default) for part in recipe.reward if part.verifier == CODE)
    if not levels:
        return []
    from verifiers.sandbox.probe import Report, probe, weaker
    from verifiers.sandbox.sandbox import Level

    def line(report: Report) -> str:
        refused = f". Training would be refused here{weaker(report)}" if report.problem else ""
        return f"{report.line()}{refused}"

    return [line(probe(Level(level))) for level in levels]
