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
    backend = "auto" if policy.attention is None else policy.attention.backend
    kind = devices.kind or "devices unknown"
    library = devices.kind != "cpu" and backend != "torch"
    return (
        f"flash-linear-attention where it has the kernel, else chunked PyTorch ({kind})"
        if library
        else f"chunked PyTorch ({kind})"
    )
