"""Supervision of engines, with scripted ones: the real ones are killed in tests/e2e."""

import asyncio

import pytest

from cluster.engine_pool import EnginePool
from rlhf.publication import EngineProof, Manifest, PublicationError, StalePublicationError
from rlhf.rollout.sampling import EngineLostError, Sampling

SAMPLING = Sampling(2, 1.0, 8)


def manifest(version):
    return Manifest(version, "", "float32", {}, (1, 2), (-1.0,), 0, canary_tolerance=0.001)


class ScriptedEngine:
    def __init__(self, index, log):
        self.name, self.log = f"engine-{index}", log
        self.version, self.lost, self.gate = -1, False, None
        log.append(("made", self.name))

    async def start(self):
        pass

    async def generate(self, prompt_ids, sampling):
        if self.gate is not None:
            await self.gate.wait()
        if self.lost:
            raise EngineLostError(f"{self.name}: its process ended")
        return []

    async def publish(self, published):
        if self.lost:
            raise EngineLostError(f"{self.name}: its process ended")
        self.version = published.version
        return EngineProof(self.name, self.version, {}, (-1.0,))

    def kill(self):
        self.log.append(("killed", self.name))


@pytest.fixture
async def pool():
    log, notes = [], []
    made = EnginePool(2, lambda index: ScriptedEngine(index, log), notes.append)
    await made.start()
    made.log, made.notes = log, notes
    yield made
    await made.close()


async def wait_until(condition):
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("the condition never came true")


async def test_the_least_busy_engine_is_asked(pool):
    first, second = pool.processes()
    first.gate = asyncio.Event()
    waiting = asyncio.create_task(pool.generate((1,), SAMPLING))
    await asyncio.sleep(0)
    second.lost = True
    with pytest.raises(EngineLostError, match="engine-1"):
        await pool.generate((1,), SAMPLING)
    first.gate.set()
    await waiting


async def test_a_lost_engine_is_replaced_with_the_newest_weights_before_it_serves(pool):
    await pool.publish(manifest(7))
    lost = pool.processes()[0]
    lost.lost = True
    with pytest.raises(EngineLostError):
        await pool.generate((1,), SAMPLING)
    await wait_until(lambda: pool.metrics()["engines/alive"] == 2)
    fresh = pool.processes()[0]
    assert fresh is not lost
    assert fresh.version == 7
    assert ("killed", "engine-0") in pool.log
    assert pool.metrics()["engines/lost"] == 1
    assert any("replacing" in note for note in pool.notes)


async def test_one_loss_seen_by_many_requests_is_one_replacement(pool):
    engine = pool.processes()[0]
    engine.gate = asyncio.Event()
    pool.processes()[1].gate = asyncio.Event()
    tasks = [asyncio.create_task(pool.generate((i,), SAMPLING)) for i in range(4)]
    await asyncio.sleep(0)
    engine.lost = True
    engine.gate.set()
    pool.processes()[1].gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(r, EngineLostError) for r in results) == 2
    await wait_until(lambda: pool.metrics()["engines/alive"] == 2)
    assert pool.log.count(("made", "engine-0")) == 2


async def test_a_closed_pool_starts_no_engine_for_what_it_was_still_asked(pool):
    engine = pool.processes()[0]
    engine.gate = asyncio.Event()
    asked = asyncio.create_task(pool.generate((1,), SAMPLING))
    await asyncio.sleep(0)
    await pool.close()
    engine.lost = True  # as it is once it was killed
    engine.gate.set()
    with pytest.raises(EngineLostError):
        await asked
    await asyncio.sleep(0)
    assert pool.log.count(("made", "engine-0")) == 1
    assert pool.notes == []


async def test_publication_goes_on_without_a_lost_engine(pool):
    pool.processes()[1].lost = True
    proofs = await pool.publish(manifest(3))
    assert [p.engine for p in proofs] == ["engine-0"]
    await wait_until(lambda: pool.metrics()["engines/alive"] == 2)
    assert pool.processes()[1].version == 3


async def test_an_engine_that_keeps_dying_is_given_up_with_the_reason():
    def dying(index):
        engine = ScriptedEngine(index, [])
        engine.lost = True
        return engine

    pool = EnginePool(1, dying, lambda note: None)
    await pool.start()
    with pytest.raises(RuntimeError, match="could not be replaced: it was lost 6 times in this run"):
        for _ in range(50):
            try:
                await asyncio.wait_for(pool.generate((1,), SAMPLING), 5)
            except EngineLostError:
                continue
    await pool.close()


class Learner:
    """A learner that pushes: `ready` once every engine waits."""

    def __init__(self, pool_of):
        self.pool_of, self.pushed, self.hang, self.stale = pool_of, [], False, 0

    async def push(self, published, actors):
        self.pushed.append((published.version, list(actors)))
        if self.stale:
            self.stale -= 1
            raise StalePublicationError("gone")
        if self.hang:
            await asyncio.Event().wait()
        for engine in self.pool_of:
            if engine.actor in actors:
                engine.arrived.set()


class WaitingEngine(ScriptedEngine):
    """Publication waits until weights were pushed into it."""

    def __init__(self, index, log, checksums=None):
        super().__init__(index, log)
        self.actor, self.arrived = f"actor-{len(log)}", asyncio.Event()
        self.checksums, self.death = checksums or {}, asyncio.Event()

    async def publish(self, published):
        arriving, dying = asyncio.ensure_future(self.arrived.wait()), asyncio.ensure_future(self.death.wait())
        try:
            await asyncio.wait({arriving, dying}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            arriving.cancel(), dying.cancel()
        if self.death.is_set():
            raise EngineLostError(f"{self.name}: its process ended")
        self.arrived.clear()
        self.version = published.version
        return EngineProof(self.name, self.version, self.checksums, (-1.0,))


def pushing_pool(count=2, **changes):
    log, made, notes = [], [], []
    learner = Learner(made)

    def make(index):
        engine = WaitingEngine(index, log, **(changes if len(made) >= count else {}))
        made.append(engine)
        return engine

    pool = EnginePool(count, make, notes.append, learner.push)
    return pool, learner, made, notes


async def test_pushed_weights_go_to_every_engine_and_to_a_replacement_alone():
    pool, learner, made, _ = pushing_pool()
    await pool.start()
    assert len(await pool.publish(manifest(1))) == 2
    made[0].lost = True
    with pytest.raises(EngineLostError):
        await pool.generate((1,), SAMPLING)
    await wait_until(lambda: pool.metrics()["engines/alive"] == 2)
    await pool.publish(manifest(2))
    assert learner.pushed == [
        (1, [made[0].actor, made[1].actor]),
        (1, [made[2].actor]),
        (2, [made[2].actor, made[1].actor]),
    ]
    assert [engine.version for engine in pool.processes()] == [2, 2]
    await pool.close()


async def test_an_engine_lost_under_a_push_ends_it_instead_of_waiting_for_ever():
    pool, learner, made, _ = pushing_pool()
    await pool.start()
    learner.hang = True
    publishing = asyncio.create_task(pool.publish(manifest(1)))
    await wait_until(lambda: learner.pushed)
    made[1].death.set()
    with pytest.raises(PublicationError, match="engine-1: its process ended, while weights were being pushed"):
        await asyncio.wait_for(publishing, 5)
    await pool.close()


async def test_a_replacement_waits_for_the_next_weights_if_the_last_are_gone():
    pool, learner, made, notes = pushing_pool(1)
    await pool.start()
    await pool.publish(manifest(1))
    made[0].lost, learner.stale = True, 1
    with pytest.raises(EngineLostError):
        await pool.generate((1,), SAMPLING)
    await wait_until(lambda: len(made) == 2 and learner.stale == 0)
    assert pool.metrics()["engines/alive"] == 0
    publishing = asyncio.create_task(pool.publish(manifest(2)))
    await asyncio.wait_for(publishing, 5)
    assert made[1].version == 2
    assert notes[-1] == "engine-0 is back"
    await pool.close()


async def test_the_same_where_weights_lie_in_shared_memory():
    class Gone(ScriptedEngine):
        async def publish(self, published):
            if published.version == 1:
                raise StalePublicationError("gone")
            return await super().publish(published)

    made = []

    def make(index):
        made.append((Gone if made else ScriptedEngine)(index, []))
        return made[-1]

    pool = EnginePool(1, make, lambda note: None)
    await pool.start()
    await pool.publish(manifest(1))
    made[0].lost = True
    with pytest.raises(EngineLostError):
        await pool.generate((1,), SAMPLING)
    await wait_until(lambda: len(made) == 2)
    await asyncio.wait_for(pool.publish(manifest(2)), 5)
    assert (made[1].version, pool.metrics()["engines/alive"]) == (2, 1)
    await pool.close()


async def test_a_replacement_that_cannot_prove_its_weights_serves_nobody():
    pool, _, made, notes = pushing_pool(checksums={"unheard.of": [1]})
    await pool.start()
    await pool.publish(manifest(1))
    made[0].lost = True
    with pytest.raises(EngineLostError):
        await pool.generate((1,), SAMPLING)
    await wait_until(lambda: "unheard.of" in notes[-1])
    assert pool.metrics()["engines/alive"] == 1
    await pool.close()


class Frail(ScriptedEngine):
    """Lost while it starts, as long as `deaths` lasts."""

    deaths = 0

    async def start(self):
        if type(self).deaths:
            type(self).deaths -= 1
            raise EngineLostError(f"{self.name}: out of memory")


@pytest.mark.parametrize(("deaths", "back"), [(2, True), (99, False)])
async def test_an_engine_lost_while_it_starts_is_started_again_but_not_for_ever(deaths, back):
    made, notes = [], []

    def make(index):
        made.append((Frail if made else ScriptedEngine)(index, []))
        return made[-1]

    Frail.deaths = deaths
    pool = EnginePool(1, make, notes.append)
    await pool.start()
    made[0].lost = True
    with pytest.raises(EngineLostError):
        await pool.generate((1,), SAMPLING)
    if back:
        assert await asyncio.wait_for(pool.generate((1,), SAMPLING), 5) == []
        assert len(made) == 4
    else:
        # Not an EngineLostError: whoever hands prompts out again would do so for ever.
        with pytest.raises(RuntimeError, match="engine-0 could not be replaced: it was lost 6 times"):
            await asyncio.wait_for(pool.generate((1,), SAMPLING), 5)
        assert len(made) == 6
    await pool.close()


async def test_one_engine_given_up_does_not_end_the_wait_for_another_that_is_on_its_way():
    made, gate = [], asyncio.Event()

    class Slow(ScriptedEngine):
        async def start(self):
            await gate.wait()

    def make(index):
        kind = ScriptedEngine if len(made) < 2 else (Frail if index == 0 else Slow)
        made.append(kind(index, []))
        return made[-1]

    Frail.deaths = 99
    pool = EnginePool(2, make, lambda note: None)
    await pool.start()
    first, second = made
    first.lost = True
    with pytest.raises(EngineLostError, match="engine-0"):
        await pool.generate((1,), SAMPLING)
    await wait_until(lambda: len(made) == 7)  # engine-0 is given up
    second.lost = True
    with pytest.raises(EngineLostError, match="engine-1"):
        await pool.generate((1,), SAMPLING)
    waiting = asyncio.create_task(pool.generate((1,), SAMPLING))
    await asyncio.sleep(0)
    gate.set()
    assert await asyncio.wait_for(waiting, 5) == []
    await pool.close()
