"""All rollout engines as one: the least busy is asked next; one that is lost is replaced while the others go on."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from rlhf.publication import EngineProof, Manifest
from rlhf.rollout.sampling import EngineLostError, GenerationAbortedError, RawSample, Sampling

T = TypeVar("T")
_MAX_REPLACEMENTS = 5  # of one engine in a run: beyond that something is wrong that a restart does not mend


class EngineProcess(Protocol):
    """A handle on one engine's actor."""

    name: str

    async def start(self) -> None: ...
    async def generate(self, prompt_ids: Sequence[int], sampling: Sampling) -> list[RawSample]: ...
    async def publish(self, manifest: Manifest) -> EngineProof: ...
    def kill(self) -> None: ...


MakeEngine = Callable[[int], EngineProcess]
Notify = Callable[[str], None]


@dataclasses.dataclass(slots=True)
class _Slot:
    index: int
    engine: EngineProcess
    busy: int = 0
    alive: bool = False
    replaced: int = 0


class EnginePool:
    """Implements `rlhf.protocols.Engines`."""

    def __init__(self, count: int, make: MakeEngine, notify: Notify) -> None:
        self._make = make
        self._notify = notify
        self._slots = [_Slot(index, make(index)) for index in range(count)]
        self._manifest: Manifest | None = None
        self._changed = asyncio.Condition()
        self._publishing = asyncio.Lock()
        self._replacing: set[asyncio.Task[None]] = set()
        self._lost = 0
        self._failure: Exception | None = None

    async def start(self) -> None:
        """Start all engines at once; an engine that cannot start at all is an error, not something to retry."""
        await asyncio.gather(*(slot.engine.start() for slot in self._slots))
        for slot in self._slots:
            slot.alive = True

    async def generate(self, prompt_ids: Sequence[int], sampling: Sampling) -> list[RawSample]:
        slot = await self._least_busy()
        slot.busy += 1
        try:
            samples = await self._guard(slot, slot.engine.generate(prompt_ids, sampling))
        finally:
            slot.busy -= 1
        return [dataclasses.replace(sample, engine=slot.engine.name) for sample in samples]

    async def publish(self, manifest: Manifest) -> list[EngineProof]:
        """Into every living engine at once. One that is lost meanwhile gets the weights when it is replaced."""
        async with self._publishing:
            self._manifest = manifest
            living = [slot for slot in self._slots if slot.alive]
            answers = await asyncio.gather(
                *(self._guard(slot, slot.engine.publish(manifest)) for slot in living), return_exceptions=True
            )
        proofs = []
        for answer in answers:
            if isinstance(answer, EngineLostError):
                continue
            if isinstance(answer, BaseException):
                raise answer
            proofs.append(answer)
        if not proofs:
            slot = await self._least_busy()  # all were lost: wait for a replacement, which has loaded the manifest
            proofs.append(await self._guard(slot, slot.engine.publish(manifest)))
        return proofs

    async def _least_busy(self) -> _Slot:
        async with self._changed:
            while not any(slot.alive for slot in self._slots):
                if self._failure is not None:
                    raise self._failure
                await self._changed.wait()
            return min((s for s in self._slots if s.alive), key=lambda s: s.busy)

    async def _guard(self, slot: _Slot, work: Awaitable[T]) -> T:
        engine = slot.engine
        try:
            return await work
        except EngineLostError as error:
            if slot.engine is engine and slot.alive:
                slot.alive = False
                self._lost += 1
                self._notify(f"{engine.name} was lost ({error}); replacing it, its prompts are handed out again")
                task = asyncio.create_task(self._replace(slot))
                self._replacing.add(task)
                task.add_done_callback(self._replacing.discard)
            raise

    async def _replace(self, slot: _Slot) -> None:
        """A fresh engine in the same place, with the newest weights, before it serves anyone."""
        slot.engine.kill()
        slot.replaced += 1
        try:
            if slot.replaced > _MAX_REPLACEMENTS:
                raise RuntimeError(f"{slot.engine.name} was lost {slot.replaced} times in this run: giving it up")
            engine = self._make(slot.index)
            slot.engine = engine
            await engine.start()
            async with self._publishing:
                if self._manifest is not None:
                    await engine.publish(self._manifest)
                slot.alive = True
            self._notify(f"{engine.name} is back")
        except (EngineLostError, GenerationAbortedError, RuntimeError) as error:
            self._failure = error
            self._notify(f"{slot.engine.name} could not be replaced: {error}")
        async with self._changed:
            self._changed.notify_all()

    def metrics(self) -> Mapping[str, float]:
        return {
            "engines/alive": float(sum(slot.alive for slot in self._slots)),
            "engines/lost": float(self._lost),
        }

    def processes(self) -> list[Any]:
        return [slot.engine for slot in self._slots]

    async def close(self) -> None:
        for task in list(self._replacing):
            task.cancel()
        await asyncio.gather(*self._replacing, return_exceptions=True)
        for slot in self._slots:
            slot.engine.kill()
