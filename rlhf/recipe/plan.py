"""What `rlhf check RECIPE` prints: the resolved plan, as rich renderables. It starts nothing and asks nobody."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rlhf.algorithms.resolve import resolve
from rlhf.algorithms.table import describe
from rlhf.recipe.devices import GIB, Devices
from rlhf.recipe.estimate import TYPICAL_SHARE, Estimate
from rlhf.recipe.load import Loaded
from rlhf.recipe.schema import TrainRecipe


class Placed(Protocol):
    """One actor's place: what `cluster.placement` computes."""

    @property
    def node(self) -> int: ...
    @property
    def role(self) -> str: ...
    @property
    def index(self) -> int: ...
    @property
    def cpus(self) -> float: ...
    @property
    def gpus(self) -> float: ...
    @property
    def rides(self) -> tuple[int, ...]:
        """Learner ranks whose GPUs an engine shares, where cluster.share_gpus is set."""
        ...


def render_plan(loaded: Loaded, placement: Iterable[Placed], sandboxes: Sequence[str] = ()) -> Group:
    """The whole plan: what is trained, where everything is placed, its memory, its work, and the warnings.

    sandboxes: what this machine gives to rewards that run code, a line each.
    """
    parts: list[RenderableType] = [
        summary_table(loaded.recipe, loaded.devices),
        placement_table(list(placement)),
    ]
    if loaded.estimate is not None:
        parts += [
            memory_table(loaded.recipe, loaded.devices, loaded.estimate),
            work_table(loaded.recipe, loaded.estimate),
        ]
    parts += [Text(f"sandbox of code rewards: {line}") for line in sandboxes]
    parts += [Text(f"warning: {warning}", style="yellow") for warning in loaded.warnings]
    return Group(*parts)


def summary_table(recipe: TrainRecipe, devices: Devices) -> Table:
    table = _table("recipe", "", "")
    reward = " + ".join(f"{r.weight:g} {r.label}" for r in recipe.reward)
    train = recipe.data.train
    rows = {
        "run": f"{recipe.run.name}, seed {recipe.run.seed}",
        "policy": f"{recipe.policy.model} ({recipe.policy.dtype})",
        "data": f"{train.source} {train.task or train.path}" + (f", {train.size} prompts" if train.size else ""),
        "reward": reward,
        "algorithm": f"{recipe.algorithm.name}, {recipe.algorithm.group_size} samples a prompt: "
        + describe(resolve(recipe.algorithm)),
        "steps": f"{recipe.trainer.steps} of {recipe.trainer.prompts_per_step} prompts, "
        + (f"at most {recipe.trainer.max_staleness} versions old" if recipe.trainer.max_staleness else "synchronous"),
        "learner": f"{_plural(recipe.learner.ranks, 'rank')}, ZeRO {recipe.learner.zero_stage}",
        "rollout": f"{_plural(recipe.rollout.engines, 'engine')}, tensor parallel {recipe.rollout.tensor_parallel}",
        "devices": describe_devices(devices),
    }
    for key, value in rows.items():
        table.add_row(key, Text(value))
    return table


def describe_devices(devices: Devices) -> str:
    def count(number: int | None, noun: str) -> str:
        return f"{noun}s unknown before Ray is asked" if number is None else _plural(number, noun)

    a_node = [count(devices.cpus_per_node, "core")]
    if devices.kind != "cpu":
        a_node.append(count(devices.gpus_per_node, "GPU"))
    return f"{count(devices.nodes, 'node')} of {', '.join(a_node)}"


def placement_table(placement: Sequence[Placed]) -> Table:
    """One row a node; equal nodes that follow each other share a row. On CPUs the roles share cores in time."""
    table = _table("placement", "node", "actors", "cores", "GPUs")
    by_node: dict[int, list[Placed]] = defaultdict(list)
    for placed in placement:
        by_node[placed.node].append(placed)
    rows: list[tuple[list[int], _NodeShape, str]] = []
    for node in sorted(by_node):
        shape, actors = _node_row(by_node[node])
        if rows and rows[-1][1] == shape and rows[-1][0][-1] == node - 1:
            rows[-1][0].append(node)
        else:
            rows.append(([node], shape, actors))
    for nodes, shape, actors in rows:
        each = " and ".join(_plural(count, role) for role, count in shape.counts) + " each"
        table.add_row(_ranges(nodes), each if len(nodes) > 1 else actors, shape.cores, shape.gpus)
    return table


@dataclass(frozen=True, slots=True)
class _NodeShape:
    """What is alike on nodes that share a row."""

    counts: tuple[tuple[str, int], ...]
    cores: str
    gpus: str


def _node_row(here: Sequence[Placed]) -> tuple[_NodeShape, str]:
    """One node's shape, and its actors by their indices."""
    roles: dict[str, list[Placed]] = defaultdict(list)
    for placed in here:
        roles[placed.role].append(placed)
    cores = ", ".join(f"{role} {sum(p.cpus for p in group):g}" for role, group in roles.items())
    gpus = f"{sum(p.gpus for p in here):g}"
    if any(p.rides for p in here):
        riders = " and ".join(dict.fromkeys(p.role for p in here if p.rides))
        gpus += f", shared by learner and {riders}"
    actors = []
    for role, group in roles.items():
        ranks = [rank for p in group for rank in p.rides]
        on = f" on the GPUs of learner {_ranges(ranks)}" if ranks else ""
        actors.append(f"{role} {_ranges([p.index for p in group])}{on}")
    counts = tuple((role, len(group)) for role, group in roles.items())
    return _NodeShape(counts, cores, gpus), ", ".join(actors)


def memory_table(recipe: TrainRecipe, devices: Devices, found: Estimate) -> Table:
    learner, engine = found.learner, found.engine
    active = f" ({_count(found.active_parameters)} active)" if found.active_parameters != found.parameters else ""
    table = _table(f"memory per device, {_count(found.parameters)} parameters{active}", "", "GiB", "of")
    dtype = recipe.policy.dtype
    table.add_row("learner: weights", _gib(learner.weights), f"{dtype}, {_sharded(recipe, 3)}")
    table.add_row("learner: gradients", _gib(learner.gradients), f"{_gradients(recipe)}, {_sharded(recipe, 2)}")
    if recipe.learner.offload_optimizer:
        table.add_row("learner: optimizer", _gib(0), f"{_gib(learner.host_optimizer)} GiB in host memory")
    else:
        master = "fp32 master and " if dtype == "bfloat16" or recipe.learner.zero_stage else ""
        table.add_row("learner: optimizer", _gib(learner.optimizer), f"{master}two moments, {_sharded(recipe, 1)}")
    kept = "one input a layer" if recipe.learner.gradient_checkpointing else "every layer in full"
    table.add_row("learner: activations", _gib(learner.activations), f"one micro-batch, {kept}")
    table.add_row("learner: logits", _gib(learner.logits), f"{recipe.learner.logit_chunk} tokens, fp32, with gradient")
    if learner.reference:
        table.add_row("learner: reference", _gib(learner.reference), f"{dtype}, all of it on every rank")
    if learner.critic:
        table.add_row("critic", _gib(learner.critic), "weights, gradients and optimizer, sharded as the learner's")
    table.add_row("learner: together", _gib(learner.total), "a rank", style="bold")
    table.add_row("engine: weights", _gib(engine.weights), f"{dtype}, tensor parallel {recipe.rollout.tensor_parallel}")
    if engine.kv_cache is None:
        table.add_row(
            "engine: KV cache",
            "?",
            f"{engine.kv_bytes_per_token} bytes a token; cluster.memory_per_device_gib says how many",
        )
    else:
        fits = f"{engine.kv_tokens:,} tokens of {engine.kv_bytes_per_token} bytes, "
        fits += f"{engine.kv_sequences:,} sequences of full length"
        table.add_row("engine: KV cache", _gib(engine.kv_cache), fits)
    if recipe.cluster.share_gpus and devices.kind == "gpu" and engine.total is not None:
        table.add_row(
            "both together",
            _gib(learner.total + engine.total),
            "a rank and a worker of an engine on one GPU",
            style="bold",
        )
    if devices.memory_per_device is not None:
        noun = "a GPU" if devices.kind == "gpu" else "a node, all of whose ranks and engines share it"
        table.add_row("there is", _gib(devices.memory_per_device), noun, style="bold")
    return table


def work_table(recipe: TrainRecipe, found: Estimate) -> Table:
    step = found.step
    table = _table("one step", "", "typical", "at most")
    table.add_row("sequences", f"{step.sequences:,}", f"{step.sequences:,}")
    table.add_row("tokens", f"{step.tokens_typical:,}", f"{step.tokens_max:,}")
    table.add_row(
        "of them written", f"{int(TYPICAL_SHARE * step.response_tokens_max):,}", f"{step.response_tokens_max:,}"
    )
    table.add_row(
        "micro-batches a rank", str(step.micro_batches_per_rank_typical), str(step.micro_batches_per_rank_max)
    )
    table.add_row("work", f"{step.flops_typical:.2g} FLOP", f"{step.flops_typical / TYPICAL_SHARE:.2g} FLOP")
    table.caption = f"typical: prompts and responses of {TYPICAL_SHARE:.0%} of their limits"
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title, title_justify="left", show_header=any(columns))
    for i, column in enumerate(columns or ("", "")):
        table.add_column(
            column,
            justify="right" if column in ("GiB", "cores", "GPUs", "typical", "at most") else "left",
            no_wrap=i == 0,
        )
    return table


def _gradients(recipe: TrainRecipe) -> str:
    """The types that `gradient_bytes` counts."""
    stage, dtype = recipe.learner.zero_stage, recipe.policy.dtype
    if stage == 0 or dtype == "float32":
        return dtype
    return f"{dtype} and float32 sums" if stage == 1 else "float32 sums"


def _sharded(recipe: TrainRecipe, from_stage: int) -> str:
    ranks = recipe.learner.ranks
    shared = recipe.learner.zero_stage >= from_stage and ranks > 1
    return f"1/{ranks} of them" if shared else "all of them"


def _gib(size: int) -> str:
    return f"{size / GIB:.3f}" if size < GIB else f"{size / GIB:.1f}"


def _count(number: int) -> str:
    for unit, name in ((10**9, " B"), (10**6, " M"), (10**3, " k")):
        if number >= unit:
            return f"{number / unit:.2f}{name}"
    return str(number)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _ranges(numbers: Sequence[int]) -> str:
    """`0-3, 7`"""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
