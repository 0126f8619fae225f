"""Evaluation while training: when it is due, that it is of the weights it says, and which weights are kept as the best."""

import asyncio
from types import SimpleNamespace

import pytest

from rlhf.checkpoint import Checkpoints
from rlhf.evaluation import beside
from rlhf.evaluation.beside import Evaluations, due
from rlhf.evaluation.results import ResultsError
from rlhf.evaluation.run.answer import AnswerLostError

AVG = "eval/sums/avg"


@pytest.mark.parametrize(
    ("every", "last", "expected"),
    [(0, 10, [0, 10]), (4, 10, [0, 4, 8, 10]), (5, 10, [0, 5, 10]), (20, 10, [0, 10]), (1, 2, [0, 1, 2])],
)
def test_before_after_and_every_so_many_steps(every, last, expected):
    assert [step for step in range(last + 1) if due(every, step, last)] == expected


class Record:
    def __init__(self, measured=()):
        self.values, self.told = dict(measured), []

    def heldout_value(self, step):
        return self.values.get(step)

    def heldout(self, step, value):
        self.values[step] = value

    def measured(self, step, metrics):
        self.told.append((step, dict(metrics)))


class Benchmarks:
    def __init__(self, *values, every=0, waits=None):
        self.values, self.every, self.waits, self.steps = list(values), every, waits, []

    async def run(self, step, note):
        if self.waits is not None:
            await self.waits.wait()
        self.steps.append(step)
        return {AVG: self.values.pop(0)}


class Learner:
    def __init__(self):
        self.weights = 0

    async def export(self, folder):
        folder.mkdir()
        (folder / "weights").write_text(str(self.weights))


@pytest.fixture
def made(tmp_path, monkeypatch):
    async def evaluate(rollouter, prompts, rollout, trainer):
        return rollouter.pop(0)

    monkeypatch.setattr(beside, "evaluate", evaluate)

    def make(metric=None, benchmarks=None, heldout=(), every=0, measured=()):
        trainer = SimpleNamespace(steps=100, eval_every=every, best_metric=metric)
        view = SimpleNamespace(stage=lambda *_: None, note=lambda _: None)
        parts = SimpleNamespace(
            prompts=SimpleNamespace(heldout=["q"] if heldout or measured else []),
            record=Record(measured),
            view=view,
            benchmarks=benchmarks,
            checkpoints=Checkpoints(tmp_path / "checkpoints", keep=1),
            learner=Learner(),
        )
        return Evaluations(SimpleNamespace(trainer=trainer, rollout=None), parts, list(heldout)), parts

    return make


def kept(parts):
    best = parts.checkpoints.best()
    return None if best is None else (best / "hf" / "weights").read_text()


async def evaluate_at(evaluations, parts, *steps):
    for step in steps:
        parts.learner.weights = step
        evaluations.start(step)
        await evaluations.finish()


async def test_the_best_weights_are_kept_the_first_of_equals(made):
    benchmarks = Benchmarks(0.2, 0.5, 0.5, 0.1, every=10)
    evaluations, parts = made(AVG, benchmarks)
    for step, best in ((0, "0"), (10, "10"), (20, "10"), (30, "10")):
        await evaluate_at(evaluations, parts, step)
        assert kept(parts) == best
    assert parts.record.told == [(0, {AVG: 0.2}), (10, {AVG: 0.5}), (20, {AVG: 0.5}), (30, {AVG: 0.1})]


async def test_by_held_out_accuracy(made):
    evaluations, parts = made("accuracy/heldout", heldout=[0.3, 0.2], every=10)
    await evaluate_at(evaluations, parts, 0, 10)
    assert kept(parts) == "0"
    assert parts.record.values == {0: 0.3, 10: 0.2}


async def test_without_a_metric_none_are_kept(made):
    evaluations, parts = made(None, Benchmarks(0.2))
    await evaluate_at(evaluations, parts, 0)
    assert kept(parts) is None


async def test_a_run_killed_between_measuring_and_keeping_keeps_them_when_it_goes_on(made):
    evaluations, parts = made("accuracy/heldout", measured={0: 0.3})
    await evaluate_at(evaluations, parts, 0)
    assert (kept(parts), parts.checkpoints.best_value("accuracy/heldout")) == ("0", 0.3)


async def test_held_out_accuracy_that_was_measured_is_written_again_as_its_line_may_be_missing(made):
    evaluations, parts = made(None, measured={0: 0.3})
    await evaluate_at(evaluations, parts, 0)
    assert parts.record.told == [(0, {"accuracy/heldout": 0.3})]


class Failing(Benchmarks):
    def __init__(self, error):
        super().__init__()
        self.error = error

    async def run(self, step, note):
        raise self.error


@pytest.mark.parametrize("error", [ResultsError("no sandbox"), AnswerLostError("lost"), OSError("disk full")])
async def test_benchmarks_that_cannot_be_had_lose_no_training(made, error):
    evaluations, parts = made(AVG, Failing(error))
    await evaluate_at(evaluations, parts, 0)
    assert parts.record.told == [(0, {"eval/failed": 1.0})]
    assert kept(parts) is None


async def test_a_defect_is_raised(made):
    evaluations, parts = made(AVG, Failing(TypeError("a defect")))
    with pytest.raises(TypeError, match="a defect"):
        await evaluate_at(evaluations, parts, 0)


def best(folder, step):
    checkpoints = Checkpoints(folder, keep=1)
    partial = checkpoints.begin_best()
    (partial / "hf").mkdir()
    (partial / "hf" / "weights").write_text(str(step))
    return checkpoints.commit_best(partial, step, AVG, step / 10)


@pytest.mark.parametrize("left", ["partial", "replaced"])
def test_a_kill_between_two_renames_loses_no_best_weights(tmp_path, left):
    best(tmp_path, 3).rename(tmp_path / f"best.{left}")
    checkpoints = Checkpoints(tmp_path, keep=1)
    assert (checkpoints.best_value(AVG), checkpoints.best_step()) == (0.3, 3)
    (tmp_path / "best").rename(tmp_path / f"best.{left}")
    best(tmp_path, 5)
    assert Checkpoints(tmp_path, keep=1).best_step() == 5


def test_half_of_the_best_weights_are_none(tmp_path):
    best(tmp_path, 3).rename(tmp_path / "best.partial")
    (tmp_path / "best.partial" / "hf" / "weights").unlink()
    assert Checkpoints(tmp_path, keep=1).best() is None


async def test_a_resumed_run_keeps_what_was_better_before(made):
    evaluations, parts = made(AVG, Benchmarks(0.6))
    await evaluate_at(evaluations, parts, 0)
    resumed, later = made(AVG, Benchmarks(0.4))
    await evaluate_at(resumed, later, 100)
    assert kept(later) == "0"


async def test_what_is_not_due_is_not_asked(made):
    benchmarks = Benchmarks(0.1, 0.2, every=10)
    evaluations, parts = made(AVG, benchmarks, heldout=[0.5, 0.5, 0.5], every=4)
    await evaluate_at(evaluations, parts, 0, 1, 4, 10)
    assert benchmarks.steps == [0, 10]
    assert set(parts.record.values) == {0, 4}


async def test_it_runs_beside_what_comes_next_and_is_waited_for(made):
    waits = asyncio.Event()
    evaluations, parts = made(AVG, Benchmarks(0.2, waits=waits))
    evaluations.start(0)
    await asyncio.sleep(0)
    assert evaluations.waiting
    finishing = asyncio.create_task(evaluations.finish())
    await asyncio.sleep(0)
    assert not finishing.done()
    waits.set()
    await finishing
    assert parts.record.told == [(0, {AVG: 0.2})]
    await evaluations.finish()


async def test_what_it_raises_is_raised_where_it_is_waited_for(made):
    evaluations, _ = made(AVG, Benchmarks())
    evaluations.start(0)
    with pytest.raises(IndexError):
        await evaluations.finish()


async def test_a_stop_leaves_nothing_running(made):
    evaluations, parts = made(AVG, Benchmarks(0.2, waits=asyncio.Event()))
    evaluations.start(0)
    await asyncio.sleep(0)
    await evaluations.cancel()
    assert not evaluations.waiting
    assert parts.record.told == []
