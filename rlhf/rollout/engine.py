"""One vLLM engine: prompts in, sampled responses with log-probabilities and weight versions out.

Ray-free: `cluster/` wraps it as an actor. vLLM runs its model in a process of its own; this class drives it
through `AsyncLLM`, publishes weights into it through vLLM's weight-transfer protocol, and answers for what it
holds after a publication.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rlhf.publication import EngineProof, Manifest, StalePublicationError
from rlhf.rollout.completion import plain_sample, raw_sample
from rlhf.rollout.engine_options import EngineSpec, engine_arguments, engine_environment, sampling_parameters
from rlhf.rollout.handover import Handover
from rlhf.rollout.plugin import WEIGHT_BACKEND
from rlhf.rollout.sampling import EngineLostError, GenerationAbortedError, RawSample, Sampling


class VllmEngine:
    """Use: `await start()`, then `generate` concurrently, `publish` whenever no other publication runs."""

    def __init__(self, spec: EngineSpec) -> None:
        self.spec = spec
        self.version = 0
        self._llm: Any = None
        self._handover: Handover | None = None
        self._requests = 0
        self._end: int | None = None

    async def start(self) -> None:
        """Load the model; 20 to 60 s on a CPU, most of it imports."""
        os.environ.update(engine_environment(self.spec))
        from vllm.engine.arg_utils import AsyncEngineArgs
        from vllm.v1.engine.async_llm import AsyncLLM

        self._llm = AsyncLLM.from_engine_args(AsyncEngineArgs(**engine_arguments(self.spec)))
        self._handover = Handover(self._llm)
        ends = self._llm.model_config.hf_text_config.eos_token_id
        self._end = ends[0] if isinstance(ends, list) else ends
        from vllm.distributed.weight_transfer.base import WeightTransferInitRequest

        if self.spec.weight_backend == WEIGHT_BACKEND:
            await self._llm.init_weight_transfer_engine(WeightTransferInitRequest(init_info={}))
        await self._llm.update_weight_version(str(self.version))

    async def generate(self, prompt_ids: Sequence[int], sampling: Sampling) -> list[RawSample]:
        """`sampling.n` responses to one prompt, as soon as the last of them is complete."""
        request_id = self._request_id()
        rollout = self.spec.rollout
        parameters = sampling_parameters(rollout, sampling, self._end)
        final = await self._last_output(prompt_ids, parameters, request_id)
        if final is None or len(final.outputs) != sampling.n:
            came = 0 if final is None else len(final.outputs)
            raise GenerationAbortedError(f"{request_id}: {came} of {sampling.n} responses came")
        in_order = sorted(final.outputs, key=lambda output: output.index)
        if sampling.plain:
            return [plain_sample(output, request_id) for output in in_order]
        return [raw_sample(output, request_id, rollout.repetition, self._end) for output in in_order]

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
