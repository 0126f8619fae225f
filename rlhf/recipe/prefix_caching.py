"""Whether an engine may keep what prompts begin with, read from the model's config.json.

Keys and values of a prefix serve any sequence that begins with it; of a recurrent state vLLM keeps the one after the
last token alone, and none of those in between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlhf.recipe.attention import AttentionError, layers_of_config
from rlhf.recipe.findings import Finding, refuse

NATIVE = (
    *("bamba", "falcon_h1", "falcon_mamba", "granitemoehybrid", "jamba", "kimi_linear", "lfm2", "lfm2_moe", "mamba"),
    *("mamba2", "minimax", "nemotron_h", "olmo_hybrid", "plamo2", "qwen3_next", "zamba2"),
)
"""Architectures of transformers and vLLM with a recurrent state of their own."""


def prefix_caching(asked: bool | None, folder: str | Path) -> bool:
    """What an engine of the model in `folder` is told. asked: the recipe's `prefix_caching`."""
    if asked is not None:
        return asked
    return not keeps_state(_read(Path(folder) / "config.json"))


def keeps_state(raw: Mapping[str, Any]) -> bool:
    """Whether a layer keeps a recurrent state."""
    if "attention" in raw:
        try:
            layers = layers_of_config(raw["attention"], raw["num_hidden_layers"])
        except (AttentionError, KeyError):
            return False  # of another architecture, or refused where the model is read
        return any(layer.spec.engine == "state" for layer in layers)
    kinds = raw.get("layer_types") or raw.get("layers_block_type") or []
    return raw.get("model_type") in NATIVE or any(map(_recurrent, kinds))


def _recurrent(kind: str) -> bool:
    """Of `layer_types`: mamba, conv, linear_attention; not full_attention, sliding_attention and their like."""
    return kind == "linear_attention" or not kind.endswith("attention")


def check_native(section: str, asked: bool | None, config: Path | None) -> Iterator[Finding]:
    """config: the model's config.json, where it is here. Layers that a recipe gives are `checks_attention.py`'s."""
    raw = {} if config is None else _read(config)
    if asked and "attention" not in raw and keeps_state(raw):
        yield refuse(
            f"{section}.prefix_caching",
            f"found true: layers of {raw.get('model_type')} have a recurrent state, and vLLM keeps the one after a "
            "sequence's last token alone, so none can begin in the midst of another; write false, or leave it out",
        )


def _read(path: Path) -> Mapping[str, Any]:
    """Empty where it is not there or no object: that is told where the model is read."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}
