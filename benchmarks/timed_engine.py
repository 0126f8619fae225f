"""An engine that says how long the two halves of its proof took."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rlhf.rollout.engine import VllmEngine
from rlhf.rollout.engine_options import EngineSpec


class TimedEngine(VllmEngine):
    """checksums_s, canary_s: of the last publication, seconds."""

    def __init__(self, spec: EngineSpec) -> None:
        super().__init__(spec)
        self.checksums_s = 0.0
        self.canary_s = 0.0

    async def checksums(self) -> dict[str, list[int]]:
        started = time.perf_counter()
        found = await super().checksums()
        self.checksums_s = time.perf_counter() - started
        return found

    async def canary(self, token_ids: Sequence[int]) -> tuple[float, ...]:
        started = time.perf_counter()
        found = await super().canary(token_ids)
        self.canary_s = time.perf_counter() - started
        return found
