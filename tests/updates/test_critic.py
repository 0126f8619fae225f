"""How a critic learns from a step's batch, and before training."""

import math

import pytest

from rlhf.algorithms import CATALOG, resolve
from rlhf.learner.spec import NonFiniteError, StepResult
from rlhf.offending import OffendingBatchError
from rlhf.updates.critic import CriticUpdates, pretrain
from rlhf.updates.experience import ExperienceMaker
from tests.rollout.factories import group, prompt
from tests.updates.fakes import Fake
from tests.updates.recipes import recipe

PPO = CATALOG["ppo"].value


async def test_it_goes_over_the_batch_as_often_as_asked_with_its_clip():
    critic = Fake(answers=[StepResult(i, float(i), float(i), 1e-3, {}) for i in range(6)])
    asked = recipe(name="ppo", critic={"updates": 3, "clip": 0.4}, mini_batches=2)
    made = await ExperienceMaker(asked, Fake(), Fake(0.25)).make([group(0), group(1)], 0)
    facts = await CriticUpdates(critic, resolve(asked.algorithm).value, 2, seed=0).run(made.batch, 0)
    assert critic.calls == ["update"] * 6
    assert critic.clips == [0.4] * 6
    assert [sorted({s.group for s in b.sequences}) for b in critic.batches[:2]] in ([[0], [1]], [[1], [0]])
    assert (facts["critic/loss"], facts["critic/grad_norm"], facts["critic/lr"]) == (2.5, 5.0, 1e-3)
    assert facts["critic/explained_variance"] == pytest.approx(0.0, abs=1e-6), "a constant explains nothing"


class Rollouter:
    """Answers every prompt with one right and one wrong sample."""

    def __init__(self):
        self.asked = []

    async def groups(self, prompts, sampling):
        self.asked.append([p.id for p in prompts])
        return [group(int(p.id.split("/")[1])) for p in prompts]


class View:
    def stage(self, *_):
        pass

    note = stage


class Improving(Fake):
    """Its values come nearer to the returns for so many batches, and no further."""

    def __init__(self, batches):
        super().__init__()
        self._left, self._seen = batches, 0

    async def values(self, sequences):
        nearness = min(self._seen, self._left) / (self._left + 1)
        self._seen += 1
        # Samples come as right, wrong, right, wrong.
        arrays = await super().values(sequences)
        return [a + (nearness if i % 2 == 0 else 0.0) for i, a in enumerate(arrays)]


async def pretrained(critic, steps, patience=2):
    asked = recipe(name="vc_ppo", critic={"pretrain_steps": steps, "pretrain_patience": patience})
    updates = CriticUpdates(critic, resolve(asked.algorithm).value, 1, seed=0)
    rollouter = Rollouter()
    maker = ExperienceMaker(asked, Fake(), critic)
    facts = await pretrain(updates, maker, rollouter, [prompt(i) for i in range(4)], asked, steps, View())
    return facts, rollouter


async def test_pretraining_ends_once_the_explained_variance_rises_no_more():
    facts, rollouter = await pretrained(Improving(5), steps=50)
    assert facts["batches"] == 8, "five better ones, and two that are not, after the first"
    assert facts["explained_variance_first"] == pytest.approx(0.0, abs=1e-6)
    assert facts["explained_variance_last"] > 0.9
    assert all(len(set(asked)) == 4 for asked in rollouter.asked)


async def test_pretraining_ends_after_its_batches_at_the_latest():
    facts, _ = await pretrained(Improving(50), steps=4)
    assert facts["batches"] == 4
    assert not math.isnan(facts["explained_variance_last"])


async def test_a_batch_of_pretraining_that_is_not_finite_is_kept():
    critic = Fake(answers=[NonFiniteError("the gradient's norm is nan")])
    with pytest.raises(OffendingBatchError, match="value pretraining, batch 1: the gradient's norm") as stop:
        await pretrained(critic, steps=4)
    assert len(stop.value.groups) == 4
