"""What `rlhf check RECIPE` prints: the resolved plan, as rich renderables. It starts nothing and asks nobody."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from rlhf.algorithms.resolve import resolve
from rlhf.algorithms.table import describe
from rlhf.recipe.devices import GIB, Devices
from rlhf.recipe.engine_memory import EngineMemory
from rlhf.recipe.estimate import TYPICAL_SHARE, Estimate
from rlhf.recipe.load import Loaded
from rlhf.recipe.model_config import ModelConfig
from rlhf.recipe.plan_attention import attention_words
from rlhf.recipe.plan_placement import Placed, describe_devices, placement_table, plural, table_of
from rlhf.recipe.schema import TrainRecipe


def render_plan(loaded: Loaded, placement: Iterable[Placed], sandboxes: Sequence[str] = ()) -> Group:
    """The whole plan: what is trained, where everything is placed, its memory, its work, and the warnings.

    sandboxes: what this machine gives to rewards that run code, a line each.
    """
    parts: list[RenderableType] = [
        summary_table(loaded.recipe, loaded.devices, loaded.model),
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


def summary_table(recipe: TrainRecipe, devices: Devices, model: ModelConfig | None) -> Table:
    table = table_of("recipe", "", "")
    reward = " + ".join(f"{r.weight:g} {r.label}" for r in recipe.reward)
    train = recipe.data.train
    rows: dict[str, str | None] = {
        "run": f"{recipe.run.name}, seed {recipe.run.seed}",
        "policy": f"{recipe.policy.model} ({recipe.policy.dtype})",
        "attention": attention_words(recipe.policy, model, devices),
        "data": f"{train.source} {train.task or train.path}" + (f", {train.size} prompts" if train.size else ""),
        "reward": reward,
        "algorithm": f"{recipe.algorithm.name}, {recipe.algorithm.group_size} samples a prompt: "
        + describe(resolve(recipe.algorithm)),
        "steps": f"{recipe.trainer.steps} of {recipe.trainer.prompts_per_step} prompts, "
        + (f"at most {recipe.trainer.max_staleness} versions old" if recipe.trainer.max_staleness else "synchronous"),
        "learner": _learner(recipe),
        "rollout": f"{plural(recipe.rollout.engines, 'engine')}, tensor parallel {recipe.rollout.tensor_parallel}",
        "devices": describe_devices(devices),
    }
    if recipe.evaluation is not None:
        names = ", ".join(entry.name for entry in recipe.evaluation.benchmarks)
        every = recipe.evaluation.every
        rows["benchmarks"] = names + (f", every {plural(every, 'step')}" if every else ", before and after")
    if recipe.trainer.best_metric is not None:
        rows["best weights"] = f"of the highest {recipe.trainer.best_metric}"
    for key, value in rows.items():
        if value is not None:
            table.add_row(key, Text(value))
    return table


def _learner(recipe: TrainRecipe) -> str:
    shared = recipe.learner.sequence_parallel
    together = f", {shared} on a sequence together" if shared > 1 else ""
    return f"{plural(recipe.learner.ranks, 'rank')}{together}, ZeRO {recipe.learner.zero_stage}"


def memory_table(recipe: TrainRecipe, devices: Devices, found: Estimate) -> Table:
    learner, engine = found.learner, found.engine
    active = f" ({_count(found.active_parameters)} active)" if found.active_parameters != found.parameters else ""
    table = table_of(f"memory per device, {_count(found.parameters)} parameters{active}", "", "GiB", "of")
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
    for row in engine_rows(engine, dtype, recipe.rollout.tensor_parallel):
        table.add_row(*row)
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


def engine_rows(engine: EngineMemory, dtype: str, tensor_parallel: int) -> list[tuple[str, str, str]]:
    """What, GiB, and of what: an engine's weights and its cache."""
    per_token, state = f"{engine.kv_bytes_per_token} bytes", engine.state_bytes_per_sequence
    cost = f"{per_token} a token" if engine.kv_bytes_per_token else ""
    if state:
        cost += (" and " if cost else "") + f"a state of {_mib(state)} MiB a sequence"
    cache = ("?", f"{cost}; cluster.memory_per_device_gib says how many")
    if engine.kv_cache is not None:
        tokens = f"{cost}: " if engine.kv_tokens is None else f"{engine.kv_tokens:,} tokens of {per_token}, "
        cache = (_gib(engine.kv_cache), f"{tokens}{engine.kv_sequences:,} sequences of full length")
    return [
        ("engine: weights", _gib(engine.weights), f"{dtype}, tensor parallel {tensor_parallel}"),
        ("engine: states and KV cache" if state else "engine: KV cache", *cache),
    ]


def work_table(recipe: TrainRecipe, found: Estimate) -> Table:
    step = found.step
    table = table_of("one step", "", "typical", "at most")
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


def _mib(size: int) -> str:
    return f"{size / 2**20:.3g}"


def _gib(size: int) -> str:
    return f"{size / GIB:.3f}" if size < GIB else f"{size / GIB:.1f}"


def _count(number: int) -> str:
    for unit, name in ((10**9, " B"), (10**6, " M"), (10**3, " k")):
        if number >= unit:
            return f"{number / unit:.2f}{name}"
    return str(number)
