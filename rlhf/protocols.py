"""The seams of the loop: what the trainer, the rollouter and the evaluation are given.

`cluster/` implements these with Ray actors; tests may implement them with anything. All axes as in types.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

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

    async def logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        """Log-probability of every response token under the weights as they are, [R] float32 each."""
        ...

    async def reset_optimizer(self) -> None:
        """The optimizer's moments at zero; the schedule goes on."""
        ...

    async def reference_logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        """The same as `logp` under the reference policy beside the learner."""
        ...

    async def take_reference(self, keep: float = 0.0) -> None:
        """The reference becomes keep * what it was + (1 - keep) * the policy as it is."""
        ...

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


class Critic(Protocol):
    """All critic ranks as one."""

    async def values(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        """Of every response token, [R] float32 each."""
        ...

    async def update(self, batch: Batch, clip: float | None) -> StepResult:
        """One step towards the returns in the batch."""
        ...

    async def export(self, folder: Path) -> None:
        """A folder that `algorithm.critic.model` may name."""
        ...

    async def save(self, folder: Path) -> None: ...

    async def load(self, folder: Path) -> None: ...


class ReferencePolicy(Protocol):
    """A policy that the trained one is held to."""

    async def begin(self) -> None:
        """Become the policy as it is now; before the first step."""
        ...

    async def after_step(self, step: int) -> None:
        """Follow the policy, where and when the recipe says so."""
        ...

    async def logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]: ...

    async def save(self, folder: Path) -> None:
        """Its own state, where it has any that is not the learner's."""
        ...

    async def load(self, folder: Path) -> None: ...


class Verifying(Protocol):
    """The verifier pools of all nodes as one."""

    async def verify(self, prompt: Prompt, texts: Sequence[str]) -> list[dict[str, Verdict]]:
        """For every text, a verdict per reward component, by label."""
        ...

    async def metrics(self) -> Mapping[str, float]:
        """Counts by status, restarts, latencies."""
        ...
