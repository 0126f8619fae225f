"""A reference policy in an actor of its own, which takes no memory of the learner's devices."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray

from cluster.actors import ReferenceActor
from cluster.rank_group import answers
from rlhf.learner.spec import LearnerSpec
from rlhf.protocols import Learner
from rlhf.recipe.algorithm_schema import KlConfig
from rlhf.types import TrainSequence
from rlhf.updates.reference import refreshes


class OwnReference:
    """Implements `rlhf.protocols.ReferencePolicy`. folder: where its weights lie, seen from every node."""

    def __init__(
        self, spec: LearnerSpec, options: dict[str, Any], learner: Learner, config: KlConfig, folder: Path
    ) -> None:
        self._learner, self._config, self._folder = learner, config, folder
        self._actor = ray.remote(ReferenceActor).options(max_restarts=0, **options).remote(spec)

    async def begin(self) -> None:
        await self._take()

    async def after_step(self, step: int) -> None:
        if refreshes(self._config, step):
            await self._take()

    async def logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        found: list[np.ndarray] = await self._call("logp", ray.put(sequences), temperature)
        return found

    async def _take(self) -> None:
        """The policy as it is, through a folder that is complete before it has its name."""
        part = self._folder.with_name(self._folder.name + ".part")
        await self._learner.export(part)
        await self._call("become", str(part))
        shutil.rmtree(self._folder, ignore_errors=True)
        part.rename(self._folder)

    async def save(self, folder: Path) -> None:
        """By hard links: a checkpoint's copy takes no room until the reference moves on. Nothing before `begin`."""
        if self._folder.is_dir():
            await asyncio.to_thread(shutil.copytree, self._folder, folder, copy_function=_link)

    async def load(self, folder: Path) -> None:
        await self._call("become", str(folder))
        shutil.rmtree(self._folder, ignore_errors=True)
        await asyncio.to_thread(shutil.copytree, folder, self._folder, copy_function=_link)

    def kill(self) -> None:
        ray.kill(self._actor)

    async def _call(self, method: str, *arguments: Any) -> Any:
        return (await answers([getattr(self._actor, method).remote(*arguments)], f"reference policy: {method}"))[0]


def _link(source: str, to: str) -> None:
    """A hard link, or a copy where the file system has none, or the two lie on two of them."""
    try:
        os.link(source, to)
    except OSError:
        shutil.copy2(source, to)
