"""The seams of the loop: what the trainer, the rollouter and the evaluation are given.

`cluster/` implements these with Ray actors; tests may implement them with anything. All axes as in types.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from rlhf.learner.spec import StepResult
from rlhf.publication import EngineProof, Manifest
from rlhf.rollout.sampling import RawSample, Sampling
from rlhf.types import Batch, Prompt, TrainSequence
from verifiers.base import Verdict


class Engines(Protocol):
    """All rollout engines as one."""

    async def generate(self, prompt_ids: Sequence[int], sampling: Sampling) -> list[RawSample]:
        """Samples of one prompt from the least busy engine.

        Raises GenerationAbortedError or EngineLostError: the caller hands the prompt out again.
        """
        ...

    async def publish(self, manifest: Manifest) -> list[EngineProof]:
        """Load the weights into every engine; each engine's answer."""
        ...

    def metrics(self) -> Mapping[str, float]: ...


class Learner(Protocol):
    """All learner ranks as one."""

    async def update(self, batch: Batch) -> StepResult: ...

    async def start_stage(self, learning_rate: float, warmup_steps: int, weight_decay: float) -> None:
        """Begin another stage with the weights as they are: moments and step counter at zero, a new schedule."""
        ...

    async def sft_step(self, sequences: Sequence[TrainSequence]) -> StepResult:
        """One step on the mean negative log-likelihood of the responses."""
        ...

    async def write_weights(self, version: int, canary_ids: Sequence[int]) -> Manifest:
        """Lay out the weights for the engines, with the checksum of every tensor and the canary's answer."""
        ...

    async def save(self, folder: Path) -> None: ...

    async def load(self, folder: Path) -> None: ...

    async def export(self, folder: Path) -> None:
        """A Hugging Face folder with weights, configuration and tokenizer."""
        ...


class Verifying(Protocol):
    """The verifier pools of all nodes as one."""

    async def verify(self, prompt: Prompt, texts: Sequence[str]) -> list[dict[str, Verdict]]:
        """For every text, a verdict per reward component, by label."""
        ...

    async def metrics(self) -> Mapping[str, float]:
        """Counts by status, restarts, latencies."""
        ...
