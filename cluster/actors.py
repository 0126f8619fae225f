"""Ray actors: thin wrappers around Ray-free cores. What they do is written in `rlhf/` and `verifiers/`."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.learner_weights import LearnerWeights, free_address
from cluster.shared_weights import SharedWeights
from rlhf.learner.spec import LearnerSpec, StepResult
from rlhf.publication import EngineProof, Manifest
from rlhf.recipe.schema import AlgorithmConfig, RewardComponent, VerifyConfig
from rlhf.rollout.sampling import RawSample, Sampling
from rlhf.types import Batch, Prompt, TrainSequence

if TYPE_CHECKING:
    from rlhf.learner.reference import Reference
    from rlhf.rollout.engine_options import EngineSpec
    from verifiers.base import Verdict
    from verifiers.pool import GoldReport


class EngineActor:
    """One vLLM engine; an asyncio actor, so that many groups are in flight at once."""

    def __init__(self, spec: EngineSpec) -> None:
        from rlhf.rollout.engine import VllmEngine

        self._engine = VllmEngine(spec)
        self._weights = SharedWeights()

    async def start(self) -> tuple[str, int]:
        """The engine's name and this process's id, once it can sample."""
        await self._engine.start()
        return self._engine.spec.name, os.getpid()

    async def generate(self, prompt_ids: Sequence[int], sampling: Sampling) -> list[RawSample]:
        return await self._engine.generate(prompt_ids, sampling)

    async def publish(self, manifest: Manifest, remote_weights: np.ndarray | None) -> EngineProof:
        """remote_weights: the published bytes, where the learner is on another node."""
        if remote_weights is not None:
            manifest = dataclasses.replace(manifest, path=self._weights.write_bytes(remote_weights)[0])
        return await self._engine.publish(manifest)

    async def join(self, init_info: dict[str, Any]) -> None:
        """Meet the learner that will push weights. This and what follows: called by `RayEngineClient`."""
        await self._engine.handover.join(init_info)

    async def start_weights(self) -> None:
        await self._engine.handover.start()

    async def update_weights(self, update_info: Any) -> None:
        await self._engine.handover.update(update_info)

    async def finish_weights(self) -> None:
        await self._engine.handover.finish()


class LearnerActor:
    """One DeepSpeed rank."""

    def __init__(self, spec: LearnerSpec, tokenizer_dir: str, algorithm: AlgorithmConfig, norm_length: int) -> None:
        from rlhf.algorithms import algorithm_of

        self._spec, self._tokenizer_dir = spec, tokenizer_dir
        self._algorithm = algorithm_of(algorithm)
        self._loss = partial(self._algorithm.loss, norm_length=float(algorithm.norm_length or norm_length))

    def start(self) -> tuple[str, ...]:
        """Load the model: not when the actor is made, where what is wrong with it would end the process unexplained.

        Answers what the user should be told about how this policy is learned.
        """
        from rlhf.learner.rank import LearnerRank

        self._rank = LearnerRank(self._spec)
        self._weights = LearnerWeights(self._rank, self._spec.weight_transfer, self._spec.engine_workers)
        return self._rank.notices

    def update(self, batch: Batch) -> StepResult:
        self._weights.moved_on()
        return self._rank.update(
            batch,
            self._loss,
            old_logprobs=self._algorithm.definition.old_logprobs,
            entropy_gradient=self._algorithm.definition.entropy_coef > 0,
        )

    def logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        """Of the weights as they are, for every response token."""
        return self._rank.logp(sequences, temperature)

    def reset_optimizer(self) -> None:
        self._rank.reset_optimizer()

    def reference_logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        return self._rank.reference_logp(sequences, temperature)

    def take_reference(self, keep: float) -> None:
        self._rank.take_reference(keep)

    def start_stage(self, learning_rate: float, warmup_steps: int, weight_decay: float) -> None:
        self._rank.start_stage(learning_rate, warmup_steps, weight_decay)

    def sft_step(self, sequences: Sequence[TrainSequence]) -> StepResult:
        self._weights.moved_on()
        return self._rank.sft_step(sequences)

    def write_weights(self, version: int, canary_ids: Sequence[int]) -> Manifest | None:
        """Lay the weights out for the engines; the manifest on rank 0, None on the others."""
        return self._weights.write(version, canary_ids)

    def send_weights(self, version: int, engines: Sequence[Any]) -> None:
        """Push what `write_weights` described into these engine actors (nccl, ipc)."""
        self._weights.send(version, engines)

    def weight_bytes(self, version: int) -> np.ndarray:
        """What `write_weights` laid out, for engines elsewhere. StalePublicationError if that was another version."""
        return self._weights.bytes(version)

    def visible_gpus(self) -> str:
        """Of this process, as CUDA_VISIBLE_DEVICES has them: for an engine that shares them."""
        return os.environ["CUDA_VISIBLE_DEVICES"]

    def save(self, folder: str) -> None:
        self._rank.save(folder)

    def load(self, folder: str) -> None:
        self._weights.moved_on()
        self._rank.load(folder)

    def export(self, folder: str) -> None:
        from transformers import AutoTokenizer

        self._rank.export_hf(folder, AutoTokenizer.from_pretrained(self._tokenizer_dir))

    def close(self) -> None:
        self._rank.close()


class CriticActor:
    """One DeepSpeed rank of the value function."""

    def __init__(self, spec: LearnerSpec) -> None:
        self._spec = spec

    def start(self) -> tuple[str, ...]:
        """See LearnerActor."""
        from rlhf.learner.critic import CriticRank

        self._rank = CriticRank(self._spec)
        return self._rank.notices

    def values(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        return self._rank.values(sequences)

    def update(self, batch: Batch, clip: float | None) -> StepResult:
        return self._rank.update(batch, clip)

    def export(self, folder: str) -> None:
        self._rank.export_hf(folder)

    def save(self, folder: str) -> None:
        self._rank.save(folder)

    def load(self, folder: str) -> None:
        self._rank.load(folder)


class ReferenceActor:
    """A reference policy in a process of its own."""

    def __init__(self, spec: LearnerSpec) -> None:
        self._spec = spec
        self._reference: Reference | None = None
        self._load(spec)

    def _load(self, spec: LearnerSpec) -> None:
        from rlhf.learner.reference import Reference

        self._reference = None  # let go of before the next is read: there need be room for one only
        self._reference = Reference(spec)

    def become(self, folder: str) -> None:
        """Take the weights of a folder in Hugging Face format."""
        self._load(dataclasses.replace(self._spec, model_dir=folder))

    def logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        assert self._reference is not None
        return self._reference.scores(sequences, temperature)


class VerifierActor:
    """The verifier pool of one node. python_path: where a user's own modules are looked for, beside its own folder.

    `VerifierService` calls `stats` and `close` in threads of their own, since `verify` blocks the others.
    """

    def __init__(self, verify: VerifyConfig, reward: Sequence[RewardComponent], python_path: Sequence[str]) -> None:
        from verifiers.pool import VerifierPool

        self._reward = reward
        self._pool = VerifierPool(
            workers=verify.workers,
            timeout_s=verify.timeout_s,
            memory_mb=verify.memory_mb,
            isolation=verify.isolation,
            python_path=(*python_path, str(Path.cwd())),
        )

    def ready(self) -> list[int]:
        """Load every verifier and prove its isolation: what is wrong with one stops the run here."""
        for component in self._reward:
            self._pool.prepare(component.verifier, component.config)
        return self._pool.worker_pids()

    def check_gold(self, prompts: Sequence[Prompt]) -> dict[str, tuple[list[Prompt], GoldReport]]:
        """By the component's label: the prompts that it judges, and whose gold answers it does not accept."""
        from verifiers.base import Sample

        reports = {}
        for component in self._reward:
            of_it = [prompt for prompt in prompts if component.judges(prompt.domain)]
            samples = [Sample(prompt.text, "", prompt.reference, dict(prompt.metadata)) for prompt in of_it]
            reports[component.label] = (of_it, self._pool.check_gold(component.verifier, component.config, samples))
        return reports

    def verify(self, prompt: Prompt, texts: Sequence[str]) -> list[dict[str, Verdict]]:
        """For every text a dictionary of verdicts by the label of the components that judge this prompt."""
        from verifiers.base import Sample

        judging = [c for c in self._reward if c.judges(prompt.domain)]
        samples = [Sample(prompt.text, text, prompt.reference, dict(prompt.metadata)) for text in texts]
        futures = [{c.label: self._pool.submit(c.verifier, c.config, sample) for c in judging} for sample in samples]
        return [{label: future.result() for label, future in row.items()} for row in futures]

    def stats(self) -> dict[str, float]:
        return self._pool.stats().as_metrics()

    def close(self) -> None:
        self._pool.close()


class Rendezvous:
    """Runs in the bundle of rank 0, to find an address and a free port there."""

    def address(self, one_node: bool) -> tuple[str, int]:
        """one_node: all ranks are there."""
        return free_address(one_node)
