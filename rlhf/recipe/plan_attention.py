"""The line of a plan that says what the layers attend with, and what computes it."""

from __future__ import annotations

from rlhf.recipe.attention import described
from rlhf.recipe.attention_schema import SOFTMAX
from rlhf.recipe.devices import Devices
from rlhf.recipe.model_config import ModelConfig
from rlhf.recipe.schema import PolicyConfig


def attention_words(policy: PolicyConfig, model: ModelConfig | None, devices: Devices) -> str | None:
    """`lightning in layers 0-11, softmax in the others; chunked PyTorch (cpu)`; None: the model as it is."""
    if model is None or model.attention is None:
        return None if policy.attention is None else "as policy.attention says, once the model is here"
    parts = [described(model.attention)]
    if any(layer.kernel != SOFTMAX for layer in model.attention):
        parts.append(computed_by(policy, model, devices))
    rope = None if policy.attention is None or model.built else policy.attention.rope
    if rope is not None:
        parts.append(f"positions stretched ({rope.type}, factor {rope.factor:g}) to {model.context} tokens")
    return "; ".join(parts)


def computed_by(policy: PolicyConfig, model: ModelConfig, devices: Devices) -> str:
    """What computes the layers that are not softmax."""
    backend = "auto" if policy.attention is None else policy.attention.backend
    torch = f"chunked PyTorch ({devices.kind or 'devices unknown'})"
    kernels = dict.fromkeys(layer.kernel for layer in model.attention or () if layer.spec.library is not None)
    if devices.kind == "cpu" or backend == "torch" or not kernels:
        return torch
    library = f"flash-linear-attention for {' and '.join(kernels)}"
    return library if backend == "library" else f"{library} where it is installed, else {torch}"
