"""The recipe of a distillation: `kind: distill`. A pretrained policy is given other attention kernels."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, NonNegativeInt, PositiveFloat, PositiveInt

from rlhf.recipe.data_schema import DataConfig
from rlhf.recipe.schema import ClusterConfig, LearnerConfig, PolicyConfig, RunConfig, TrackingConfig
from rlhf.recipe.section import Fraction, Section


class DistillTextConfig(Section):
    """What both stages learn from: text that the teacher samples at temperature 1."""

    tokens: PositiveInt = Field(200_000, description="that the teacher samples, held-out ones included")
    length: PositiveInt = Field(512, description="tokens of a sample, at most")
    begin: list[str] = Field(
        [],
        description="tokens from each of which a sample may start with nothing before it, e.g. <|endoftext|>; default the tokenizer's begin token, else its end token",
    )
    prompted: Fraction = Field(0.0, description="share of the samples that answer a prompt of `prompts` instead")
    prompts: DataConfig | None = Field(None, description="as a training recipe's `data`: `train` and how it is put")
    heldout: Fraction = Field(
        0.05, description="share of the sampled tokens that is never learned from; log-likelihood is measured on it"
    )
    heldout_file: str | None = Field(
        None, description="jsonl with `text` (.gz too): real text to measure the log-likelihood on too"
    )
    heldout_file_tokens: PositiveInt = Field(10_000, description="tokens of heldout_file that are used, at most")
    sampled: str | None = Field(
        None, description="the text of an earlier run, its folder or name: nothing is sampled then"
    )


class DistillStageConfig(Section):
    steps: NonNegativeInt = Field(100, description="0: the stage is left out")
    tokens_per_step: PositiveInt = Field(4096, description="sequences are taken until they have so many tokens")
    learning_rate: PositiveFloat = 1e-3
    warmup_steps: NonNegativeInt = 10
    final_rate: Fraction = Field(
        0.1, description="the last step's learning rate, as a share of the full one; it falls linearly"
    )


class AttentionStageConfig(DistillStageConfig):
    """The new layers learn to give what the teacher's give, each on the teacher's own hidden states."""


class LogitStageConfig(DistillStageConfig):
    """The student learns the teacher's distribution of the next token."""

    learning_rate: PositiveFloat = 3e-4
    learn: Literal["all", "mixers"] = Field("all", description="all weights, or those of the new layers alone")


class DistillStagesConfig(Section):
    attention: AttentionStageConfig = AttentionStageConfig()
    logits: LogitStageConfig = LogitStageConfig()
    evaluate_every: NonNegativeInt = Field(
        20, description="held-out log-likelihood every n steps; 0: before and after each stage only"
    )
    checkpoint_every: NonNegativeInt = Field(50, description="0: after each stage only")
    keep_checkpoints: PositiveInt = 2

    @property
    def steps(self) -> int:
        return self.attention.steps + self.logits.steps


class DistillEnginesConfig(Section):
    """vLLM engines that hold the teacher, as in a training recipe's rollout section."""

    engines: PositiveInt = 1
    tensor_parallel: PositiveInt = 1
    max_concurrent_sequences: PositiveInt = Field(64, description="vLLM's max_num_seqs of one engine")
    max_batched_tokens: PositiveInt | None = Field(None, description="as in rollout.max_batched_tokens")
    kv_cache_gib: PositiveFloat = Field(1.0, description="CPU: memory of the KV cache of one engine")
    gpu_memory_utilization: Fraction = 0.9
    prefix_caching: bool | None = Field(None, description="as in rollout.prefix_caching")
    enforce_eager: bool = True
    wide_products: Literal["auto", "on", "off"] = Field("auto", description="as in rollout.wide_products")
    cpus_per_engine: PositiveInt | None = Field(None, description="threads of one engine on a CPU")
    dtype: Literal["float32", "bfloat16"] | None = Field(
        None, description="of the sampling teacher; default policy.dtype"
    )


class DistillRecipe(Section):
    """policy.model is the teacher, and what the student starts from; policy.attention says what the student has."""

    kind: Literal["distill"]
    run: RunConfig = RunConfig()
    policy: PolicyConfig
    text: DistillTextConfig = DistillTextConfig()
    distill: DistillStagesConfig = DistillStagesConfig()
    engines: DistillEnginesConfig = DistillEnginesConfig()
    learner: LearnerConfig = LearnerConfig()
    tracking: TrackingConfig = TrackingConfig(token_details=0)
    cluster: ClusterConfig = ClusterConfig()
