"""Checks of what the layers attend with against the engines, the devices and the rest of the recipe.

Each names the kernel and its layers, the reason, and what would work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol

from rlhf.attention.backends import DeviceKind, choose, is_installed
from rlhf.attention.spec import KernelSpec
from rlhf.recipe.attention import KEY, LayerAttention, by_kernel, spelled
from rlhf.recipe.attention_schema import SOFTMAX
from rlhf.recipe.devices import Devices
from rlhf.recipe.distill_schema import DistillRecipe
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.model_config import REPLACEABLE, ModelConfig
from rlhf.recipe.schema import PolicyConfig, TrainRecipe

CPU_HEAD_SIZES = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""Of vLLM 0.32's attention on a CPU."""
ADAPTABLE = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
"""Layers that adapters may be put on where other layers belong to a kernel."""


class Engines(Protocol):
    """`rollout` of a training recipe, `engines` of an evaluation."""

    @property
    def tensor_parallel(self) -> int: ...
    @property
    def prefix_caching(self) -> bool | None: ...
    @property
    def enforce_eager(self) -> bool: ...


def check_attention(recipe: TrainRecipe, model: ModelConfig, devices: Devices) -> Iterator[Finding]:
    """model: with the layers that the recipe gives it."""
    yield from _check_layers(recipe.policy, model, devices)
    yield from _check_engines("rollout", recipe.rollout, recipe.policy, model, devices)
    yield from _check_sequence_parallel(recipe, model)
    if mixers := _mixers(model):
        yield from _check_learner(recipe, model, mixers)


def check_eval_attention(recipe: EvalRecipe, model: ModelConfig, devices: Devices) -> Iterator[Finding]:
    yield from _check_layers(recipe.policy, model, devices)
    yield from _check_engines("engines", recipe.engines, recipe.policy, model, devices)


def check_student_attention(policy: PolicyConfig, model: ModelConfig, devices: Devices) -> Iterator[Finding]:
    """Of a distillation's student, which no engine needs to hold."""
    yield from _check_layers(policy, model, devices)


def check_teacher_engines(recipe: DistillRecipe, teacher: ModelConfig, devices: Devices) -> Iterator[Finding]:
    """Of the engines that hold its teacher."""
    yield from _check_engines("engines", recipe.engines, recipe.policy, teacher, devices)


def _mixers(model: ModelConfig) -> str:
    """Every kernel but softmax with its layers; empty where there is none."""
    return _named(model, lambda layer: layer.kernel != SOFTMAX)


def _named(model: ModelConfig, which: Callable[[LayerAttention], bool]) -> str:
    """`lightning (layers 0-11)` of every kernel that it holds for."""
    layers = model.attention or ()
    found = by_kernel(layers)
    return " and ".join(f"{kernel} ({spelled(at)})" for kernel, at in found.items() if which(layers[at[0]]))


def _key(policy: PolicyConfig, kernel: str) -> str:
    """Where the recipe names the kernel; policy.model where the model brings it."""
    if policy.attention is None:
        return "policy.model"
    for key, choice in policy.attention.layers.items():
        if kernel == (choice if isinstance(choice, str) else choice["kernel"]):
            return f"{KEY}.layers.{key}"
    return f"{KEY}.default"


def _check_layers(policy: PolicyConfig, model: ModelConfig, devices: Devices) -> Iterator[Finding]:
    """What holds wherever a policy with such layers is loaded."""
    if not (mixers := _mixers(model)):
        if policy.attention is not None and policy.attention.backend in ("library", "flex"):
            yield refuse(
                f"{KEY}.backend",
                f"found {policy.attention.backend}: it is for layers that are not softmax, and there are none; a "
                "softmax layer runs PyTorch's attention, which takes FlashAttention's kernel on a GPU; leave it out",
            )
        return
    if model.heads % model.kv_heads:
        yield refuse(
            "policy.model",
            f"its {model.heads} query heads are no multiple of its {model.kv_heads} key-value heads, as {mixers} needs",
        )
    if policy.packing == "padded":
        yield refuse("policy.packing", f"found padded: {mixers} runs packed sequences alone; write auto, or packed")
    layers = model.attention or ()
    for i, layer in enumerate(layers):
        if misfit := layer.parsed().misfit(model.head_dim):
            yield refuse(_key(policy, layer.kernel), f"{layer.kernel} ({spelled([i])}): {misfit}")
    for kernel, at in by_kernel(layers).items():
        spec, here = layers[at[0]].spec, f"{kernel} ({spelled(at)})"
        if not spec.causal:
            yield refuse(
                _key(policy, kernel), f"{here} sees the tokens that follow, so it is no policy's; {_instead()}"
            )
        if not spec.packable:
            yield refuse(_key(policy, kernel), f"{here} cannot run packed sequences; {_instead()}")
        if devices.kind is not None and kernel != SOFTMAX:
            yield from _check_implementation(policy, spec, here, "cpu" if devices.kind == "cpu" else "gpu")


def _check_implementation(policy: PolicyConfig, spec: KernelSpec, here: str, kind: DeviceKind) -> Iterator[Finding]:
    """Whether something computes the kernel there, forward and backward."""
    backend = "auto" if policy.attention is None else policy.attention.backend
    try:
        choose(spec, kind, backend, is_installed(spec))
    except ValueError as error:
        key = f"{KEY}.backend" if kind in spec.devices else _key(policy, spec.name)
        yield refuse(key, f"{here}: {error}")


def _instead() -> str:
    return "`rlhf list attention` shows what there is"


def _check_engines(
    section: str, asked: Engines, policy: PolicyConfig, model: ModelConfig, devices: Devices
) -> Iterator[Finding]:
    layers = model.attention or ()
    for kernel, at in by_kernel(layers).items():
        spec = layers[at[0]].spec
        if spec.engine == "none":
            grows = "its state grows with the sequence" if spec.state_size is None else "no engine holds its state"
            yield refuse(
                _key(policy, kernel),
                f"{kernel} ({spelled(at)}) cannot sample in vLLM: {grows}; train and score with it (kind: distill), or "
                "write another, e.g. sliding_window",
            )
    stateful = _named(model, lambda layer: layer.spec.engine == "state")
    if asked.prefix_caching and stateful:
        yield refuse(
            f"{section}.prefix_caching",
            f"found true: of {stateful} vLLM keeps the state after a sequence's last token alone, so none can begin in "
            "the midst of another; write false, or leave it out (prompts are then run once a sample), or keep softmax "
            "in every layer",
        )
    mixers = _mixers(model)
    if asked.tensor_parallel > 1 and mixers:
        verb = "are" if " and " in mixers else "is"
        yield refuse(
            f"{section}.tensor_parallel",
            f"found {asked.tensor_parallel}: {mixers} {verb} not split over devices yet; write 1, and for the other "
            f"devices more {section}.engines",
        )
    if not asked.enforce_eager and mixers:
        yield refuse(
            f"{section}.enforce_eager",
            f"found false: {mixers} keeps its state where a compiled engine does not look; write true, or leave it out",
        )
    cached = not layers or any(layer.spec.engine == "paged" for layer in layers)
    if devices.kind == "cpu" and cached and model.head_dim not in CPU_HEAD_SIZES:
        paged = _named(model, lambda layer: layer.spec.engine == "paged") or "softmax in every layer"
        yield refuse(
            "policy.model",
            f"{policy.model} has heads of {model.head_dim}, and vLLM's attention on a CPU has "
            f"{', '.join(map(str, CPU_HEAD_SIZES))} ({paged}); take another model, a GPU, or a kernel with a state of "
            "constant size in these layers",
        )


def _check_sequence_parallel(recipe: TrainRecipe, model: ModelConfig) -> Iterator[Finding]:
    shared, ranks = recipe.learner.sequence_parallel, recipe.learner.ranks
    if shared > 1 and recipe.policy.packing == "padded":
        yield refuse(
            "policy.packing", "found padded: ranks share packed sequences alone (learner.sequence_parallel); write auto"
        )
    elif shared > 1 and model.kind not in REPLACEABLE:
        yield refuse(
            "learner.sequence_parallel",
            f"found {shared}: sequences of a {model.kind} are padded, and ranks share packed ones alone; write 1",
        )
    if model.heads % shared or model.kv_heads % shared:
        able = [n for n in range(1, ranks + 1) if not (ranks % n or model.heads % n or model.kv_heads % n)]
        yield refuse(
            "learner.sequence_parallel",
            f"found {shared}, which does not divide the model's {model.heads} heads and {model.kv_heads} key-value "
            f"heads; write {' or '.join(map(str, able))}",
        )


def _check_learner(recipe: TrainRecipe, model: ModelConfig, mixers: str) -> Iterator[Finding]:
    lora = recipe.learner.lora
    if lora is None:
        return
    if others := [name for name in lora.targets if name not in ADAPTABLE]:
        yield refuse(
            "learner.lora.targets",
            f"found {', '.join(others)}: with {mixers} adapters go on {', '.join(ADAPTABLE)}; write some of these",
        )
    if not model.built:
        yield warn(
            "learner.lora",
            f"{mixers} starts with parameters that were never trained, and adapters leave these as they are; train "
            "whole first, then a checkpoint of that run with adapters",
        )
