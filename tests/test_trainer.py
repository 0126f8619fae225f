"""The loop's own decisions, with everything that it is given scripted; real runs are in tests/e2e."""

import asyncio
from types import SimpleNamespace

import pytest

from rlhf import trainer as module
from rlhf.evaluation import beside
from rlhf.trainer import Trainer, TrainState


class Scripted(Trainer):
    """After its last step, with an evaluation that waits."""

    def __init__(self, monkeypatch, evaluates):
        async def evaluation(*_):
            await evaluates()

        monkeypatch.setattr(beside, "evaluate", evaluation)
        config = SimpleNamespace(steps=1, eval_every=0, checkpoint_every=0, best_metric=None)
        self.recipe = SimpleNamespace(trainer=config, rollout=None)
        self.state = TrainState(step=1, version=1)
        view = SimpleNamespace(stage=lambda *_: None)
        measured = {}
        record = SimpleNamespace(heldout_value=measured.get, heldout=lambda step, _: measured.update({step: 0.5}))
        prompts = SimpleNamespace(heldout=["q"])
        self.parts = SimpleNamespace(prompts=prompts, record=record, view=view, benchmarks=None, checkpoints=None)
        self.rollouter = None
        self.evaluations = beside.Evaluations(self.recipe, self.parts, None)
        self.flow = SimpleNamespace(cancel=self.nothing)
        self._stop = asyncio.Event()
        self.kept = []
        self._begun = True

    async def nothing(self):
        pass

    publish = nothing

    async def checkpoint(self, again=False):
        """As the real one: once a step, unless it is to be written again."""
        if again or (self.state.step, self._begun) not in self.kept:
            self.kept.append((self.state.step, self._begun))


@pytest.mark.parametrize(("stopped", "finished"), [(False, True), (True, False)])
async def test_a_run_stopped_in_its_last_evaluation_has_not_finished(monkeypatch, stopped, finished):
    started, go_on = asyncio.Event(), asyncio.Event()

    async def evaluates():
        started.set()
        await go_on.wait()

    trainer = Scripted(monkeypatch, evaluates)
    running = asyncio.create_task(trainer.run())
    await asyncio.wait_for(started.wait(), 5)  # else what the run raised is never seen
    if stopped:
        trainer.stop()
    else:
        go_on.set()
    assert await running is finished
    assert trainer.kept == [(1, True)], "either way a checkpoint is written"


@pytest.mark.parametrize("stopped", [True, False])
async def test_a_run_stopped_while_it_prepares_begins_again(monkeypatch, stopped):
    """Prompts are probed, the reference is taken, the critic is pretrained: all that is done, or none."""
    started, go_on, prepared = asyncio.Event(), asyncio.Event(), []

    async def prepare(*_):
        started.set()
        await go_on.wait()
        prepared.append(True)
        return True

    async def nothing():
        pass

    monkeypatch.setattr(module, "prepare", prepare)
    trainer = Scripted(monkeypatch, nothing)
    trainer.updates, trainer._begun, trainer.state = None, False, TrainState()
    trainer.recipe.warmup, trainer.recipe.trainer.steps = None, 0
    running = asyncio.create_task(trainer.run())
    await asyncio.wait_for(started.wait(), 5)
    if stopped:
        trainer.stop()
    else:
        go_on.set()
    await running
    assert prepared == ([] if stopped else [True])
    assert trainer.kept == ([(0, False)] if stopped else [(0, True)])
    resumed = Scripted(monkeypatch, nothing)
    resumed.flow = SimpleNamespace(load_state_dict=lambda *_: None)
    resumed.resume({"step": 0, "version": 0, "begun": trainer.kept[-1][1], "flow": {}}, [])
    assert resumed._begun is not stopped


async def test_a_stop_while_a_step_waits_for_an_evaluation_takes_no_groups(monkeypatch):
    """Groups that were taken count as trained: a checkpoint would miss them, and a resumed run wait for them for ever."""
    started, never = asyncio.Event(), asyncio.Event()

    async def evaluates():
        started.set()
        await never.wait()

    trainer = Scripted(monkeypatch, evaluates)
    trainer.state, trainer.recipe.trainer.steps = TrainState(), 1
    done = []

    async def take(*_):
        done.append("take")

    trainer.flow = SimpleNamespace(fill=lambda *_: done.append("fill"), take=take, cancel=trainer.nothing)
    running = asyncio.create_task(trainer.run())
    await asyncio.wait_for(started.wait(), 5)
    trainer.stop()
    assert await running is False
    assert done == ["fill"]
    assert trainer.kept == [(0, True)]


async def test_what_was_learned_is_kept_before_the_last_evaluation(monkeypatch):
    async def fails():
        raise RuntimeError("the engines are gone")

    trainer = Scripted(monkeypatch, fails)
    with pytest.raises(RuntimeError, match="the engines are gone"):
        await trainer.run()
    assert trainer.kept == [(1, True)]
