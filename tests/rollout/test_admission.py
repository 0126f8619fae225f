"""Which groups dynamic sampling keeps: by accuracy, never by rewards, unless answers are graded."""

import pytest

from rlhf.rollout.admission import Admission, uninformative
from rlhf.types import Group
from tests.rollout.factories import graded, group, prompt

MIXED = Admission(samples_needed=2, keep="mixed_accuracy")


@pytest.mark.parametrize(
    ("rewards", "reason"),
    [
        ((1.0, 0.0), None),
        ((1.0, 1.0), "all_correct"),
        ((0.0, 0.0), "none_correct"),
        ((0.0, 0.5), "none_correct"),
        ((1.0, 1.0, None), "all_correct"),
        ((1.0, None), "verifier_error"),
    ],
)
def test_a_group_is_kept_where_its_answers_differ(rewards, reason):
    refusal = MIXED.refusal(group(rewards=rewards))
    assert (refusal.reason if refusal else None) == reason


@pytest.mark.parametrize(("rewards", "reason"), [((0.2, 0.3), None), ((0.2, 0.2), "equal_rewards")])
def test_graded_answers_have_no_accuracy_but_rewards(rewards, reason):
    of_it = Group(prompt(), tuple(graded(0, i, reward) for i, reward in enumerate(rewards)))
    refusal = MIXED.refusal(of_it)
    assert of_it.accuracy is None
    assert (refusal.reason if refusal else None) == reason


def test_without_dynamic_sampling_every_judged_group_is_kept():
    assert Admission().refusal(group(rewards=(1.0, 1.0))) is None


def test_a_refusal_by_choice_is_told_from_a_fault():
    assert MIXED.refusal(group(rewards=(1.0, 1.0))).expected
    broken = MIXED.refusal(group(rewards=(1.0, None)))
    assert not broken.expected
    assert broken.why == "train/0: verifier math failed: broke"


def test_graded_groups_teach_where_their_rewards_differ():
    def of(*rewards):
        return Group(prompt(), tuple(graded(0, i, reward) for i, reward in enumerate(rewards)))

    assert uninformative(of(0.2, 0.3)) is None
    assert uninformative(of(0.3, 0.3)) == uninformative(of(0.3)) == "equal_rewards"
