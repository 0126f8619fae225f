"""The ranks of one DeepSpeed process group as one. Every call goes to every rank: they are collective."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from cluster.actors import Rendezvous
from cluster.runtime import with_environment
from rlhf.learner.spec import LearnerSpec


class LearnerLostError(RuntimeError):
    """A learner rank ended. Its state is in the last checkpoint: `--resume` goes on from there."""


_MEETING_S = 120.0  # for an actor of rank 0's bundle to start and answer

# gloo connects the ranks of one node over loopback alone. NCCL still takes an interface of its own choice: rank 0
# also sends weights through it, and those engines may be on other nodes.
_ONE_NODE_ENVIRONMENT = {"GLOO_SOCKET_IFNAME": "lo"}


class RankGroup:
    """actor: the class of one rank's actor; arguments(spec): what its constructor takes on the rank of that spec.

    one_node: all ranks run on one node, so they meet at 127.0.0.1; else at the address of rank 0's node.
    """

    def __init__(
        self,
        actor: type,
        specs: Sequence[LearnerSpec],
        options: Sequence[dict[str, Any]],
        arguments: Callable[[LearnerSpec], tuple[Any, ...]],
        one_node: bool,
    ) -> None:
        if len(specs) > 1:
            rendezvous = ray.remote(Rendezvous).options(**options[0]).remote()
            try:
                address, port = ray.get(rendezvous.address.remote(one_node), timeout=_MEETING_S)
            except GetTimeoutError as error:
                raise LearnerLostError(
                    f"rank 0's node started no process within {_MEETING_S:.0f} s to meet at: `ray status`, and the "
                    f"raylet's log on that node, tell why"
                ) from error
            if one_node:
                options = [with_environment(o, _ONE_NODE_ENVIRONMENT) for o in options]
            specs = [replace(spec, master_addr=address, master_port=port) for spec in specs]
        remote = ray.remote(actor)
        self._ranks = [
            remote.options(max_restarts=0, **o).remote(*arguments(s)) for s, o in zip(specs, options, strict=True)
        ]

    async def start(self) -> tuple[str, ...]:
        """Wait until every rank has its model; what the user should be told."""
        return (await self._all("start"))[0]

    async def save(self, folder: Path) -> None:
        await self._all("save", str(folder))

    async def load(self, folder: Path) -> None:
        await self._all("load", str(folder))

    def kill(self) -> None:
        for rank in self._ranks:
            ray.kill(rank)

    async def _all(self, method: str, *arguments: Any) -> list[Any]:
        return await answers([getattr(rank, method).remote(*arguments) for rank in self._ranks], f"learner: {method}")


async def answers(calls: Sequence[Awaitable[Any]], what: str) -> list[Any]:
    """Of all of them. Raises what an actor's method raised as itself, and LearnerLostError where an actor ended."""
    try:
        return list(await asyncio.gather(*calls))
    except RayTaskError as error:
        raise error.cause if isinstance(error.cause, Exception) else error from error
    except RayActorError as error:
        raise LearnerLostError(f"{what}: its process ended: {error}") from error
