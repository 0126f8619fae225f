"""One vLLM engine: prompts in, sampled responses with log-probabilities and weight versions out.

Ray-free: `cluster/` wraps it as an actor. vLLM runs its model in a process of its own; this class drives it
through `AsyncLLM`, publishes weights into it through vLLM's weight-transfer protocol, and answers for what it
holds after a publication.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rlhf.memory import KEEP_FREED_MEMORY
from rlhf.publication import EngineProof, Manifest, StalePublicationError
from rlhf.recipe.schema import RolloutConfig
from rlhf.rollout import wide_products
from rlhf.rollout.handover import Handover
from rlhf.rollout.plugin import WEIGHT_BACKEND
from rlhf.rollout.sampling import EngineLostError, GenerationAbortedError, RawSample, Sampling
from rlhf.types import Segment

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


class VllmEngine:
    """Use: `await start()`, then `generate` concurrently, `publish` whenever no other publication runs."""

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.version = 0
        self._llm: Any = None
        self._handover: Handover | None = None
        self._requests = 0

    async def start(self) -> None:
        """Load the model; 20 to 60 s on a CPU, most of it imports."""
        os.environ.update(engine_environment(self.spec))
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        self._llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**engine_arguments(self.spec)))
        self._handover = Handover(self._llm)
        from vllm.distributed.weight_transfer.base import WeightTransferInitRequest

        if self.spec.weight_backend == WEIGHT_BACKEND:
            await self._llm.init_weight_transfer_engine(WeightTransferInitRequest(init_info={}))
        await self._llm.update_weight_version(str(self.version))

    async def generate(self, prompt_ids: Sequence[int], sampling: Sampling) -> list[RawSample]:
        """`sampling.n` responses to one prompt, as soon as the last of them is complete."""
        request_id = self._request_id()
        final = await self._last_output(prompt_ids, self._parameters(sampling), request_id)
        if final is None or len(final.outputs) != sampling.n:
            came = 0 if final is None else len(final.outputs)
            raise GenerationAbortedError(f"{request_id}: {came} of {sampling.n} responses came")
        return [_raw_sample(o, request_id) for o in sorted(final.outputs, key=lambda o: o.index)]

    async def publish(self, manifest: Manifest) -> EngineProof:
        """Load a publication and answer for it: every checksum, and the canary's log-probabilities."""
        from vllm.v1.engine.exceptions import EngineDeadError

        try:
            await self._llm.pause_generation(mode=self.spec.rollout.publish_mode, clear_cache=True)
            await self._receive(manifest)
            checksums = await self.checksums()
            await self._llm.resume_generation()
        except EngineDeadError as error:
            raise EngineLostError(f"{self.spec.name}: its vLLM process ended") from error
        self.version = manifest.version
        held = int(await self._llm.get_weight_version())
        return EngineProof(self.spec.name, held, checksums, await self.canary(manifest.canary_ids))

    async def _receive(self, manifest: Manifest) -> None:
        """From shared memory, or, where the manifest names none, from a learner that pushes."""
        from vllm.distributed.weight_transfer.base import WeightTransferUpdateRequest

        if not manifest.path:
            await self.handover.receive(manifest.version)
            return
        with _held_open(manifest) as path:
            await self._llm.start_weight_update()
            await self._llm.update_weights(WeightTransferUpdateRequest(update_info={"path": path}))
            await self._llm.finish_weight_update(str(manifest.version))

    @property
    def handover(self) -> Handover:
        """Where a learner pushes weights; the engine must have started."""
        assert self._handover is not None
        return self._handover

    async def checksums(self) -> dict[str, list[int]]:
        """Checkpoint name -> checksums of what the engine computes with; pieces of several workers added up."""
        pieces = await self._llm.collective_rpc("longthought_checksums")
        if len(pieces) == 1:
            return pieces[0]
        total: dict[str, list[int]] = {}
        for worker in pieces:
            for name, values in worker.items():
                so_far = total.get(name, [0] * len(values))
                total[name] = [(a + b) % (1 << 64) for a, b in zip(so_far, values, strict=True)]
        return total

    async def canary(self, token_ids: Sequence[int]) -> tuple[float, ...]:
        """Log-probability of token_ids[1:] under the weights held now, at temperature 1."""
        from vllm import SamplingParams

        parameters = SamplingParams(max_tokens=1, prompt_logprobs=0, detokenize=False, skip_reading_prefix_cache=True)
        final = await self._last_output(token_ids, parameters, self._request_id())
        if final is None or final.prompt_logprobs is None:
            raise GenerationAbortedError(f"{self.spec.name}: the canary prompt came back without log-probabilities")
        return tuple(float(p[t].logprob) for p, t in zip(final.prompt_logprobs[1:], token_ids[1:], strict=True))

    def shutdown(self) -> None:
        if self._llm is not None:
            self._llm.shutdown()
            self._llm = None

    def _request_id(self) -> str:
        self._requests += 1
        return f"{self.spec.name}-{self._requests}"

    async def _last_output(self, prompt_ids: Sequence[int], parameters: Any, request_id: str) -> Any:
        """The finished request. Raises EngineLostError if vLLM's process ends meanwhile."""
        from vllm.inputs import TokensPrompt
        from vllm.v1.engine.exceptions import EngineDeadError

        final = None
        prompt = TokensPrompt(prompt_token_ids=list(prompt_ids))
        try:
            async for output in self._llm.generate(prompt, parameters, request_id):
                final = output
        except EngineDeadError as error:
            raise EngineLostError(f"{self.spec.name}: its vLLM process ended") from error
        return final

    def _parameters(self, sampling: Sampling) -> Any:
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        rollout = self.spec.rollout
        return SamplingParams(
            n=sampling.n,
            temperature=sampling.temperature,
            max_tokens=sampling.max_tokens,
            min_tokens=min(rollout.min_response_tokens, sampling.max_tokens),
            top_p=rollout.top_p,
            top_k=rollout.top_k,
            min_p=rollout.min_p,
            stop=list(rollout.stop) or None,
            include_stop_str_in_output=bool(rollout.stop),
            stop_token_ids=list(rollout.stop_token_ids) or None,
            logprobs=0,
            flat_logprobs=True,
            detokenize=bool(rollout.stop),
            output_kind=RequestOutputKind.FINAL_ONLY,
        )


@contextmanager
def _held_open(manifest: Manifest) -> Iterator[str]:
    """A path of the published weights that stays good meanwhile, also if the learner replaces them."""
    try:
        fd = os.open(manifest.path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise StalePublicationError(f"version {manifest.version} is no longer at {manifest.path}") from error
    try:
        yield f"/proc/{os.getpid()}/fd/{fd}"
    finally:
        os.close(fd)


def engine_environment(spec: EngineSpec) -> dict[str, str]:
    """What vLLM reads from the environment, set before it is imported."""
    environment = {
        "VLLM_PLUGINS": "longthought",
        "VLLM_LOGGING_LEVEL": os.environ.get("VLLM_LOGGING_LEVEL", "WARNING"),
        "VLLM_NO_USAGE_STATS": "1",
        "LONGTHOUGHT_ENGINE_OWNER": str(os.getpid()),
        "TOKENIZERS_PARALLELISM": "false",
    }
    if spec.weight_backend == "ipc":
        # Memory handles travel from this process to its own vLLM process as pickles; nothing else does.
        environment["VLLM_ALLOW_INSECURE_SERIALIZATION"] = "1"
    if spec.rollout.wide_products == "on" or (
        spec.rollout.wide_products == "auto" and wide_products.is_worth_it(spec.dtype, spec.device)
    ):
        environment[wide_products.SWITCH] = "1"
    if spec.device == "cpu":
        environment |= KEEP_FREED_MEMORY  # for vLLM's own processes, which start with it
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
        "enable_prefix_caching": rollout.prefix_caching,
        "seed": spec.seed,
        # Log-probabilities of the distribution that tokens are drawn from: importance ratios need these.
        "logprobs_mode": "processed_logprobs",
        "worker_extension_cls": spec.worker_extension,
        "weight_transfer_config": {"backend": spec.weight_backend},
        "skip_tokenizer_init": not rollout.stop and not (Path(spec.model_dir) / "tokenizer.json").exists(),
        "disable_log_stats": True,
        "enable_log_requests": False,
    }
    if spec.device == "cpu":
        arguments["kv_cache_memory_bytes"] = int(rollout.kv_cache_gib * (1 << 30))
        arguments["block_size"] = CPU_BLOCK_SIZE
    else:
        arguments["gpu_memory_utilization"] = rollout.gpu_memory_utilization
    return arguments


def _raw_sample(output: Any, request_id: str) -> RawSample:
    """vLLM's completion as segments by weight version; a response that was cut off raises."""
    if output.finish_reason not in ("stop", "length"):
        raise GenerationAbortedError(f"{request_id}: response {output.index} ended with {output.finish_reason!r}")
    tokens = np.asarray(output.token_ids, dtype=np.int32)
    logp = np.asarray(output.logprobs.logprobs, dtype=np.float32)
    if len(logp) != len(tokens) or not output.weight_versions:
        raise RuntimeError(f"{request_id}: {len(tokens)} tokens came with {len(logp)} log-probabilities")
    segments = tuple(
        Segment(int(span.version), tokens[span.start : span.end], logp[span.start : span.end])
        for span in output.weight_versions
    )
    return RawSample(segments, output.finish_reason, output.text or None)
