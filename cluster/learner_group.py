"""The policy's ranks as one, and the critic's."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray

from cluster.actors import CriticActor, LearnerActor
from cluster.rank_group import RankGroup
from rlhf.learner.spec import LearnerSpec, StepResult
from rlhf.publication import Manifest
from rlhf.recipe.schema import AlgorithmConfig
from rlhf.types import Batch, TrainSequence


class LearnerGroup(RankGroup):
    """Implements `rlhf.protocols.Learner`."""

    def __init__(
        self,
        specs: Sequence[LearnerSpec],
        options: Sequence[dict[str, Any]],
        tokenizer_dir: str,
        algorithm: AlgorithmConfig,
        norm_length: int,
        one_node: bool = False,
    ) -> None:
        super().__init__(
            LearnerActor, specs, options, lambda spec: (spec, tokenizer_dir, algorithm, norm_length), one_node
        )
        self._remote_weights: tuple[int, Any] | None = None

    async def update(self, batch: Batch) -> StepResult:
        return (await self._all("update", ray.put(batch)))[0]

    async def logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        return (await self._all("logp", ray.put(sequences), temperature))[0]

    async def reset_optimizer(self) -> None:
        await self._all("reset_optimizer")

    async def reference_logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        return (await self._all("reference_logp", ray.put(sequences), temperature))[0]

    async def take_reference(self, keep: float = 0.0) -> None:
        await self._all("take_reference", keep)

    async def start_stage(self, learning_rate: float, warmup_steps: int, weight_decay: float) -> None:
        await self._all("start_stage", learning_rate, warmup_steps, weight_decay)

    async def sft_step(self, sequences: Sequence[TrainSequence]) -> StepResult:
        return (await self._all("sft_step", ray.put(sequences)))[0]

    async def write_weights(self, version: int, canary_ids: Sequence[int]) -> Manifest:
        return (await self._all("write_weights", version, tuple(canary_ids)))[0]

    async def send_weights(self, manifest: Manifest, engines: Sequence[Any]) -> None:
        """Push what `write_weights` described into engine actors (nccl, ipc)."""
        await self._all("send_weights", manifest.version, list(engines))

    async def visible_gpus(self) -> list[str]:
        """Of each rank."""
        return await self._all("visible_gpus")

    def remote_weights(self, manifest: Manifest) -> Any:
        """The published bytes in the object store: fetched from the learner once a publication."""
        if self._remote_weights is None or self._remote_weights[0] != manifest.version:
            self._remote_weights = (manifest.version, self._ranks[0].weight_bytes.remote(manifest.version))
        return self._remote_weights[1]

    async def export(self, folder: Path) -> None:
        await self._all("export", str(folder))


class CriticGroup(RankGroup):
    """Implements `rlhf.protocols.Critic`."""

    def __init__(self, specs: Sequence[LearnerSpec], options: Sequence[dict[str, Any]], one_node: bool = False) -> None:
        super().__init__(CriticActor, specs, options, lambda spec: (spec,), one_node)

    async def values(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        return (await self._all("values", ray.put(sequences)))[0]

    async def update(self, batch: Batch, clip: float | None) -> StepResult:
        return (await self._all("update", ray.put(batch), clip))[0]

    async def export(self, folder: Path) -> None:
        await self._all("export", str(folder))
