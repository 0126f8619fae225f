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

    kv_cache: None where the device's memory is not known. kv_tokens: of the whole engine.
    kv_sequences: how many sequences of the full length that is.
    """

    weights: int
    kv_bytes_per_token: int
    kv_cache: int | None
    kv_tokens: int | None
    kv_sequences: int | None

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
    # keys and values; a KV head is repeated where there are fewer than devices
    per_token = 2 * model.layers * max(1, model.kv_heads // tp) * model.head_dim * b
    cache: int | None = None
    if kind == "cpu":
        cache = int(asked.kv_cache_gib * GIB)
    elif device_memory is not None:
        cache = max(0, int(asked.gpu_memory_utilization * device_memory) - weights)
    tokens = None if cache is None else cache // per_token
    sequences = None if tokens is None else tokens // longest
    return EngineMemory(weights, per_token, cache, tokens, sequences)
