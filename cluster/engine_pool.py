"""All rollout engines as one: the least busy is asked next; one that is lost is replaced while the others go on."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

from rlhf.publication import EngineProof, Manifest, PublicationError, StalePublicationError, require_proof
from rlhf.rollout.sampling import EngineLostError, RawSample, Sampling

T = TypeVar("T")
_MAX_REPLACEMENTS = 5  # of one engine in a run: beyond that something is wrong that a restart does not mend


class EngineProcess(Protocol):
    """A handle on one engine's actor."""

    name: str

    @property
    def actor(self) -> Any:
        """What a learner that pushes weights calls."""
        ...

    async def start(self) -> None: ...
    async def generate(self, prompt_ids: Sequence[int], sampling: Sampling) -> list[RawSample]: ...
    async def publish(self, manifest: Manifest) -> EngineProof: ...
    def kill(self) -> None: ...


MakeEngine = Callable[[int], EngineProcess]
Notify = Callable[[str], None]
Push = Callable[[Manifest, Sequence[Any]], Awaitable[None]]


@dataclasses.dataclass(slots=True)
class _Slot:
    index: int
    engine: EngineProcess
    busy: int = 0
    alive: bool = False
    replacing: bool = False
    replaced: int = 0


class EnginePool:
    """Implements `rlhf.protocols.Engines`.

    push: brings weights that lie in no shared memory into engine actors that wait for them.
    """

    def __init__(self, count: int, make: MakeEngine, notify: Notify, push: Push | None = None) -> None:
        self._make = make
        self._notify = notify
        self._push = push
        self._slots = [_Slot(index, make(index)) for index in range(count)]
        self._manifest: Manifest | None = None
        self._changed = asyncio.Condition()
        self._publishing = asyncio.Lock()
        self._replacing: set[asyncio.Task[None]] = set()
        self._lost = 0
        self._failure: Exception | None = None
        self._closed = False

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
            answers = await self._into(living, manifest)
        async with self._changed:
            self._changed.notify_all()  # a replacement may wait for weights that can be had
        proofs = []
        for answer in answers:
            if isinstance(answer, EngineLostError):
                continue
            if isinstance(answer, BaseException):
                raise answer
            proofs.append(answer)
        if not proofs:
            await self._least_busy()  # all were lost: wait for a replacement, which has proven the same weights
        return proofs

    async def _into(self, slots: Sequence[_Slot], manifest: Manifest) -> list[EngineProof | BaseException]:
        """Each engine's proof, or what it raised. Raises what the push raises: its engines hold half of the weights."""
        answers = [asyncio.ensure_future(self._guard(slot, slot.engine.publish(manifest))) for slot in slots]
        if slots and self._push is not None and not manifest.path:
            pushing = asyncio.ensure_future(self._push(manifest, [slot.engine.actor for slot in slots]))
            try:
                await self._pushed(pushing, answers)
            except BaseException:
                for waiting in (pushing, *answers):
                    waiting.cancel()
                await asyncio.gather(pushing, *answers, return_exceptions=True)
                raise
        return await asyncio.gather(*answers, return_exceptions=True)

    async def _pushed(self, pushing: asyncio.Future[None], answers: Sequence[asyncio.Future[EngineProof]]) -> None:
        """Wait for the push, or for an engine to fail under it: the sender would then wait for it for ever."""
        both: list[asyncio.Future[Any]] = [pushing, *answers]
        await asyncio.wait(both, return_when=asyncio.FIRST_EXCEPTION)
        for answer in answers:
            if answer.done() and (error := answer.exception()) is not None:
                raise PublicationError(
                    f"{error}, while weights were being pushed to it: the others hold half of them; "
                    "go on from the last checkpoint with --resume"
                ) from error
        await pushing

    async def _least_busy(self) -> _Slot:
        async with self._changed:
            while not any(slot.alive for slot in self._slots):
                if self._failure is not None and not any(slot.replacing for slot in self._slots):
                    raise self._failure
                await self._changed.wait()
            return min((s for s in self._slots if s.alive), key=lambda s: s.busy)

    async def _guard(self, slot: _Slot, work: Awaitable[T]) -> T:
        engine = slot.engine
        try:
            return await work
        except EngineLostError as error:
            if slot.engine is engine and slot.alive and not self._closed:
                slot.alive = False
                self._lost += 1
                self._notify(f"{engine.name} was lost ({error}); replacing it, its prompts are handed out again")
                task = asyncio.create_task(self._replace(slot))
                self._replacing.add(task)
                task.add_done_callback(self._replacing.discard)
            raise

    async def _replace(self, slot: _Slot) -> None:
        """A fresh engine in the same place, with the newest weights, before it serves anyone."""
        slot.replacing = True
        try:
            while not await self._restarted(slot):
                pass
            self._notify(f"{slot.engine.name} is back")
        except Exception as error:  # noqa: BLE001 - whatever it was, this engine does not come back
            # Of a type that nobody retries: raised to whoever asks for an engine when no other is left.
            self._failure = RuntimeError(f"{slot.engine.name} could not be replaced: {error}")
            self._failure.__cause__ = error
            self._notify(str(self._failure))
        slot.replacing = False
        async with self._changed:
            self._changed.notify_all()

    async def _restarted(self, slot: _Slot) -> bool:
        """Whether another engine serves in this place now; False if that one was lost too."""
        slot.engine.kill()
        slot.replaced += 1
        if slot.replaced > _MAX_REPLACEMENTS:
            raise RuntimeError(f"it was lost {slot.replaced} times in this run")
        slot.engine = self._make(slot.index)
        try:
            await slot.engine.start()
            while (stale := await self._catch_up(slot)) is not None:
                await self._newer_than(stale)
        except EngineLostError as error:
            self._notify(f"{slot.engine.name} was lost again while it started ({error})")
            return False
        return True

    async def _newer_than(self, manifest: Manifest) -> None:
        async with self._changed:
            await self._changed.wait_for(lambda: self._manifest is not manifest)

    async def _catch_up(self, slot: _Slot) -> Manifest | None:
        """Let the fresh engine prove the newest weights, and serve. The manifest if its weights are gone already."""
        async with self._publishing:
            if (manifest := self._manifest) is not None:
                try:
                    (answer,) = await self._into([slot], manifest)
                    if isinstance(answer, BaseException):
                        raise answer
                except StalePublicationError:
                    return manifest
                require_proof(manifest, [answer])
            slot.alive = True
        return None

    def metrics(self) -> Mapping[str, float]:
        return {
            "engines/alive": float(sum(slot.alive for slot in self._slots)),
            "engines/lost": float(self._lost),
        }

    def processes(self) -> list[Any]:
        return [slot.engine for slot in self._slots]

    async def close(self) -> None:
        self._closed = True  # what is still asked of the engines is lost with them, and none is started for it
        for task in list(self._replacing):
            task.cancel()
        await asyncio.gather(*self._replacing, return_exceptions=True)
        for slot in self._slots:
            slot.engine.kill()
