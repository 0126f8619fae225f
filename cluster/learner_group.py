"""All learner ranks as one. Every call goes to every rank: they are collective."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from cluster.actors import LearnerActor, Rendezvous
from cluster.runtime import with_environment
from rlhf.learner.spec import LearnerSpec, StepResult
from rlhf.publication import Manifest
from rlhf.recipe.schema import AlgorithmConfig
from rlhf.types import Batch, TrainSequence


class LearnerLostError(RuntimeError):
    """A learner rank ended. Its state is in the last checkpoint: `--resume` goes on from there."""


_MEETING_S = 120.0  # for an actor of rank 0's bundle to start and answer

# gloo connects the ranks of one node over loopback alone. NCCL still takes an interface of its own choice: rank 0
# also sends weights through it, and those engines may be on other nodes.
_ONE_NODE_ENVIRONMENT = {"GLOO_SOCKET_IFNAME": "lo"}


class LearnerGroup:
    """Implements `rlhf.protocols.Learner`.

    one_node: all ranks run on one node, so they meet at 127.0.0.1; else at the address of rank 0's node.
    """

    def __init__(
        self,
        specs: Sequence[LearnerSpec],
        options: Sequence[dict[str, Any]],
        tokenizer_dir: str,
        algorithm: AlgorithmConfig,
        norm_length: int,
        one_node: bool = False,
    ) -> None:
        if len(specs) > 1:
            rendezvous = ray.remote(Rendezvous).options(**options[0]).remote()
            address, port = ray.get(rendezvous.address.remote(one_node), timeout=_MEETING_S)
            if one_node:
                options = [with_environment(o, _ONE_NODE_ENVIRONMENT) for o in options]
            specs = [replace(spec, master_addr=address, master_port=port) for spec in specs]
        remote = ray.remote(LearnerActor)
        self._ranks = [
            remote.options(max_restarts=0, **o).remote(s, tokenizer_dir, algorithm, norm_length)
            for s, o in zip(specs, options, strict=True)
        ]
        self._remote_weights: tuple[int, Any] | None = None

    async def start(self) -> tuple[str, ...]:
        """Wait until every rank has its model; what the user should be told."""
        return (await self._all("ready"))[0]

    async def update(self, batch: Batch) -> StepResult:
        return (await self._all("update", ray.put(batch)))[0]

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

    async def save(self, folder: Path) -> None:
        await self._all("save", str(folder))

    async def load(self, folder: Path) -> None:
        await self._all("load", str(folder))

    async def export(self, folder: Path) -> None:
        await self._all("export", str(folder))

    def kill(self) -> None:
        for rank in self._ranks:
            ray.kill(rank)

    async def _all(self, method: str, *arguments: Any) -> list[Any]:
        calls = [getattr(rank, method).remote(*arguments) for rank in self._ranks]
        try:
            return list(await asyncio.gather(*calls))
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from error
        except RayActorError as error:
            raise LearnerLostError(f"a learner rank ended during {method}: {error}") from error
