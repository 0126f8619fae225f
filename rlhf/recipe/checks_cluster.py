"""Checks of what is asked for against the devices there are. Unknown counts are left to the placement at start."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil
from typing import Protocol

from rlhf.recipe.devices import Devices
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.schema import TrainRecipe

MOST_OF_A_SHARED_GPU = 0.7
"""Of the memory of a GPU, for an engine, where a learner rank is on it too."""


class EnginesAsked(Protocol):
    """A section that says how many engines there are: `rollout` of a training recipe, `engines` of an evaluation."""

    @property
    def engines(self) -> int: ...
    @property
    def tensor_parallel(self) -> int: ...
    @property
    def cpus_per_engine(self) -> int | None: ...


def check_engines(section: str, asked: EnginesAsked, devices: Devices) -> Iterator[Finding]:
    """Of engines that have the devices to themselves. section: the key they stand under."""
    if devices.kind == "cpu" and devices.cpus is not None:
        yield from _engines_on_cores(section, asked, devices.cpus)
    elif devices.kind == "gpu" and devices.gpus_per_node is not None:
        fault = _no_gpu_for(section, asked, devices.gpus_per_node)
        if fault is not None:
            yield fault
        elif devices.nodes is not None:
            yield from _too_many_engines(section, asked, devices.gpus_per_node, devices.nodes)


def check_cluster(recipe: TrainRecipe, devices: Devices) -> Iterator[Finding]:
    if recipe.cluster.separate_learner_node and devices.nodes == 1:
        yield refuse("cluster.separate_learner_node", "there is one node; write false, or cluster.nodes: 2 or more")
    yield from _check_transfer(recipe, devices)
    if devices.kind == "cpu":
        if recipe.learner.offload_optimizer:
            yield refuse("learner.offload_optimizer", "on a CPU the optimizer lies in host memory already; write false")
        yield from _check_cpu(recipe, devices)
    elif devices.kind == "gpu":
        yield from _check_gpu(recipe, devices)


def _check_transfer(recipe: TrainRecipe, devices: Devices) -> Iterator[Finding]:
    asked, share = recipe.rollout.weight_transfer, recipe.cluster.share_gpus
    if devices.kind == "cpu" and asked in ("nccl", "ipc"):
        yield refuse("rollout.weight_transfer", f"found {asked}, which needs GPUs; write auto")
    elif asked == "nccl" and share:
        yield refuse(
            "rollout.weight_transfer", "found nccl, which refuses two processes on one GPU (share_gpus); write auto"
        )
    elif asked == "ipc" and not share:
        yield refuse(
            "rollout.weight_transfer",
            "found ipc, which passes memory between processes on one GPU, but engines have GPUs of their own; write "
            "auto, or cluster.share_gpus: true",
        )


def _check_shared(recipe: TrainRecipe) -> Iterator[Finding]:
    rollout, ranks = recipe.rollout, recipe.learner.ranks
    workers = rollout.engines * rollout.tensor_parallel
    if workers != ranks:
        yield refuse(
            "cluster.share_gpus",
            f"pairs every learner rank with a worker of an engine, but learner.ranks is {ranks} and rollout.engines x "
            f"tensor_parallel is {workers}; make them equal",
        )
    if recipe.cluster.separate_learner_node:
        yield refuse("cluster.share_gpus", "contradicts cluster.separate_learner_node; write one of them")
    if rollout.gpu_memory_utilization > MOST_OF_A_SHARED_GPU:
        yield refuse(
            "rollout.gpu_memory_utilization",
            f"found {rollout.gpu_memory_utilization:g} of GPUs that are shared with the learner; write at most "
            f"{MOST_OF_A_SHARED_GPU:g}, e.g. 0.4",
        )


def _engines_on_cores(section: str, asked: EnginesAsked, cores: int) -> Iterator[Finding]:
    processes = asked.engines * asked.tensor_parallel
    there = f"{cores} cores"
    if processes > cores:
        yield refuse(
            f"{section}.engines",
            f"found {asked.engines} engines x {asked.tensor_parallel} tensor_parallel on {there}; write at most "
            f"{cores // asked.tensor_parallel or 1} engines"
            + (" and tensor_parallel 1" if asked.tensor_parallel > cores else ""),
        )
    elif asked.cpus_per_engine is not None and asked.cpus_per_engine * processes > cores:
        yield refuse(
            f"{section}.cpus_per_engine",
            f"found {asked.cpus_per_engine} for each of {processes} engine processes on {there}; write at most "
            f"{cores // processes}",
        )


def _check_cpu(recipe: TrainRecipe, devices: Devices) -> Iterator[Finding]:
    learner, cores = recipe.learner, devices.cpus
    if cores is None:
        return
    yield from _engines_on_cores("rollout", recipe.rollout, cores)
    there = f"{cores} cores"
    if learner.ranks > cores:
        yield refuse("learner.ranks", f"found {learner.ranks} on {there}; write at most {cores}")
    elif learner.cpus_per_rank is not None and learner.cpus_per_rank * learner.ranks > cores:
        yield refuse(
            "learner.cpus_per_rank",
            f"found {learner.cpus_per_rank} for each of {learner.ranks} ranks on {there}; write at most "
            f"{cores // learner.ranks}",
        )


def _no_gpu_for(section: str, asked: EnginesAsked, per_node: int) -> Finding | None:
    """Why not even one engine fits on a node."""
    if per_node == 0:
        return refuse("cluster.device", "found gpu, but there is none here; write cpu, or cluster.gpus_per_node")
    if asked.tensor_parallel > per_node:
        return refuse(
            f"{section}.tensor_parallel",
            f"found {asked.tensor_parallel}, but a node has {per_node} GPUs and an engine does not span nodes; write "
            f"at most {per_node}",
        )
    return None


def _too_many_engines(section: str, asked: EnginesAsked, per_node: int, nodes: int) -> Iterator[Finding]:
    engines_a_node = per_node // asked.tensor_parallel
    if asked.engines > nodes * engines_a_node:
        yield refuse(
            f"{section}.engines",
            f"found {asked.engines} engines of {asked.tensor_parallel} GPUs, but a node of {per_node} GPUs holds "
            f"{engines_a_node}; write at most {nodes * engines_a_node}",
        )


def _check_gpu(recipe: TrainRecipe, devices: Devices) -> Iterator[Finding]:
    rollout, ranks = recipe.rollout, recipe.learner.ranks
    per_node, nodes = devices.gpus_per_node, devices.nodes
    if per_node is None:
        return
    fault = _no_gpu_for("rollout", rollout, per_node)
    share = recipe.cluster.share_gpus
    if share and per_node:
        yield from _check_shared(recipe)
    if fault is not None:
        yield fault
        return
    if nodes is None:
        return
    total, wanted = nodes * per_node, 0 if share else rollout.engines * rollout.tensor_parallel
    if wanted + ranks > total:
        yield refuse(
            "rollout.engines",
            f"found {rollout.engines} engines x {rollout.tensor_parallel} tensor_parallel + {ranks} learner ranks = "
            f"{wanted + ranks} GPUs, but there are {total} ({nodes} nodes x {per_node}); learner ranks need GPUs of "
            f"their own: write at most {max(0, total - ranks) // rollout.tensor_parallel} engines, or fewer ranks, or "
            "cluster.share_gpus: true",
        )
        return
    if recipe.cluster.separate_learner_node and nodes > 1:
        needed = ceil(ranks / per_node) + ceil(rollout.engines / (per_node // rollout.tensor_parallel))
        if needed > nodes:
            yield refuse(
                "cluster.separate_learner_node",
                f"learner and engines on nodes of their own need {needed} nodes of {per_node} GPUs, there are {nodes}; "
                "write false, or fewer engines or ranks",
            )
    else:
        yield from _too_many_engines("rollout", rollout, per_node, nodes)
