"""The verifier pools of all nodes as one: calls go round; a pool that is lost is started anew and asked again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayActorError, RayTaskError

from cluster.actors import VerifierActor
from rlhf.recipe.schema import RewardComponent, VerifyConfig
from rlhf.types import Prompt
from verifiers.base import Verdict

_ATTEMPTS = 3
_CONCURRENCY = 64


class VerifierService:
    """Implements `rlhf.protocols.Verifying`."""

    def __init__(
        self,
        options: Sequence[dict[str, Any]],
        verify: VerifyConfig,
        reward: Sequence[RewardComponent],
        notify: Callable[[str], None],
    ) -> None:
        self._options = list(options)
        self._arguments = (verify, tuple(reward), [str(Path.cwd())])
        self._notify = notify
        self._actors = [self._make(i) for i in range(len(options))]
        self._turn = itertools.count()
        self._lost = 0

    def _make(self, index: int) -> Any:
        remote = ray.remote(VerifierActor).options(max_concurrency=_CONCURRENCY, max_restarts=0, **self._options[index])
        return remote.remote(*self._arguments)

    async def start(self) -> None:
        await asyncio.gather(*(actor.ready.remote() for actor in self._actors))

    async def verify(self, prompt: Prompt, texts: Sequence[str]) -> list[dict[str, Verdict]]:
        for _ in range(_ATTEMPTS):
            index = next(self._turn) % len(self._actors)
            actor = self._actors[index]
            try:
                return await actor.verify.remote(prompt.text, prompt.reference, dict(prompt.metadata), list(texts))
            except RayTaskError as error:
                raise error.cause if isinstance(error.cause, Exception) else error from error
            except RayActorError as error:
                last = error
                if self._actors[index] is actor:
                    self._lost += 1
                    self._notify("a verifier pool was lost; starting another, its samples are judged again")
                    self._actors[index] = self._make(index)
        raise RuntimeError(f"the verifier pool was lost {_ATTEMPTS} times judging prompt {prompt.id}") from last

    async def metrics(self) -> Mapping[str, float]:
        """Of all pools together: counts are added, latencies are the worst pool's."""
        answers = await asyncio.gather(*(actor.stats.remote() for actor in self._actors), return_exceptions=True)
        rows = [answer for answer in answers if isinstance(answer, dict)]  # a pool just lost has nothing to say
        together = {}
        for key in rows[0] if rows else ():
            together[key] = (max if "latency" in key else sum)(row[key] for row in rows)
        return {"verifier/pools_lost": float(self._lost), **{f"verifier/{k}": v for k, v in together.items()}}

    async def close(self) -> None:
        await asyncio.gather(*(actor.close.remote() for actor in self._actors), return_exceptions=True)
        for actor in self._actors:
            ray.kill(actor)
