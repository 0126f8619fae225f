"""Waiting that can be timed, and that a stop request can end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class StopRequestedError(Exception):
    """SIGINT or SIGTERM came while something was waited for."""


async def unless(stop: asyncio.Event, work: Awaitable[T]) -> T:
    """The result of `work`; StopRequestedError, with `work` cancelled, as soon as `stop` is set."""
    task, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    await asyncio.wait({task, stopped}, return_when=asyncio.FIRST_COMPLETED)
    stopped.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    raise StopRequestedError


async def timed(stage: str, seconds: dict[str, float], work: Awaitable[T]) -> T:
    """The result of `work`, noting under `stage` how long it took."""
    started = time.monotonic()
    result = await work
    seconds[stage] = time.monotonic() - started
    return result
