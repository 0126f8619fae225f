"""Memory and work of a distillation, by arithmetic alone; see `estimate.py` for the symbols.

A rank holds the student with gradients and optimizer, and beside it the teacher's weights, whole.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from rlhf.recipe.devices import Devices
from rlhf.recipe.distill_schema import DistillRecipe, DistillStageConfig
from rlhf.recipe.engine_memory import BYTES, EngineMemory, memory_of_engine
from rlhf.recipe.estimate import gradient_bytes
from rlhf.recipe.model_config import ModelConfig


@dataclass(frozen=True, slots=True)
class StudentMemory:
    """Bytes of one rank, in the second stage, which needs the most."""

    weights: int
    gradients: int
    optimizer: int
    teacher: int
    activations: int
    logits: int

    @property
    def total(self) -> int:
        return self.weights + self.gradients + self.optimizer + self.teacher + self.activations + self.logits


@dataclass(frozen=True, slots=True)
class DistillEstimate:
    """flops: of sampling and of both stages, all ranks together."""

    parameters: int
    learner: StudentMemory
    engine: EngineMemory
    flops: tuple[float, float, float]


def distill_estimate(
    recipe: DistillRecipe, teacher: ModelConfig, student: ModelConfig, devices: Devices
) -> DistillEstimate:
    """The student is counted as the teacher: what its layers have more (gates, norms) is left out."""
    engine = memory_of_engine(
        recipe.engines,
        recipe.engines.dtype or recipe.policy.dtype,
        longest_sequence(recipe),
        teacher,
        devices.memory_per_device,
        devices.kind,
    )
    return DistillEstimate(teacher.parameters, _student_memory(recipe, student), engine, _flops(recipe, student))


def longest_sequence(recipe: DistillRecipe) -> int:
    prompts = recipe.text.prompts
    return recipe.text.length + (1 if prompts is None else prompts.max_prompt_tokens)


def epochs(recipe: DistillRecipe, stage: DistillStageConfig) -> float:
    """How often the stage goes through the text, about: prompts are not counted."""
    return stage.steps * stage.tokens_per_step / (recipe.text.tokens * (1.0 - recipe.text.heldout))


def _student_memory(recipe: DistillRecipe, model: ModelConfig) -> StudentMemory:
    learner, dtype, psi = recipe.learner, recipe.policy.dtype, model.parameters
    b, stage, ranks = BYTES[dtype], learner.zero_stage, learner.ranks
    mixers = recipe.distill.logits.learn == "mixers" or not recipe.distill.logits.steps
    learned = _attention_parameters(recipe, model) if mixers else psi
    master = 4 * learned if b == 2 or stage >= 1 else 0
    tokens = max(learner.token_budget, longest_sequence(recipe))
    # As in estimate.activation_bytes, without copies of shared prompts: most samples have a prompt of their own.
    width = 4 * model.hidden + 3 * model.head_dim * (model.heads + model.kv_heads) + 4 * model.active_intermediate
    kept = model.layers * model.hidden + width if learner.gradient_checkpointing else model.layers * width
    return StudentMemory(
        weights=b * psi // (ranks if stage >= 3 else 1),
        gradients=gradient_bytes(dtype, stage) * learned // (ranks if stage >= 2 else 1),
        optimizer=0 if learner.offload_optimizer else (master + 8 * learned) // (ranks if stage >= 1 else 1),
        teacher=b * psi,
        activations=ceil(b * tokens * kept),
        # fp32 logits of student and teacher, of one chunk
        logits=2 * 4 * learner.logit_chunk * model.vocab,
    )


def _attention_parameters(recipe: DistillRecipe, model: ModelConfig) -> int:
    replaced = sum(layer.kernel != "softmax" for layer in model.attention or ())
    queries, keys = model.heads * model.head_dim, model.kv_heads * model.head_dim
    return replaced * 2 * model.hidden * (queries + keys)


def _flops(recipe: DistillRecipe, model: ModelConfig) -> tuple[float, float, float]:
    """A token: 2 a parameter forward, 4 backward. The first stage runs the teacher forward and the new layers both
    ways; the second the teacher forward and the student both ways. Attention's own work is left out."""
    psi, stages = model.active_parameters, recipe.distill
    first = stages.attention.steps * stages.attention.tokens_per_step
    second = stages.logits.steps * stages.logits.tokens_per_step
    sampled = 0 if recipe.text.sampled is not None else recipe.text.tokens
    again = 2 if recipe.learner.gradient_checkpointing else 0
    return (
        2.0 * psi * sampled,
        (2.0 * psi + 6.0 * _attention_parameters(recipe, model)) * first,
        (8.0 + again) * psi * second,
    )
