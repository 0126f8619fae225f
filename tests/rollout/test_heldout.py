"""Held-out accuracy: of what was judged right or wrong."""

import pytest

from rlhf.heldout import evaluate
from rlhf.types import Group
from tests.rollout.factories import graded, group, prompt
from tests.updates.recipes import recipe


class Rollouter:
    def __init__(self, groups):
        self.made = groups

    async def groups(self, prompts, sampling):
        return self.made


async def evaluated(*groups):
    asked = recipe()
    return await evaluate(Rollouter(groups), [g.prompt for g in groups], asked.rollout, asked.trainer)


GRADED = Group(prompt(9), (graded(9, 0, 0.4), graded(9, 1, 0.6)))


async def test_graded_answers_and_those_of_a_failed_verifier_count_for_no_accuracy():
    found = await evaluated(group(0, (1.0, 1.0)), group(1, (0.0, None)), GRADED)
    assert found.accuracy.value == 0.5
    assert found.errors == 1


async def test_where_nothing_was_judged_it_says_so():
    with pytest.raises(RuntimeError, match="no held-out sample was judged right or wrong"):
        await evaluated(GRADED)
