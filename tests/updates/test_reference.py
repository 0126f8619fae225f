"""When a reference follows the policy, and how far."""

import pytest

from rlhf.recipe.algorithm_schema import KlConfig
from rlhf.updates.reference import BesideLearner


class Learner:
    def __init__(self):
        self.kept = []

    async def take_reference(self, keep=0.0):
        self.kept.append(keep)


@pytest.mark.parametrize(
    ("kl", "taken_after"),
    [
        ({"reference": "frozen"}, []),
        ({"reference": "refreshed"}, [400, 800, 1200]),
        ({"reference": "refreshed", "refresh_every": 500}, [500, 1000]),
    ],
)
async def test_it_is_refreshed_at_its_steps_and_at_no_other(kl, taken_after):
    learner = Learner()
    reference = BesideLearner(learner, KlConfig(**kl))
    await reference.begin()
    assert learner.kept == [0.0]
    found = []
    for step in range(1, 1201):
        before = len(learner.kept)
        await reference.after_step(step)
        found += [step] * (len(learner.kept) - before)
    assert found == taken_after
    assert set(learner.kept) == {0.0}


async def test_a_moving_average_follows_every_step():
    learner = Learner()
    reference = BesideLearner(learner, KlConfig(reference="ema", ema_decay=0.9))
    await reference.begin()
    for step in range(1, 4):
        await reference.after_step(step)
    assert learner.kept == [0.0, 0.9, 0.9, 0.9]
