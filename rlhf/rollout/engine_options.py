"""How one vLLM engine is set up, and what it is asked for a request: recipe to vLLM's own arguments."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rlhf.memory import KEEP_FREED_MEMORY
from rlhf.recipe.prefix_caching import prefix_caching
from rlhf.recipe.schema import RepetitionConfig, RolloutConfig
from rlhf.rollout import wide_products
from rlhf.rollout.plugin import WEIGHT_BACKEND
from rlhf.rollout.sampling import Sampling
from rlhf.threads import SPIN_BESIDE_OTHERS, spinning

ATTENTION_SWITCH = "LONGTHOUGHT_ATTENTION_BACKEND"  # what computes a policy's own kernels, in vLLM's processes
CERTAIN_STOP = "longthought_certain_stop"  # key of a request's extra arguments: [tokens, probability, end token]

# Samples of a prompt share its whole blocks; of vLLM's 128 tokens for a CPU most prompts fill none, so that each
# sample ran the prompt again: 0.46 against 0.19 s a token of 64 sequences. 32 is the least its attention takes.
CPU_BLOCK_SIZE = 32


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """cpus: the cores this engine binds, one list per tensor-parallel rank, as positions among those that its process
    may use, from 0; empty on a GPU.

    worker_extension: dotted path of the class mixed into vLLM's workers.
    """

    name: str
    model_dir: str
    dtype: str
    rollout: RolloutConfig
    max_model_len: int
    seed: int
    device: str = "cpu"
    cpus: tuple[tuple[int, ...], ...] = ()
    worker_extension: str = "rlhf.rollout.worker.LongthoughtWorker"
    weight_backend: str = WEIGHT_BACKEND
    attention_backend: str = "auto"


def engine_environment(spec: EngineSpec) -> dict[str, str]:
    """What vLLM reads from the environment, set before it is imported."""
    environment = {
        "VLLM_PLUGINS": "longthought",
        "VLLM_LOGGING_LEVEL": os.environ.get("VLLM_LOGGING_LEVEL", "WARNING"),
        "VLLM_NO_USAGE_STATS": "1",
        "LONGTHOUGHT_ENGINE_OWNER": str(os.getpid()),
        "TOKENIZERS_PARALLELISM": "false",
        ATTENTION_SWITCH: spec.attention_backend,
    }
    if spec.weight_backend == "ipc":
        # Memory handles travel from this process to its own vLLM process as pickles; nothing else does.
        environment["VLLM_ALLOW_INSECURE_SERIALIZATION"] = "1"
    if spec.rollout.wide_products == "on" or (
        spec.rollout.wide_products == "auto" and wide_products.is_worth_it(spec.dtype, spec.device)
    ):
        environment[wide_products.SWITCH] = "1"
    if spec.device == "cpu":
        # For vLLM's own processes, which start with it: a scheduler and a worker, in turn on the same cores.
        environment |= KEEP_FREED_MEMORY | spinning(SPIN_BESIDE_OTHERS)
        # Under a cpuset (a container's, a batch job's) the cores that this process may use start anywhere.
        allowed = sorted(os.sched_getaffinity(0))
        if (wanted := 1 + max((core for worker in spec.cpus for core in worker), default=-1)) > len(allowed):
            raise ValueError(
                f"{spec.name} was placed on core {wanted} of its node, but a process there may use {len(allowed)} "
                f"({', '.join(map(str, allowed))}): write cluster.cpus_per_node: {len(allowed)}, or, where Ray runs "
                f"already, start it on that node with --num-cpus {len(allowed)}"
            )
        bound = [",".join(str(allowed[core]) for core in worker) for worker in spec.cpus]
        environment["VLLM_CPU_OMP_THREADS_BIND"] = "|".join(bound) or "nobind"
    return environment


def engine_arguments(spec: EngineSpec) -> dict[str, Any]:
    """Arguments of vLLM's `AsyncEngineArgs` for this engine."""
    rollout = spec.rollout
    arguments: dict[str, Any] = {
        "model": spec.model_dir,
        "dtype": spec.dtype,
        "tensor_parallel_size": rollout.tensor_parallel,
        # Inside a Ray actor vLLM would start its workers through Ray, and wait for ever for the bundles: they are ours.
        "distributed_executor_backend": "mp" if rollout.tensor_parallel > 1 else "uni",
        "max_model_len": spec.max_model_len,
        "max_num_seqs": rollout.max_concurrent_sequences,
        "enforce_eager": rollout.enforce_eager,
        "enable_prefix_caching": prefix_caching(rollout.prefix_caching, spec.model_dir),
        "seed": spec.seed,
        # Log-probabilities of the distribution that tokens are drawn from: importance ratios need these.
        "logprobs_mode": "processed_logprobs",
        "worker_extension_cls": spec.worker_extension,
        "weight_transfer_config": {"backend": spec.weight_backend},
        "skip_tokenizer_init": not rollout.stop and not (Path(spec.model_dir) / "tokenizer.json").exists(),
        "disable_log_stats": True,
        "enable_log_requests": False,
    }
    if rollout.max_batched_tokens is not None:
        arguments["max_num_batched_tokens"] = rollout.max_batched_tokens
    if rollout.repetition.certain_tokens:
        arguments["logits_processors"] = ["rlhf.rollout.certain_stop:CertainStop"]
    if spec.device == "cpu":
        arguments["kv_cache_memory_bytes"] = int(rollout.kv_cache_gib * (1 << 30))
        arguments["block_size"] = CPU_BLOCK_SIZE
    else:
        arguments["gpu_memory_utilization"] = rollout.gpu_memory_utilization
    return arguments


def sampling_parameters(rollout: RolloutConfig, sampling: Sampling, end: int | None) -> Any:
    """vLLM's `SamplingParams` of a request for responses. end: the model's end token."""
    from vllm import SamplingParams
    from vllm.sampling_params import RepetitionDetectionParams, RequestOutputKind

    if sampling.plain:
        rollout = rollout.model_copy(
            update={"min_response_tokens": 0, "stop_token_ids": [], "repetition": RepetitionConfig()}
        )
    rules = rollout.repetition
    loops = certain = None
    if rules.longest_pattern:
        loops = RepetitionDetectionParams(rules.longest_pattern, rules.shortest_pattern, rules.count)
    if rules.certain_tokens:
        if end is None:
            raise ValueError("rollout.repetition.certain_tokens ends a response by the model's end token; it has none")
        certain = {CERTAIN_STOP: [rules.certain_tokens, rules.certain_probability, end]}
    return SamplingParams(
        n=sampling.n,
        temperature=sampling.temperature,
        max_tokens=sampling.max_tokens,
        min_tokens=min(rollout.min_response_tokens, sampling.max_tokens),
        top_p=rollout.top_p if sampling.top_p is None else sampling.top_p,
        top_k=rollout.top_k if sampling.top_k is None else sampling.top_k,
        min_p=rollout.min_p if sampling.min_p is None else sampling.min_p,
        stop=list(rollout.stop) or None,
        include_stop_str_in_output=bool(rollout.stop),
        stop_token_ids=sorted({*rollout.stop_token_ids, *([end] if certain and end is not None else [])}) or None,
        repetition_detection=loops,
        extra_args=certain,
        logprobs=None if sampling.plain else 0,
        flat_logprobs=not sampling.plain,
        detokenize=bool(rollout.stop),
        output_kind=RequestOutputKind.FINAL_ONLY,
    )
