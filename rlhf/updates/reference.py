"""A reference policy that stands beside the learner, and how it follows the policy."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rlhf.protocols import Learner
from rlhf.recipe.algorithm_schema import KlConfig
from rlhf.types import TrainSequence


def refreshes(config: KlConfig, step: int) -> bool:
    """Whether the reference becomes the policy after so many steps."""
    return config.reference == "refreshed" and step % config.refresh_every == 0


class BesideLearner:
    """Implements `rlhf.protocols.ReferencePolicy` on the learner's own ranks."""

    def __init__(self, learner: Learner, config: KlConfig) -> None:
        self._learner, self._config = learner, config

    async def begin(self) -> None:
        await self._learner.take_reference()

    async def after_step(self, step: int) -> None:
        if self._config.reference == "ema":
            await self._learner.take_reference(self._config.ema_decay)
        elif refreshes(self._config, step):
            await self._learner.take_reference()

    async def logp(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        return await self._learner.reference_logp(sequences, temperature)

    async def save(self, folder: Path) -> None:
        """The learner's ranks save it with themselves."""

    async def load(self, folder: Path) -> None:
        """The learner's ranks load it with themselves."""
