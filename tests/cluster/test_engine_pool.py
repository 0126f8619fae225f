"""Supervision of engines, with scripted ones: the real ones are killed in tests/e2e."""

import asyncio

import pytest

from cluster.engine_pool import EnginePool
from rlhf.publication import EngineProof, Manifest
from rlhf.rollout.sampling import EngineLostError, Sampling

SAMPLING = Sampling(2, 1.0, 8)


def manifest(version):
    return Manifest(version, "", "float32", {}, (1, 2), (-1.0,), 0)


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
    with pytest.raises(RuntimeError, match="was lost 6 times in this run"):
        for _ in range(50):
            try:
                await asyncio.wait_for(pool.generate((1,), SAMPLING), 5)
            except EngineLostError:
                continue
    await pool.close()
