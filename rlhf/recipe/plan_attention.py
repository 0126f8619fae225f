"""The line of a plan that says what the layers attend with, and what computes it."""

from __future__ import annotations

from rlhf.attention.backends import DeviceKind, choose, is_installed
from rlhf.recipe.attention import described
from rlhf.recipe.attention_schema import SOFTMAX
from rlhf.recipe.devices import Devices
from rlhf.recipe.model_config import ModelConfig
from rlhf.recipe.schema import PolicyConfig

IMPLEMENTATIONS = {
    "torch": "chunked PyTorch",
    "fla": "flash-linear-attention",
    "flash_attention": "flash-attention",
    "flex_attention": "FlexAttention",
}


def attention_words(policy: PolicyConfig, model: ModelConfig | None, devices: Devices) -> str | None:
    """`lightning in layers 0-11, softmax in the others; chunked PyTorch (cpu)`; None: the model as it is."""
    if model is None or model.attention is None:
        return None if policy.attention is None else "as policy.attention says, once the model is here"
    parts = [described(model.attention)]
    if any(layer.kernel != SOFTMAX for layer in model.attention):
        softmax = " (softmax: PyTorch's SDPA)" if any(layer.kernel == SOFTMAX for layer in model.attention) else ""
        parts.append(computed_by(policy, model, devices) + softmax)
    rope = None if policy.attention is None or model.built else policy.attention.rope
    if rope is not None:
        rotates = any(layer.parsed().rotates for layer in model.attention)
        positions = "positions" if rotates else "context, for no layer has positions to stretch,"
        parts.append(f"{positions} stretched ({rope.type}, factor {rope.factor:g}) to {model.context} tokens")
    return "; ".join(parts)


def computed_by(policy: PolicyConfig, model: ModelConfig, devices: Devices) -> str:
    """What computes the layers that are not softmax."""
    backend = "auto" if policy.attention is None else policy.attention.backend
    kind: DeviceKind = "cpu" if devices.kind == "cpu" else "gpu"
    found: dict[str, list[str]] = {}
    for spec in {layer.kernel: layer.spec for layer in model.attention or () if layer.kernel != SOFTMAX}.values():
        name = choose(spec, kind, backend, is_installed(spec)).name
        found.setdefault(IMPLEMENTATIONS[name], []).append(spec.name)
    where = devices.kind or "devices unknown"
    if len(found) == 1:
        return f"{next(iter(found))} ({where})"
    return ", ".join(f"{name} for {' and '.join(kernels)}" for name, kernels in found.items()) + f" ({where})"
