"""The typed recipe. Every key that a recipe may hold is here, with its default and its meaning.

Imports pydantic only: a recipe is checked before torch, transformers, ray or vllm are loaded. Rules that
span several keys live in `checks.py`; reading files, overrides and error messages in `load.py`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, field_validator

from rlhf.recipe.algorithm_schema import AlgorithmConfig
from rlhf.recipe.attention_schema import AttentionConfig, Packing, not_a_packing
from rlhf.recipe.data_schema import DataConfig
from rlhf.recipe.evaluation_schema import TrainEvaluationConfig
from rlhf.recipe.section import Dtype, Fraction, Section

BENCHMARK_DOMAIN = "benchmark:"
"""What the domain of a benchmark's prompts begins with; its name follows."""


class RunConfig(Section):
    name: str = Field("run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", description="name of the run's folder")
    root: str | None = Field(
        None, description="absolute folder of runs; default $LONGTHOUGHT_RUNS, else ~/longthought/runs"
    )
    seed: NonNegativeInt = Field(0, description="seeds data order, sampling, initial weights")


class PolicyConfig(Section):
    model: str = Field(description="`tiny-moe` (built in), a folder in Hugging Face format, or a hub id")
    revision: str | None = Field(None, description="hub revision")
    dtype: Dtype = Field(
        "bfloat16", description="of the weights that are computed with, in the learner and in the engines"
    )
    packing: Packing = Field(
        "auto",
        description="packed: per-sequence attention, only for architectures on the tested list; auto: packed where tested, else padded",
    )
    attention: AttentionConfig | None = Field(None, description="kernels of the layers; null: the model as it is")

    renamed = field_validator("attention", mode="before")(not_a_packing)


class RewardComponent(Section):
    verifier: str = Field(description="a name of `rlhf list verifiers`, or `my_module:my_verifier`")
    weight: float = 1.0
    name: str | None = Field(None, description="the component's name in metrics; default the verifier's")
    domains: list[str] = Field([], description="judge only prompts of these domains; default of all")
    only_if: str | None = Field(
        None, description="a component above: this one counts only where that one says correct, else nothing"
    )
    clamp: tuple[float | None, float | None] | None = Field(
        None, description="[low, high] of its score, before its weight; null: no bound"
    )
    config: dict[str, Any] = Field({}, description="the verifier's own settings")

    @property
    def label(self) -> str:
        return self.name or self.verifier.rsplit(":", 1)[-1]

    def judges(self, domain: str) -> bool:
        # A benchmark's problems are judged by its own verifier alone: a reward of all domains is for training's.
        return domain in self.domains or not (self.domains or domain.startswith(BENCHMARK_DOMAIN))


class VerifyConfig(Section):
    workers: PositiveInt = Field(1, description="verifier processes a node")
    timeout_s: PositiveFloat = Field(10.0, description="wall-clock limit of one sample; the process is killed after it")
    memory_mb: PositiveInt = Field(2048, description="address-space limit of a verifier process")
    isolation: Literal["required", "process_only"] = Field(
        "required",
        description="required: scorers that evaluate model text run without network and file access, or not at all; process_only: accept a killable process alone",
    )


class RepetitionConfig(Section):
    """When a response is ended because it repeats itself (`algorithm.shaping.repetition_weight` punishes it)."""

    longest_pattern: NonNegativeInt = Field(0, description="tokens of the longest pattern that is looked for; 0: off")
    shortest_pattern: PositiveInt = 1
    count: Annotated[int, Field(ge=2)] = Field(8, description="times in a row that the pattern must have come")
    certain_tokens: NonNegativeInt = Field(
        0,
        description="end a response after so many tokens in a row above certain_probability (MiniMax-M1: 3000); 0: off",
    )
    certain_probability: Annotated[float, Field(ge=0.5, lt=1.0)] = 0.99


class RolloutConfig(Section):
    engines: PositiveInt = 1
    tensor_parallel: PositiveInt = 1
    temperature: PositiveFloat = 1.0
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    top_k: NonNegativeInt = Field(0, description="0: off")
    min_p: Fraction = 0.0
    max_response_tokens: PositiveInt = 512
    min_response_tokens: NonNegativeInt = 0
    stop: list[str] = Field([], description="strings that end a response; kept in its text")
    stop_token_ids: list[NonNegativeInt] = Field([])
    repetition: RepetitionConfig = RepetitionConfig()
    max_concurrent_sequences: PositiveInt = Field(128, description="vLLM's max_num_seqs of one engine")
    max_batched_tokens: PositiveInt | None = Field(
        None, description="tokens of one step of an engine; longer prompts come in parts; default vLLM's own"
    )
    kv_cache_gib: PositiveFloat = Field(0.5, description="CPU: memory of the KV cache of one engine")
    gpu_memory_utilization: Fraction = Field(0.85, description="GPU: share of the memory of one engine's devices")
    prefix_caching: bool | None = Field(
        None, description="default: where every layer keeps keys and values, not where one keeps a recurrent state"
    )
    enforce_eager: bool = True
    wide_products: Literal["auto", "on", "off"] = Field(
        "auto",
        description="CPU, bfloat16: multiply through float32 kernels, with float32 copies of the weights; auto: on a CPU without AMX",
    )
    cpus_per_engine: PositiveInt | None = Field(
        None, description="threads of one engine on a CPU; default cores / engines"
    )
    request_timeout_s: PositiveFloat = Field(1800.0, description="a group that takes longer is handed out again")
    weight_transfer: Literal["auto", "shared_memory", "nccl", "ipc"] = Field(
        "auto",
        description="how new weights reach the engines; auto: shared_memory on CPUs, nccl between GPUs, ipc with cluster.share_gpus",
    )
    publish_mode: Literal["keep", "wait", "abort"] = Field(
        "keep",
        description="what happens to responses in flight when new weights arrive: continued with them, finished first, or handed out again",
    )


class LoraConfig(Section):
    """Learn low-rank adapters of the policy's linear layers instead of its weights."""

    rank: PositiveInt = 16
    alpha: PositiveInt = Field(32, description="the adapters count alpha / rank times")
    targets: list[str] = Field(
        [],
        description="names of layers, e.g. [q_proj, v_proj]; default every linear layer but the output (fused experts are none)",
    )


class LearnerConfig(Section):
    ranks: PositiveInt = 1
    sequence_parallel: PositiveInt = Field(
        1, description="ranks that share a sequence (DeepSpeed Ulysses): each has part of its tokens, and of the heads"
    )
    zero_stage: Annotated[int, Field(ge=0, le=3)] = 1
    learning_rate: PositiveFloat = 1e-6
    warmup_steps: NonNegativeInt = Field(
        0, description="optimizer updates (one a step, unless algorithm.mini_batches or inner_epochs make it more)"
    )
    betas: tuple[Fraction, Fraction] = (0.9, 0.999)
    adam_eps: PositiveFloat = 1e-8
    weight_decay: NonNegativeFloat = 0.0
    gradient_clip: PositiveFloat = 1.0
    token_budget: PositiveInt = Field(
        8192, description="tokens of one packed micro-batch, at most; a longer sequence gets a micro-batch of its own"
    )
    logit_chunk: PositiveInt = Field(1024, description="tokens whose logits exist at one time")
    gradient_checkpointing: bool = False
    share_prompts: bool = Field(
        True,
        description="run a prompt once for all its samples, and what prompts begin with once for all of them (packed attention only; the gradient is the same)",
    )
    router_aux_coef: NonNegativeFloat = Field(
        0.0, description="MoE: weight of the load-balancing loss over the global batch"
    )
    cpus_per_rank: PositiveInt | None = Field(None, description="threads of one rank on a CPU; default cores / ranks")
    offload_optimizer: bool = False
    lora: LoraConfig | None = None

    @property
    def data_ranks(self) -> int:
        """Groups of ranks, each of which has sequences of its own."""
        return max(1, self.ranks // self.sequence_parallel)


class TrainerConfig(Section):
    steps: PositiveInt = 100
    prompts_per_step: PositiveInt = 32
    max_staleness: NonNegativeInt = Field(
        0, description="0: synchronous. n: a sample may be at most n versions older than the learner"
    )
    eval_every: NonNegativeInt = Field(0, description="held-out evaluation every n steps; 0: before and after only")
    eval_samples: PositiveInt = Field(1, description="samples per held-out prompt")
    eval_temperature: PositiveFloat | None = Field(None, description="default rollout.temperature")
    checkpoint_every: NonNegativeInt = Field(50, description="0: at the end only")
    keep_checkpoints: PositiveInt = 2
    best_metric: str | None = Field(
        None,
        description="keep the weights of the best evaluation too (checkpoints/best): accuracy/heldout, or eval/<benchmark>/avg, …/pass_at_<n>, …/maj",
    )
    max_prompt_attempts: PositiveInt = Field(5, description="a prompt that failed this often is dropped and counted")
    parity: Literal["refuse", "warn", "off"] = Field(
        "refuse",
        description="what to do where, before the first step, engine and learner give the same tokens other log-probabilities",
    )


class WarmupConfig(Section):
    """A short supervised stage on demonstrations before the first rollout."""

    demonstrations: str = Field(
        description="a name of the demonstrations registry, or a jsonl file with `prompt` and `response`"
    )
    config: dict[str, Any] = Field({}, description="the demonstrations' own settings")
    size: PositiveInt = Field(10_000, description="how many demonstrations are made")
    steps: PositiveInt = 300
    batch_size: PositiveInt = 64
    learning_rate: PositiveFloat = 1e-3
    warmup_steps: NonNegativeInt = 20
    weight_decay: NonNegativeFloat = 0.0


class TrackingConfig(Section):
    tensorboard: bool = True
    wandb_project: str | None = None
    trackio_project: str | None = None
    mlflow_project: str | None = Field(
        None, description="an MLflow experiment: on MLFLOW_TRACKING_URI's server, else in files under the run's mlruns/"
    )
    token_details: NonNegativeInt = Field(
        4,
        description="groups a step whose tokens are kept with log-probability, version and advantage, for the report; 0: none",
    )


class ClusterConfig(Section):
    """What Ray has. `device` and counts default to what this machine (or the running cluster) shows."""

    device: Literal["auto", "cpu", "gpu"] = "auto"
    nodes: PositiveInt | None = None
    cpus_per_node: PositiveInt | None = None
    gpus_per_node: NonNegativeInt | None = None
    memory_per_device_gib: PositiveFloat | None = Field(
        None, description="for `rlhf check`; default what is seen here, else 80"
    )
    address: str | None = Field(
        None, description="a running Ray; default $RAY_ADDRESS, else an embedded one is started"
    )
    share_gpus: bool = Field(
        False,
        description="each learner rank shares its GPU with a worker of an engine: for few GPUs, down to one; lower rollout.gpu_memory_utilization to what the learner leaves",
    )
    separate_learner_node: bool = Field(False, description="place learner and engines on different nodes")


class TrainRecipe(Section):
    kind: Literal["train"] = "train"
    run: RunConfig = RunConfig()
    policy: PolicyConfig
    data: DataConfig
    reward: Annotated[list[RewardComponent], Field(min_length=1)] = Field(
        description="the first component that judges a prompt decides accuracy"
    )
    verify: VerifyConfig = VerifyConfig()
    algorithm: AlgorithmConfig = AlgorithmConfig()
    rollout: RolloutConfig = RolloutConfig()
    learner: LearnerConfig = LearnerConfig()
    trainer: TrainerConfig = TrainerConfig()
    evaluation: TrainEvaluationConfig | None = Field(None, description="benchmarks while training")
    warmup: WarmupConfig | None = None
    tracking: TrackingConfig = TrackingConfig()
    cluster: ClusterConfig = ClusterConfig()
