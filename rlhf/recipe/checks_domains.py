"""Checks of domains: what names one that no prompt is of, and prompts that nothing judges.

Where the sources themselves say their domains, before anything is loaded; else once the prompts are there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from rlhf.recipe.data_schema import SourceConfig
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.problems import nearest, shown
from rlhf.recipe.schema import TrainRecipe


def domain_of(source: SourceConfig) -> str | None:
    """Of all its rows; None where each says its own."""
    return None if source.domain_field is not None else source.domain or source.task or "default"


def check_domains(recipe: TrainRecipe) -> Iterator[Finding]:
    """As far as the sources say their domains."""
    data = recipe.data
    training = [domain_of(source) for source in (data.train, *data.train_also)]
    heldout = [] if data.heldout is None else [domain_of(data.heldout)]
    if None not in (*training, *heldout):
        yield from domain_faults(recipe, filter(None, training), filter(None, heldout))


def domain_faults(recipe: TrainRecipe, training: Iterable[str], heldout: Iterable[str]) -> Iterator[Finding]:
    """training, heldout: the domains of those prompts."""
    trained_on = sorted(set(training))
    known = sorted({*trained_on, *heldout})
    for i, part in enumerate(recipe.reward):
        for name in part.domains:
            if name not in known:
                yield refuse(f"reward.{i}.domains", f"no prompt is of domain {shown(name)}; {nearest(name, known)}")
    without = [name for name in known if not any(part.judges(name) for part in recipe.reward)]
    if without:
        yield refuse(
            "reward",
            f"no component judges prompts of domain {', '.join(without)}; name it in one's domains, or give one "
            "component no domains, which then judges all",
        )
    weights = recipe.data.sampling.mix.weights
    for name in weights:
        if name not in trained_on:
            yield refuse(
                f"data.sampling.mix.weights.{name}",
                f"no training prompt is of domain {shown(name)}; {nearest(name, trained_on)}",
            )
    missing = [name for name in trained_on if name not in weights]
    if weights and missing:
        yield refuse("data.sampling.mix.weights", f"no weight for {', '.join(missing)}; write one for every domain")
