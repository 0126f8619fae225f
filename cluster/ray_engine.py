"""An engine behind a Ray actor, as `EnginePool` wants it: Ray's ways of failing become EngineLostError."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from cluster.actors import EngineActor
from rlhf.publication import EngineProof, Manifest
from rlhf.rollout.engine_options import EngineSpec
from rlhf.rollout.sampling import EngineLostError, RawSample, Sampling

_MAX_CONCURRENCY = 10_000  # groups waiting in one actor; vLLM queues them


class RayEngine:
    """`weights`: a callable giving the published bytes as an object reference, for an engine on another node."""

    def __init__(self, spec: EngineSpec, options: dict[str, Any], weights: Any | None) -> None:
        self.name = spec.name
        self.pid: int | None = None
        self._weights = weights
        remote = ray.remote(EngineActor).options(max_concurrency=_MAX_CONCURRENCY, max_restarts=0, **options)
        self.actor = remote.remote(spec)

    async def start(self) -> None:
        _, self.pid = await self._call(self.actor.start.remote())

    async def generate(self, prompt_ids: Sequence[int], sampling: Sampling) -> list[RawSample]:
        return await self._call(self.actor.generate.remote(tuple(prompt_ids), sampling))

    async def publish(self, manifest: Manifest) -> EngineProof:
        remote = self._weights(manifest) if self._weights is not None else None
        return await self._call(self.actor.publish.remote(manifest, remote))

    def kill(self) -> None:
        ray.kill(self.actor)

    async def _call(self, reference: Any) -> Any:
        try:
            return await reference
        except asyncio.CancelledError:
            # Nobody waits for it any more (a time limit, a stop): the engine must not go on sampling it.
            ray.cancel(reference)
            raise
        except RayTaskError as error:
            raise error.cause if isinstance(error.cause, Exception) else error from error
        except RayActorError as error:
            raise EngineLostError(f"{self.name}: its process ended") from error
