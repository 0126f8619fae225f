"""The placement of a recipe without a Ray: what `rlhf check` shows."""

from __future__ import annotations

from dataclasses import dataclass

from cluster.placement import Need, Node, plan
from rlhf.algorithms import resolve
from rlhf.recipe.devices import Devices
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.schema import TrainRecipe


@dataclass(frozen=True, slots=True)
class PaperActor:
    """Implements `rlhf.recipe.plan.Placed`. gpus: of its own. rides: learner ranks whose GPUs it shares instead."""

    node: int
    role: str
    index: int
    cpus: float
    gpus: float
    rides: tuple[int, ...] = ()


def placed(recipe: TrainRecipe, devices: Devices) -> list[PaperActor]:
    """Where every process would run; empty where the nodes are not known before Ray is asked.

    Raises PlacementError for what does not fit.
    """
    return placed_need(need_of(recipe, devices.kind or "cpu"), devices)


def placed_eval(recipe: EvalRecipe, devices: Devices) -> list[PaperActor]:
    """The same of an evaluation: engines and verifiers alone."""
    return placed_need(need_of_eval(recipe, devices.kind or "cpu"), devices)


def placed_need(need: Need, devices: Devices) -> list[PaperActor]:
    if devices.nodes is None or devices.cpus_per_node is None or devices.kind is None:
        return []
    nodes = [Node(str(i), devices.cpus_per_node, devices.gpus_per_node or 0) for i in range(devices.nodes)]
    return [
        PaperActor(int(b.node), b.role, b.index, float(sum(map(len, b.cores))) or b.cpu_share, float(b.gpus), b.rides)
        for b in plan(nodes, need).bundles
    ]


def need_of(recipe: TrainRecipe, device: str) -> Need:
    """What a recipe asks of the placement."""
    definition = resolve(recipe.algorithm)
    return Need(
        engines=recipe.rollout.engines,
        tensor_parallel=recipe.rollout.tensor_parallel,
        ranks=recipe.learner.ranks,
        device="gpu" if device == "gpu" else "cpu",
        verifier_workers=recipe.verify.workers,
        separate_learner=recipe.cluster.separate_learner_node,
        share_gpus=recipe.cluster.share_gpus,
        cpus_per_engine=recipe.rollout.cpus_per_engine,
        cpus_per_rank=recipe.learner.cpus_per_rank,
        critic=definition.value is not None,
        reference=definition.reference and recipe.algorithm.kl.host == "own",
    )


def need_of_eval(recipe: EvalRecipe, device: str) -> Need:
    """What an evaluation asks of the placement: no learner."""
    return Need(
        engines=recipe.engines.engines,
        tensor_parallel=recipe.engines.tensor_parallel,
        ranks=0,
        device="gpu" if device == "gpu" else "cpu",
        verifier_workers=recipe.verify.workers,
        cpus_per_engine=recipe.engines.cpus_per_engine,
    )
