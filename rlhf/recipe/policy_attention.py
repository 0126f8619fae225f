"""A model as `policy.attention` makes it: its layers' kernels and its context, for checks and estimates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from rlhf.recipe.attention import KEY, AttentionError, LayerAttention, described, faults_of, resolve_layers
from rlhf.recipe.attention_schema import SOFTMAX, AttentionConfig
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.model_config import REPLACEABLE, ModelConfig
from rlhf.recipe.schema import PolicyConfig

REMEDY = "remove policy.attention, or convert from the base model"


def attended(policy: PolicyConfig, model: ModelConfig | None) -> tuple[ModelConfig | None, list[Finding]]:
    """The model with the layers and the context that the recipe gives it, or why it cannot have them.

    model: None where it is not on this machine; then the section alone is looked at.
    """
    config = policy.attention
    if config is None or model is None:
        return model, [] if config is None else faults_of(config)
    try:
        layers = resolve_layers(config, model.layers)
    except AttentionError as error:
        return model, list(error.findings)
    if model.built:
        return model, list(_differences(config, layers, model))
    faults = list(_obstacles(policy, config, layers, model))
    return (model if faults else _changed(config, layers, model)), faults


def _changed(config: AttentionConfig, layers: tuple[LayerAttention, ...], model: ModelConfig) -> ModelConfig:
    context = model.context
    if config.rope is not None and (trained := config.rope.original_context or model.context) is not None:
        context = int(trained * config.rope.factor)
    return replace(model, attention=layers, context=context)


def _obstacles(
    policy: PolicyConfig, config: AttentionConfig, layers: tuple[LayerAttention, ...], model: ModelConfig
) -> Iterator[Finding]:
    changed = config.rope is not None or any(layer.kernel != SOFTMAX for layer in layers)
    if changed and model.kind not in REPLACEABLE:
        can = ", ".join(REPLACEABLE)
        yield refuse(KEY, f"the layers of {policy.model}, a {model.kind}, cannot be replaced; those of {can} can")
    if config.rope is not None and model.rope is not None:
        found = f"the model's positions are stretched already ({model.rope})"
        yield refuse(f"{KEY}.rope", f"{found}; remove policy.attention.rope")


def _differences(config: AttentionConfig, layers: tuple[LayerAttention, ...], model: ModelConfig) -> Iterator[Finding]:
    """Of the section from a policy whose layers were replaced before."""
    built = model.attention or ()
    at = next((i for i, layer in enumerate(layers) if layer != built[i]), None)
    if at is not None:
        there = described(built)
        if layers[at].kernel == built[at].kernel:
            there += f", layer {at} with " + ", ".join(f"{key} {value}" for key, value in built[at].settings.items())
        yield refuse(KEY, f"this policy was built with {there}; {REMEDY}")
    asked, found = config.rope, model.rope
    # ntk leaves no trace in config.json but a larger theta.
    if asked is not None and asked.type != "ntk" and (found is None or found.differs(asked.type, asked.factor)):
        positions = "positions as they were" if found is None else f"positions stretched ({found})"
        yield refuse(f"{KEY}.rope", f"this policy was built with {positions}; {REMEDY}")
