"""Memory of an engine's devices, by arithmetic: of a training recipe's rollout, and of an evaluation's engines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rlhf.recipe.devices import GIB, Devices
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.model_config import ModelConfig

BYTES = {"float32": 4, "bfloat16": 2}
USUAL_PROMPT = 256
"""Tokens that most problems have, with what is put around them; how many is known when they are loaded."""


class EngineSettings(Protocol):
    """What an engine's memory goes by: `rollout` of a training recipe, `engines` of an evaluation."""

    @property
    def tensor_parallel(self) -> int: ...
    @property
    def wide_products(self) -> str: ...
    @property
    def kv_cache_gib(self) -> float: ...
    @property
    def gpu_memory_utilization(self) -> float: ...


@dataclass(frozen=True, slots=True)
class EngineMemory:
    """Bytes of one of an engine's tp devices, and what its KV cache holds.

    kv_bytes_per_token: of the layers that keep keys and values. state_bytes_per_sequence: of those that keep a state.
    kv_cache: None where the device's memory is not known. kv_tokens: of the whole engine; None too where a sequence's
    state takes room besides, or there are no keys and values. kv_sequences: how many sequences of the full length.
    """

    weights: int
    kv_bytes_per_token: int
    kv_cache: int | None
    kv_tokens: int | None
    kv_sequences: int | None
    state_bytes_per_sequence: int = 0

    @property
    def total(self) -> int | None:
        return None if self.kv_cache is None else self.weights + self.kv_cache


def eval_engine_memory(recipe: EvalRecipe, model: ModelConfig, devices: Devices) -> EngineMemory:
    return memory_of_engine(
        recipe.engines, recipe.policy.dtype, longest_asked(recipe), model, devices.memory_per_device, devices.kind
    )


def longest_asked(recipe: EvalRecipe) -> int:
    """Tokens of one sequence: engines.max_model_len, else the answer's limits and a usual prompt."""
    evaluation = recipe.evaluation
    answer = evaluation.max_response_tokens + (evaluation.thinking_tokens or 0)
    return recipe.engines.max_model_len or USUAL_PROMPT + answer


def memory_of_engine(
    asked: EngineSettings, dtype: str, longest: int, model: ModelConfig, device_memory: int | None, kind: str | None
) -> EngineMemory:
    """longest: tokens of one sequence. device_memory: bytes of one device; on a CPU kv_cache_gib sets the cache."""
    b, tp = BYTES[dtype], asked.tensor_parallel
    wide = kind == "cpu" and dtype == "bfloat16" and asked.wide_products != "off"
    weights = (BYTES["float32"] if wide else b) * model.parameters // tp
    states = state_sizes(model)
    # keys and values; a KV head is repeated where there are fewer than devices
    per_token = 2 * (model.layers - len(states)) * max(1, model.kv_heads // tp) * model.head_dim * b
    # fp32, and every layer's page has the size of the largest state: an engine's cache has pages of one size
    per_sequence = BYTES["float32"] * len(states) * max(states, default=0)
    cache: int | None = None
    if kind == "cpu":
        cache = int(asked.kv_cache_gib * GIB)
    elif device_memory is not None:
        cache = max(0, int(asked.gpu_memory_utilization * device_memory) - weights)
    tokens = cache // per_token if cache is not None and not states else None
    sequences = None if cache is None else cache // (longest * per_token + per_sequence)
    return EngineMemory(weights, per_token, cache, tokens, sequences, per_sequence)


def state_sizes(model: ModelConfig) -> list[int]:
    """Elements a sequence of every layer that keeps a state of constant size."""
    found = []
    for layer in model.attention or ():
        if layer.spec.engine == "state" and layer.spec.state_size is not None:
            found.append(layer.spec.state_size(model.heads, model.kv_heads, model.head_dim, layer.parsed()))
    return found
