"""vLLM's weight-sync client over engine actors: the learner's sender drives all engines as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ray


class RayEngineClient:
    """Structurally vLLM's `VLLMWeightSyncClient`. workers: processes of each engine (its tensor-parallel size)."""

    def __init__(self, engines: Sequence[Any], workers: int) -> None:
        self._engines = list(engines)
        self._workers = workers

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None:
        """Every engine's workers take ranks of their own: vLLM numbers them from `rank_offset` in each engine."""
        ray.get([e.join.remote(self._numbered(init_info, i)) for i, e in enumerate(self._engines)])

    def _numbered(self, init_info: dict[str, Any], index: int) -> dict[str, Any]:
        if "rank_offset" not in init_info:
            return init_info
        return init_info | {"rank_offset": init_info["rank_offset"] + index * self._workers}

    def start_weight_update(self) -> None:
        ray.get([e.start_weights.remote() for e in self._engines])

    def update_weights(self, update_info: Any) -> None:
        payload = ray.put(update_info)
        ray.get([e.update_weights.remote(payload) for e in self._engines])

    def finish_weight_update(self, weight_version: str | None = None) -> None:
        """The engines know the version: it came with the manifest."""
        ray.get([e.finish_weights.remote() for e in self._engines])
