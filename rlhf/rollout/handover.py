"""An engine's side of weights that the learner pushes (`nccl`, `ipc`): open when paused, closed when all has come."""

from __future__ import annotations

import asyncio
from typing import Any


class Handover:
    """`receive` is the engine's own wait; the other methods are called by the learner's client, in vLLM's order.

    A push that comes before the engine has paused waits for it, so either side may be first.
    """

    def __init__(self, llm: Any) -> None:
        self._llm = llm
        self._version = 0
        self._open = asyncio.Event()
        self._complete = asyncio.Event()

    async def receive(self, version: int) -> None:
        """Let one push in, which becomes `version`; returns when vLLM has finished with it."""
        self._version = version
        self._complete.clear()
        self._open.set()
        try:
            await self._complete.wait()
        finally:
            self._open.clear()

    async def join(self, init_info: dict[str, Any]) -> None:
        """Meet the learner, after leaving an earlier meeting: vLLM keeps one."""
        from vllm.distributed.weight_transfer.base import WeightTransferInitRequest

        await self._llm.shutdown_weight_transfer_engine()
        await self._llm.init_weight_transfer_engine(WeightTransferInitRequest(init_info=init_info))

    async def start(self) -> None:
        await self._open.wait()
        await self._llm.start_weight_update()

    async def update(self, update_info: Any) -> None:
        from vllm.distributed.weight_transfer.base import WeightTransferUpdateRequest

        await self._llm.update_weights(WeightTransferUpdateRequest(update_info=update_info))

    async def finish(self) -> None:
        await self._llm.finish_weight_update(str(self._version))
        self._complete.set()
