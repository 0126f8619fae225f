"""Memory per device and work per step, by arithmetic alone. Every formula is stated beside its line.

Symbols: psi parameters (learned: of the adapters, with learner.lora), b bytes of the compute type (2 or 4), N learner
ranks, S ZeRO stage, tp tensor parallel size. Mixed precision keeps an fp32 master copy and Adam two fp32 moments (ZeRO,
1910.02054, section 3.1; what each stage shards: section 5). These are estimates of what the method needs, not of an
allocator's overhead, nor of communication buffers (`BUCKET` of `rlhf/learner/config.py`).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from rlhf.algorithms.resolve import resolve
from rlhf.learner.bounds import KEY_ROWS
from rlhf.recipe.devices import Devices
from rlhf.recipe.engine_memory import BYTES, EngineMemory, memory_of_engine
from rlhf.recipe.model_config import ModelConfig
from rlhf.recipe.schema import LoraConfig, TrainRecipe

TYPICAL_SHARE = 0.5
"""A typical prompt or response is taken to be half of its limit."""


@dataclass(frozen=True, slots=True)
class LearnerMemory:
    """Bytes of one rank. host_optimizer: what offload_optimizer moves to the node's memory.

    critic: weights, gradients and optimizer of the value function beside it. reference: weights of the one beside it,
    whole on every rank.
    """

    weights: int
    gradients: int
    optimizer: int
    activations: int
    logits: int
    host_optimizer: int = 0
    critic: int = 0
    reference: int = 0

    @property
    def total(self) -> int:
        own = self.weights + self.gradients + self.optimizer + self.activations + self.logits
        return own + self.critic + self.reference


@dataclass(frozen=True, slots=True)
class StepWork:
    """Tokens of one step: at most (every limit reached) and typically (TYPICAL_SHARE of every limit)."""

    sequences: int
    tokens_max: int
    tokens_typical: int
    response_tokens_max: int
    micro_batches_per_rank_max: int
    micro_batches_per_rank_typical: int
    flops_typical: float


@dataclass(frozen=True, slots=True)
class Estimate:
    parameters: int
    active_parameters: int
    learner: LearnerMemory
    engine: EngineMemory
    step: StepWork


def estimate(recipe: TrainRecipe, model: ModelConfig, device_memory: int | None, kind: str | None = "gpu") -> Estimate:
    """device_memory: bytes of one device. kind: `gpu`, or `cpu`, where rollout.kv_cache_gib sets the cache."""
    return Estimate(
        parameters=model.parameters,
        active_parameters=model.active_parameters,
        learner=learner_memory(recipe, model),
        engine=engine_memory(recipe, model, device_memory, kind),
        step=step_work(recipe, model),
    )


def estimate_for(recipe: TrainRecipe, model: ModelConfig, devices: Devices) -> Estimate:
    return estimate(recipe, model, devices.memory_per_device, devices.kind)


def longest_sequence(recipe: TrainRecipe) -> int:
    return recipe.data.max_prompt_tokens + recipe.rollout.max_response_tokens


def learner_memory(recipe: TrainRecipe, model: ModelConfig) -> LearnerMemory:
    learner, psi, b = recipe.learner, model.parameters, BYTES[recipe.policy.dtype]
    learned = psi if learner.lora is None else adapter_parameters(model, learner.lora)
    definition = resolve(recipe.algorithm)
    weights, gradients, optimizer = _states(recipe, psi, learned)
    critic_optimizer = 0 if learner.offload_optimizer else _states(recipe, psi, psi)[2]
    beside = definition.reference and recipe.algorithm.kl.host == "learner" and learner.lora is None
    return LearnerMemory(
        weights=weights,
        gradients=gradients,
        critic=sum(_states(recipe, psi, psi)[:2]) + critic_optimizer if definition.value is not None else 0,
        reference=b * psi if beside else 0,
        optimizer=0 if learner.offload_optimizer else optimizer,
        activations=activation_bytes(recipe, model),
        # fp32 logits and their gradient, of one chunk
        logits=2 * 4 * learner.logit_chunk * model.vocab,
        host_optimizer=optimizer if learner.offload_optimizer else 0,
    )


def _states(recipe: TrainRecipe, psi: int, learned: int) -> tuple[int, int, int]:
    """Bytes of weights, gradients and optimizer of a model of psi parameters of which some are learned."""
    b, stage, ranks = BYTES[recipe.policy.dtype], recipe.learner.zero_stage, recipe.learner.ranks
    weights = b * psi // (ranks if stage >= 3 else 1)
    gradients = gradient_bytes(recipe.policy.dtype, stage) * learned // (ranks if stage >= 2 else 1)
    # In fp32 the weights are their own master copy, but DeepSpeed's ZeRO keeps a second one (seen in 0.19.8).
    master = 4 * learned if b == 2 or stage >= 1 else 0
    return weights, gradients, (master + 8 * learned) // (ranks if stage >= 1 else 1)


def adapter_parameters(model: ModelConfig, lora: LoraConfig) -> int:
    """rank * (inputs + outputs) of every adapted layer; of named targets those of attention and dense MLPs."""
    queries, keys = model.heads * model.head_dim, model.kv_heads * model.head_dim
    attention = {"q_proj": queries, "k_proj": keys, "v_proj": keys, "o_proj": queries}
    sizes = {name: model.layers * (model.hidden + width) for name, width in attention.items()}
    mlp = ("gate_proj", "up_proj", "down_proj")
    sizes |= dict.fromkeys(mlp, model.dense_layers * (model.hidden + model.intermediate))
    return lora.rank * sum(size for name, size in sizes.items() if not lora.targets or name in lora.targets)


def gradient_bytes(dtype: str, stage: int) -> int:
    """Bytes of gradient a parameter, as `rlhf/learner/config.py` has DeepSpeed keep them.

    They add up over micro-batches in float32, but for ZeRO-0 in bfloat16. ZeRO-1 keeps those of the last backward
    pass beside the sums; from ZeRO-2 on they go bucket by bucket.
    """
    if stage == 0:
        return BYTES[dtype]
    own = BYTES[dtype] if stage == 1 and dtype != "float32" else 0
    return BYTES["float32"] + own


def activation_bytes(recipe: TrainRecipe, model: ModelConfig) -> int:
    """Tensors kept for the backward pass of one micro-batch of T tokens.

    A token and layer: 4 of the hidden size (both norms' inputs and outputs), 3 of the queries' and 3 of the
    keys' width (projected, rotated, attention's output; values), 4 of the active MLP width (gate, up, activated,
    product), and the copies of shared prompts' keys and values (key_rows). With checkpointing a layer keeps its input
    alone, and one layer at a time is held in full. Ranks that share sequences (learner.sequence_parallel) share T.
    """
    b, tokens = BYTES[recipe.policy.dtype], max(recipe.learner.token_budget, longest_sequence(recipe))
    tokens = ceil(tokens / recipe.learner.sequence_parallel)
    copies = 2 * model.kv_heads * model.head_dim * (key_rows(recipe) - 1.0)
    width = 4 * model.hidden + 3 * model.head_dim * (model.heads + model.kv_heads) + 4 * model.active_intermediate
    if recipe.learner.gradient_checkpointing:
        return int(b * tokens * (model.layers * model.hidden + width + copies))
    return int(b * tokens * model.layers * (width + copies))


def key_rows(recipe: TrainRecipe) -> float:
    """Rows of keys and values a token of a micro-batch: responses that share a prompt gather it each for itself."""
    if not recipe.learner.share_prompts or recipe.learner.sequence_parallel > 1 or recipe.policy.packing == "padded":
        return 1.0
    group, prompt = recipe.algorithm.group_size, recipe.data.max_prompt_tokens
    response = recipe.rollout.max_response_tokens
    return min(float(KEY_ROWS), group * (prompt + response) / (prompt + group * response))


def engine_memory(recipe: TrainRecipe, model: ModelConfig, device_memory: int | None, kind: str | None) -> EngineMemory:
    return memory_of_engine(recipe.rollout, recipe.policy.dtype, longest_sequence(recipe), model, device_memory, kind)


def step_work(recipe: TrainRecipe, model: ModelConfig) -> StepWork:
    prompts, group = recipe.trainer.prompts_per_step, recipe.algorithm.group_size
    prompt, response = recipe.data.max_prompt_tokens, recipe.rollout.max_response_tokens
    sequences = prompts * group
    most = sequences * (prompt + response)
    # Attention's own work, quadratic in length, is left out: it is small below some ten thousand tokens.
    recompute = 2 if recipe.learner.gradient_checkpointing else 0
    typical = int(TYPICAL_SHARE * most)
    return StepWork(
        sequences=sequences,
        tokens_max=most,
        tokens_typical=typical,
        response_tokens_max=sequences * response,
        micro_batches_per_rank_max=_micro_batches(recipe, prompt, response),
        micro_batches_per_rank_typical=_micro_batches(
            recipe, ceil(TYPICAL_SHARE * prompt), ceil(TYPICAL_SHARE * response)
        ),
        # 2 for the rollout's forward, 6 for forward and backward, 2 more where the forward is repeated
        flops_typical=float(2 + 6 + recompute) * model.active_parameters * typical,
    )


def _micro_batches(recipe: TrainRecipe, prompt: int, response: int) -> int:
    """Micro-batches of one rank for sequences of equal length: as many whole sequences as the budget holds.

    Prompts are counted for every sample (learner.share_prompts lowers the number), ranks that share sequences as one.
    """
    sequences = ceil(recipe.trainer.prompts_per_step * recipe.algorithm.group_size / recipe.learner.data_ranks)
    together = max(1, recipe.learner.token_budget // (prompt + response))
    return ceil(sequences / together)
