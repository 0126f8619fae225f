"""What a checkpoint's `config.json` says about its size, read without transformers.

Parameter formulas are given for the architectures of FORMULAS and tested against transformers' own count;
another architecture is named as unknown, never estimated with a formula of a different one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlhf.recipe.attention import AttentionError, LayerAttention, layers_of_config

TINY_MOE = "tiny-moe"

BUILT = "longthought_"
"""What the `model_type` of a policy begins with whose layers were replaced; that of its base follows."""
REPLACEABLE = ("llama", "qwen2", "qwen3", "qwen3_moe")
"""Architectures whose layers can be."""

FORMULAS = ("llama", "mistral", "qwen2", "qwen2_moe", "qwen3", "qwen3_moe", "mixtral")


class ModelConfigError(ValueError):
    """A config.json that is missing, unreadable or of an architecture without a formula."""


class BuiltConfigError(ModelConfigError):
    """Of a policy whose layers were replaced, and which cannot be read here: nothing could load it."""


@dataclass(frozen=True, slots=True)
class Stretched:
    """Rotary positions for longer contexts, as config.json says. kind: `rope_type` of transformers."""

    kind: str
    factor: float | None

    def __str__(self) -> str:
        return self.kind if self.factor is None else f"{self.kind}, factor {self.factor:g}"

    def differs(self, kind: str, factor: float) -> bool:
        return (self.kind, self.factor) != (kind, factor)


@dataclass(frozen=True, slots=True)
class ModelConfig:
    """Sizes of a decoder: all counts are of elements. experts 0: a dense model.

    dense_layers: layers whose MLP is dense (all of them without experts); the others hold experts.
    attention: of every layer; None: softmax, as the architecture has it. built: whether config.json says so.
    rope: how positions are stretched; None: not at all, or by theta alone.
    """

    kind: str
    vocab: int
    hidden: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    tied: bool
    context: int | None = None
    qkv_bias: bool = False
    output_bias: bool = False
    mlp_bias: bool = False
    experts: int = 0
    experts_per_token: int = 0
    expert_intermediate: int = 0
    shared_intermediate: int = 0
    dense_layers: int = 0
    attention: tuple[LayerAttention, ...] | None = None
    built: bool = False
    rope: Stretched | None = None

    @property
    def parameters(self) -> int:
        """All parameters; embeddings that are tied count once.

        A layer with another kernel is counted as a softmax layer: what it adds (gates, decays, norms) is left out.
        """
        return self._outside_layers() + self.layers * self._layer_common() + self._mlps(self.experts)

    @property
    def active_parameters(self) -> int:
        """Parameters that one token uses."""
        return self._outside_layers() + self.layers * self._layer_common() + self._mlps(self.experts_per_token)

    @property
    def active_intermediate(self) -> float:
        """MLP width that one token passes, averaged over the layers."""
        sparse = self.layers - self.dense_layers
        wide = self.experts_per_token * self.expert_intermediate + self.shared_intermediate
        return (self.dense_layers * self.intermediate + sparse * wide) / self.layers

    def _outside_layers(self) -> int:
        return self.vocab * self.hidden * (1 if self.tied else 2) + self.hidden

    def _layer_common(self) -> int:
        """Attention and the two norms of one layer."""
        query, key = self.heads * self.head_dim, self.kv_heads * self.head_dim
        count = 2 * self.hidden * query + 2 * self.hidden * key + 2 * self.hidden
        if self.kind in ("qwen3", "qwen3_moe"):
            count += 2 * self.head_dim  # norms of queries and keys
        if self.qkv_bias:
            count += query + 2 * key
        if self.output_bias:
            count += self.hidden
        return count

    def _mlps(self, experts: int) -> int:
        """All layers' MLPs with `experts` of the experts of a layer counted, routers included."""
        dense = 3 * self.hidden * self.intermediate
        if self.mlp_bias:
            dense += 2 * self.intermediate + self.hidden
        sparse = experts * 3 * self.hidden * self.expert_intermediate + self.experts * self.hidden
        if self.shared_intermediate:
            sparse += 3 * self.hidden * self.shared_intermediate + self.hidden  # and its gate
        return self.dense_layers * dense + (self.layers - self.dense_layers) * sparse


def find_config(model: str, revision: str | None = None, env: Mapping[str, str] = os.environ) -> Path | None:
    """config.json of the built-in model, of a folder, or of a hub id that was downloaded before; else None."""
    if model == TINY_MOE:
        return Path(__file__).parents[1] / "models" / "tiny" / "config.json"
    if (folder := Path(model).expanduser()).is_dir():
        return folder / "config.json"
    home = Path(env.get("HF_HOME") or Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface")
    cache = Path(env.get("HF_HUB_CACHE") or home / "hub") / f"models--{model.replace('/', '--')}"
    ref = cache / "refs" / (revision or "main")
    commit = ref.read_text().strip() if ref.is_file() else revision or ""
    path = cache / "snapshots" / commit / "config.json"
    return path if commit and path.is_file() else None


def find_trained_config(model: str, revision: str | None = None) -> Path | None:
    """The same of an evaluation's model, which may be a run too (its path or its name), or one of its checkpoints."""
    from rlhf.run_folder import default_root

    for folder in () if model == TINY_MOE else (Path(model).expanduser(), default_root() / model):
        inside = [folder / "hf" / "config.json", *sorted(folder.glob("checkpoints/*/hf/config.json"))]
        for path in inside:
            if path.is_file():
                return path
    return find_config(model, revision)


def read_model_config(path: Path) -> ModelConfig:
    """Raises ModelConfigError naming the file and the key."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelConfigError(f"{path}: cannot be read as JSON: {error}") from error
    if not isinstance(raw, dict):
        raise ModelConfigError(f"{path}: found a {type(raw).__name__}, a model's config is an object")
    named = raw.get("model_type")
    built = isinstance(named, str) and named.startswith(BUILT)
    kind = named.removeprefix(BUILT) if isinstance(named, str) and built else named
    if kind not in FORMULAS or (built and kind not in REPLACEABLE):
        raise ModelConfigError(f"{path}: model_type {named!r} has no formula here; there is: {', '.join(FORMULAS)}")
    try:
        config = _from_raw(kind, raw)
        return (
            replace(config, attention=layers_of_config(raw["attention"], config.layers), built=True)
            if built
            else config
        )
    except KeyError as error:
        raise (BuiltConfigError if built else ModelConfigError)(f"{path}: {error.args[0]} is missing") from error
    except AttentionError as error:
        raise BuiltConfigError("\n".join(f"{path}: {line}" for line in str(error).splitlines())) from error


def _from_raw(kind: str, raw: Mapping[str, Any]) -> ModelConfig:
    heads, hidden, layers = raw["num_attention_heads"], raw["hidden_size"], raw["num_hidden_layers"]
    full_bias = kind in ("llama", "qwen3", "qwen3_moe") and bool(raw.get("attention_bias", False))
    experts, per_token, expert_width, shared, dense = 0, 0, 0, 0, layers
    if kind == "mixtral":
        experts, per_token = raw["num_local_experts"], raw["num_experts_per_tok"]
        expert_width, dense = raw["intermediate_size"], 0
    elif kind in ("qwen3_moe", "qwen2_moe"):
        # transformers 5 writes the second name where earlier versions wrote the first.
        experts = raw["num_experts"] if "num_experts" in raw else raw["num_local_experts"]
        per_token = raw["num_experts_per_tok"]
        expert_width = raw["moe_intermediate_size"]
        shared = raw["shared_expert_intermediate_size"] if kind == "qwen2_moe" else 0
        only, step = raw.get("mlp_only_layers") or [], raw.get("decoder_sparse_step", 1)
        dense = sum(1 for i in range(layers) if i in only or experts == 0 or (i + 1) % step != 0)
    return ModelConfig(
        kind=kind,
        vocab=raw["vocab_size"],
        hidden=hidden,
        layers=layers,
        heads=heads,
        kv_heads=raw.get("num_key_value_heads") or heads,
        head_dim=raw.get("head_dim") or (128 if kind == "qwen3" else hidden // heads),
        intermediate=raw["intermediate_size"],
        tied=raw.get("tie_word_embeddings", False),
        context=raw.get("max_position_embeddings"),
        qkv_bias=kind == "qwen2" or (kind == "qwen2_moe" and raw.get("qkv_bias", True)) or full_bias,
        output_bias=full_bias,
        mlp_bias=bool(raw.get("mlp_bias", False)) and kind == "llama",
        experts=experts,
        experts_per_token=per_token,
        expert_intermediate=expert_width,
        shared_intermediate=shared,
        dense_layers=dense,
        rope=_stretched(raw),
    )


def _stretched(raw: Mapping[str, Any]) -> Stretched | None:
    """transformers 5 writes rope_parameters where earlier versions wrote rope_scaling."""
    said = raw.get("rope_parameters") or raw.get("rope_scaling")
    if not isinstance(said, dict):
        return None
    kind = said.get("rope_type") or said.get("type") or "default"
    return None if kind == "default" else Stretched(str(kind), said.get("factor"))
