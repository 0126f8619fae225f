"""What a distillation asks of the placement: engines first, and when they have ended, the learner."""

from __future__ import annotations

from cluster.on_paper import PaperActor, placed_need
from cluster.placement import Need
from rlhf.recipe.devices import Devices
from rlhf.recipe.distill_schema import DistillRecipe


def need_of_sampling(recipe: DistillRecipe, device: str) -> Need:
    engines = recipe.engines
    return Need(
        engines=engines.engines,
        tensor_parallel=engines.tensor_parallel,
        ranks=0,
        device="gpu" if device == "gpu" else "cpu",
        cpus_per_engine=engines.cpus_per_engine,
    )


def need_of_learning(recipe: DistillRecipe, device: str) -> Need:
    return Need(
        engines=0,
        tensor_parallel=1,
        ranks=recipe.learner.ranks,
        device="gpu" if device == "gpu" else "cpu",
        cpus_per_rank=recipe.learner.cpus_per_rank,
    )


def placed_distill(recipe: DistillRecipe, devices: Devices) -> list[PaperActor]:
    """Engines, where text is to be sampled, and learner: never at the same moment. Raises PlacementError."""
    kind = devices.kind or "cpu"
    needs = [need_of_learning(recipe, kind)]
    if recipe.text.sampled is None:
        needs.append(need_of_sampling(recipe, kind))
    return [actor for need in needs for actor in placed_need(need, devices) if actor.role != "verifier"]
