"""Checks of what is asked for against the devices there are. Unknown counts are left to the placement at start."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil

from rlhf.recipe.devices import Devices
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.schema import TrainRecipe

MOST_OF_A_SHARED_GPU = 0.7
"""Of the memory of a GPU, for an engine, where a learner rank is on it too."""


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
    share = recipe.cluster.share_gpus
    if share:
        yield from _check_shared(recipe)
    if rollout.tensor_parallel > per_node:
        yield refuse(
            "rollout.tensor_parallel",
            f"found {rollout.tensor_parallel}, but a node has {per_node} GPUs and an engine does not span nodes; write "
            f"at most {per_node}",
        )
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
