"""Checks of what is asked for against the devices there are. Unknown counts are left to the placement at start."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from rlhf.recipe.devices import Devices
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.schema import TrainRecipe


def check_cluster(recipe: TrainRecipe, devices: Devices) -> Iterator[Finding]:
    if recipe.cluster.separate_learner_node and devices.nodes == 1:
        yield refuse("cluster.separate_learner_node", "there is one node; write false, or cluster.nodes: 2 or more")
    if devices.kind == "cpu":
        if recipe.learner.offload_optimizer:
            yield refuse("learner.offload_optimizer", "on a CPU the optimizer lies in host memory already; write false")
        yield from _check_cpu(recipe, devices)
    elif devices.kind == "gpu":
        yield from _check_gpu(recipe, devices)


def _check_cpu(recipe: TrainRecipe, devices: Devices) -> Iterator[Finding]:
    rollout, learner, cores = recipe.rollout, recipe.learner, devices.cpus
    if cores is None:
        return
    processes = rollout.engines * rollout.tensor_parallel
    there = f"{cores} cores"
    if processes > cores:
        yield refuse(
            "rollout.engines",
            f"found {rollout.engines} engines x {rollout.tensor_parallel} tensor_parallel on {there}; write at most "
            f"{cores // rollout.tensor_parallel or 1} engines"
            + (" and tensor_parallel 1" if rollout.tensor_parallel > cores else ""),
        )
    elif rollout.cpus_per_engine is not None and rollout.cpus_per_engine * processes > cores:
        yield refuse(
            "rollout.cpus_per_engine",
            f"found {rollout.cpus_per_engine} for each of {processes} engine processes on {there}; write at most "
            f"{cores // processes}",
        )
    if learner.ranks > cores:
        yield refuse("learner.ranks", f"found {learner.ranks} on {there}; write at most {cores}")
    elif learner.cpus_per_rank is not None and learner.cpus_per_rank * learner.ranks > cores:
        yield refuse(
            "learner.cpus_per_rank",
            f"found {learner.cpus_per_rank} for each of {learner.ranks} ranks on {there}; write at most "
            f"{cores // learner.ranks}",
        )


def _check_gpu(recipe: TrainRecipe, devices: Devices) -> Iterator[Finding]:
    rollout, ranks = recipe.rollout, recipe.learner.ranks
    per_node, nodes = devices.gpus_per_node, devices.nodes
    if per_node is None:
        return
    if per_node == 0:
        yield refuse("cluster.device", "found gpu, but there is none here; write cpu, or cluster.gpus_per_node")
        return
    if rollout.tensor_parallel > per_node:
        yield refuse(
            "rollout.tensor_parallel",
            f"found {rollout.tensor_parallel}, but a node has {per_node} GPUs and an engine does not span nodes; write "
            f"at most {per_node}",
        )
        return
    if nodes is None:
        return
    total, wanted = nodes * per_node, rollout.engines * rollout.tensor_parallel
    if wanted + ranks > total:
        yield refuse(
            "rollout.engines",
            f"found {rollout.engines} engines x {rollout.tensor_parallel} tensor_parallel + {ranks} learner ranks = "
            f"{wanted + ranks} GPUs, but there are {total} ({nodes} nodes x {per_node}); learner ranks need GPUs of "
            f"their own: write at most {max(0, total - ranks) // rollout.tensor_parallel} engines, or fewer ranks",
        )
        return
    engines_a_node = per_node // rollout.tensor_parallel
    if recipe.cluster.separate_learner_node and nodes > 1:
        needed = ceil(ranks / per_node) + ceil(rollout.engines / engines_a_node)
        if needed > nodes:
            yield refuse(
                "cluster.separate_learner_node",
                f"learner and engines on nodes of their own need {needed} nodes of {per_node} GPUs, there are {nodes}; "
                "write false, or fewer engines or ranks",
            )
    elif rollout.engines > nodes * engines_a_node:
        yield refuse(
            "rollout.engines",
            f"found {rollout.engines} engines of {rollout.tensor_parallel} GPUs, but a node of {per_node} GPUs holds "
            f"{engines_a_node}; write at most {nodes * engines_a_node}",
        )
