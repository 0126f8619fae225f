"""Which node, which cores and which GPUs every process gets: a pure function, asked of Ray afterwards.

On GPUs every learner rank and every tensor-parallel worker of an engine has a device of its own, or they share
them in pairs; an engine never spans nodes. On CPUs learner and engines share the cores of a node in time: with
max_staleness 0 they never work at the same moment. Nothing runs on a node without CPUs in Ray's books, such as a
head that only drives: a process that works on a GPU needs a core too.

Two jobs on one Ray: each plans for the whole of every node, from its first core and with all its GPUs, but the
bundles of one leave too little of the CPUs for the bundles of another. The second waits for them and gives up
(`runtime.place`); two plans never run on the same cores.
"""

from __future__ import annotations

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Role = Literal["learner", "critic", "reference", "engine", "verifier"]


@dataclass(frozen=True, slots=True)
class Node:
    """A machine as the plan sees it; `id` is Ray's node id, or any name on paper. cpus: in Ray's books."""

    id: str
    cpus: int
    gpus: int = 0


@dataclass(frozen=True, slots=True)
class Need:
    """What a run asks for. cpus_*: threads of one process on a CPU; None: share the node's cores evenly.

    ranks: of the learner; 0: an evaluation, which has none.

    critic: a value function, one rank beside every rank of the learner: they never work at the same moment.
    reference: a reference policy of its own: one process, on a GPU of its own.
    """

    engines: int
    tensor_parallel: int
    ranks: int
    device: Literal["cpu", "gpu"]
    verifier_workers: int = 1
    separate_learner: bool = False
    share_gpus: bool = False
    cpus_per_engine: int | None = None
    cpus_per_rank: int | None = None
    critic: bool = False
    reference: bool = False


@dataclass(frozen=True, slots=True)
class Bundle:
    """One process: where it runs and what it may use.

    rides: learner ranks whose GPUs this engine or critic uses, which are theirs in Ray's books.
    cores: one tuple per tensor-parallel worker (a learner rank has one tuple); on GPUs empty. They are positions
    among the cores that its node lets a process use, counted from 0, not the kernel's numbers: in a container or a
    batch job those may start anywhere, and only the node knows them. cpu_share: what is reserved of Ray's CPU
    resource.
    """

    role: Role
    index: int
    node: str
    cores: tuple[tuple[int, ...], ...]
    gpus: int
    cpu_share: float
    rides: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    bundles: tuple[Bundle, ...]

    def of(self, role: Role) -> list[Bundle]:
        return [bundle for bundle in self.bundles if bundle.role == role]


class PlacementError(ValueError):
    """The processes do not fit; the message says what is asked for, what there is, and what to change."""


def plan(nodes: Sequence[Node], need: Need) -> Plan:
    """Learner ranks fill nodes in order; engines take what is left, spread evenly; a verifier pool on every node.

    Nodes without CPUs are left out. Raises PlacementError for what does not fit.
    """
    if not nodes:
        raise PlacementError("no nodes: Ray reports none alive")
    working = [node for node in nodes if node.cpus > 0]
    idle = [node.id for node in nodes if node.cpus <= 0]
    left_out = f" (left out, for Ray has no CPUs there: {', '.join(idle)})" if idle else ""
    if not working:
        raise PlacementError(f"no node has a CPU, and every process needs one{left_out}; start Ray with --num-cpus")
    if need.separate_learner and len(working) < 2:
        raise PlacementError(f"cluster.separate_learner_node needs two nodes or more, found 1{left_out}; write false")
    try:
        where = _place_on_gpus(working, need) if need.device == "gpu" else _place_on_cpus(working, need)
    except PlacementError as error:
        raise PlacementError(f"{error}{left_out}") from None
    return Plan(tuple(_bundles(working, need, where)))


Where = list[tuple[Role, int, int]]  # role, index, position of the node


def _place_on_gpus(nodes: Sequence[Node], need: Need) -> Where:
    free = [node.gpus for node in nodes]
    where: Where = []
    slots = [position for position, gpus in enumerate(free) for _ in range(gpus)]
    if need.ranks > len(slots):
        raise PlacementError(f"learner.ranks is {need.ranks}, but there are {len(slots)} GPUs")
    for rank, position in enumerate(slots[: need.ranks]):
        free[position] -= 1
        where.append(("learner", rank, position))
    if need.reference:
        if need.ranks == len(slots):
            raise PlacementError(
                f"algorithm.kl.host is own, but the learner's {need.ranks} ranks take all {len(slots)} GPUs; write "
                "host: learner"
            )
        free[slots[need.ranks]] -= 1
        where.append(("reference", 0, slots[need.ranks]))
    if need.share_gpus:
        return where + _riding(where, need, nodes)
    if need.separate_learner:
        for role, _, position in where:
            if role == "learner":
                free[position] = 0
    emptiest = [(-gpus, position) for position, gpus in enumerate(free)]
    heapq.heapify(emptiest)
    for engine in range(need.engines):
        left, position = -emptiest[0][0], emptiest[0][1]
        if left < need.tensor_parallel:
            section = "rollout" if need.ranks else "engines"
            learner = f", {need.ranks} for the learner" if need.ranks else ""
            raise PlacementError(
                f"{section}.engines is {need.engines} with {section}.tensor_parallel {need.tensor_parallel}: engine "
                f"{engine} needs {need.tensor_parallel} GPUs of one node, at most {left} are left on any "
                f"({len(slots)} GPUs in all{learner})"
            )
        heapq.heapreplace(emptiest, (need.tensor_parallel - left, position))
        where.append(("engine", engine, position))
    return where


def _riding(learners: Where, need: Need, nodes: Sequence[Node]) -> Where:
    """Engine e on the GPUs of ranks e*tp, ..., e*tp + tp-1."""
    tp = need.tensor_parallel
    if need.engines * tp != need.ranks:
        raise PlacementError(
            f"cluster.share_gpus pairs learner ranks with engine workers: learner.ranks is {need.ranks}, "
            f"rollout.engines x tensor_parallel is {need.engines * tp}; make them equal"
        )
    where: Where = []
    for engine in range(need.engines):
        positions = {position for role, rank, position in learners if role == "learner" and rank // tp == engine}
        if len(positions) > 1:
            names = ", ".join(nodes[p].id for p in sorted(positions))
            raise PlacementError(f"engine {engine} would span nodes {names}; give every node a multiple of {tp} GPUs")
        where.append(("engine", engine, positions.pop()))
    return where


def _place_on_cpus(nodes: Sequence[Node], need: Need) -> Where:
    learner_nodes = _learner_nodes(nodes, need)
    where: Where = [("learner", r, learner_nodes[r * len(learner_nodes) // need.ranks]) for r in range(need.ranks)]
    rest = [i for i in range(len(nodes)) if i not in learner_nodes] if need.separate_learner else range(len(nodes))
    engine_nodes = list(rest)
    if not engine_nodes:
        raise PlacementError(f"learner.ranks {need.ranks} fill all {len(nodes)} nodes: none is left for the engines")
    where += [("engine", e, engine_nodes[e % len(engine_nodes)]) for e in range(need.engines)]
    if need.reference:
        where.append(("reference", 0, engine_nodes[0]))
    for role, per in (("learner", 1), ("engine", need.tensor_parallel)):
        wanted = Counter(position for r, _, position in where if r == role)
        for position, count in wanted.items():
            node = nodes[position]
            if count * per > node.cpus:
                raise PlacementError(f"{count * per} {role} processes on node {node.id}, which has {node.cpus} cores")
    return where


def _learner_nodes(nodes: Sequence[Node], need: Need) -> list[int]:
    """The fewest nodes whose cores hold all ranks, at one core a rank at least."""
    chosen, cores = [], 0
    for i, node in enumerate(nodes):
        if cores >= need.ranks * (need.cpus_per_rank or 1):
            break
        chosen.append(i)
        cores += node.cpus
    return chosen[: need.ranks]


def _bundles(nodes: Sequence[Node], need: Need, where: Where) -> list[Bundle]:
    at: dict[int, list[tuple[Role, int]]] = defaultdict(list)
    for role, index, position in where:
        at[position].append((role, index))
        if need.critic and role == "learner":
            at[position].append(("critic", index))
    bundles = []
    for position, node in enumerate(nodes):
        here = at[position]
        share = round(node.cpus / (len(here) + 2) - 0.005, 2)
        roles: tuple[Role, ...] = ("learner", "critic", "reference", "engine")
        for role in roles:
            indices = [index for r, index in here if r == role]
            workers = need.tensor_parallel if role == "engine" else 1
            asked = need.cpus_per_engine if role == "engine" else need.cpus_per_rank
            slices = _slices(node.cpus, len(indices) * workers, asked) if need.device == "cpu" else None
            for slot, index in enumerate(indices):
                cores = tuple(slices[slot * workers : (slot + 1) * workers]) if slices else ()
                riding = need.device == "gpu" and (role == "critic" or (role == "engine" and need.share_gpus))
                gpus = workers if need.device == "gpu" and not riding else 0
                rides = tuple(range(index * workers, (index + 1) * workers)) if riding else ()
                bundles.append(Bundle(role, index, node.id, cores, gpus, share, rides))
        bundles.append(Bundle("verifier", position, node.id, (), 0, share))
    order = {"learner": 0, "critic": 1, "reference": 2, "engine": 3, "verifier": 4}
    return sorted(bundles, key=lambda b: (order[b.role], b.index))


def _slices(cores: int, processes: int, asked: int | None) -> list[tuple[int, ...]]:
    """Disjoint positions of cores for each of `processes`; all cores are used unless fewer are asked for."""
    if processes == 0:
        return []
    each = min(asked or cores // processes, cores // processes)
    return [tuple(range(i * each, (i + 1) * each)) for i in range(processes)]
