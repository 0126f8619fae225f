"""From a model's configuration to the mixers of its layers, for the learner's model and for the engine's alike."""

from __future__ import annotations

from typing import Any

import torch
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from rlhf.attention.catalog import CATALOG
from rlhf.attention.mixers.base import Mixer, MixerShape
from rlhf.models.resolve import SOFTMAX
from rlhf.recipe.model_config import BUILT


def layer_kernels(config: Any) -> list[dict[str, Any]]:
    """`config.attention["layers"]`: one {"kernel", "settings"} a layer. ValueError where they are not all there."""
    layers = (config.attention or {}).get("layers", [])
    if len(layers) != config.num_hidden_layers:
        raise ValueError(
            f"config.json: attention.layers has {len(layers)} entries, and the model has {config.num_hidden_layers} "
            "layers; it was not written by `rlhf`"
        )
    for i, entry in enumerate(layers):
        if entry["kernel"] not in CATALOG and entry["kernel"] != SOFTMAX:
            raise ValueError(
                f"config.json: attention.layers[{i}]: no kernel {entry['kernel']!r}; see `rlhf list attention`"
            )
    return layers


def mixer_shape(config: Any, layer: int) -> MixerShape:
    base = config.model_type.removeprefix(BUILT)
    heads = config.num_attention_heads
    bias = bool(getattr(config, "attention_bias", False))
    return MixerShape(
        hidden=config.hidden_size,
        heads=heads,
        kv_heads=config.num_key_value_heads or heads,
        head_dim=getattr(config, "head_dim", None) or config.hidden_size // heads,
        layer=layer,
        layers=config.num_hidden_layers,
        qkv_bias=base == "qwen2" or bias,
        output_bias=base != "qwen2" and bias,
        qk_norm=base.startswith("qwen3"),
        norm_eps=config.rms_norm_eps,
        rope_length=_rope_length(config),
    )


def _rope_length(config: Any) -> float:
    kind = (config.rope_parameters or {}).get("rope_type", "default")
    return 1.0 if kind == "default" else float(ROPE_INIT_FUNCTIONS[kind](config, torch.device("cpu"))[1])


def make_mixers(config: Any) -> dict[int, Mixer]:
    """The mixer of every layer that is not softmax, by the layer's number."""
    mixers = {}
    for layer, entry in enumerate(layer_kernels(config)):
        if entry["kernel"] == SOFTMAX:
            continue
        spec = CATALOG[entry["kernel"]]
        settings = spec.settings.model_validate(entry.get("settings", {}))
        mixers[layer] = spec.mixer()(mixer_shape(config, layer), settings)
    return mixers


def can_go_on(model: Any) -> bool:
    """Whether a response may start where its prompt, which others share, ends: with the same values and gradients."""
    return all(m.KERNEL.state_shapes is not None and m.GRADIENT_GOES_ON for m in mixers_of(model).values())


def mixers_of(model: Any) -> dict[int, Mixer]:
    """The mixers of a live model of transformers, by layer."""
    layers = getattr(model.base_model, "layers", ())
    found = ((i, getattr(layer, "self_attn", None)) for i, layer in enumerate(layers))
    return {i: module for i, module in found if isinstance(module, Mixer)}
