import pytest

from rlhf.recipe.schema import RewardComponent
from rlhf.rollout.scoring import score
from tests.rollout.factories import trajectory
from verifiers.base import Status, Verdict

REWARD = [RewardComponent(verifier="math"), RewardComponent(verifier="format", weight=0.1)]


@pytest.mark.parametrize(
    ("answer", "form", "reward", "status"),
    [
        (Verdict.correct(), Verdict.correct(), 1.1, Status.CORRECT),
        (Verdict.correct(), Verdict.wrong(), 1.0, Status.CORRECT),
        (Verdict.wrong(score=0.4), Verdict.correct(), 0.5, Status.WRONG),
        (Verdict.unparsed("no box"), Verdict.correct(), 0.1, Status.UNPARSED),
        (Verdict.timeout("2 s"), Verdict.wrong(), 0.0, Status.TIMEOUT),
        (Verdict.error("broke"), Verdict.correct(), None, Status.ERROR),
        (Verdict.correct(), Verdict.error("broke"), None, Status.ERROR),
    ],
)
def test_reward_is_the_weighted_sum_and_the_first_component_decides(answer, form, reward, status):
    scored = score(trajectory(), {"math": answer, "format": form}, REWARD)
    assert scored.reward == (None if reward is None else pytest.approx(reward))
    assert scored.status is status


ROUTED = [
    RewardComponent(verifier="math", domains=["math"]),
    RewardComponent(verifier="reward_model", domains=["chat"], config={"model": "m"}, weight=2.0),
    RewardComponent(verifier="format", weight=0.1),
]


def test_a_reward_model_that_was_too_slow_says_nothing_of_the_answer():
    scored = score(trajectory(), {"reward_model": Verdict.timeout("10 s"), "format": Verdict.correct()}, ROUTED)
    assert (scored.reward, scored.status) == (None, Status.ERROR)


@pytest.mark.parametrize(
    ("verdicts", "reward", "status", "graded"),
    [
        ({"math": Verdict.correct(), "format": Verdict.correct()}, 1.1, Status.CORRECT, False),
        ({"reward_model": Verdict.wrong(score=0.25), "format": Verdict.wrong()}, 0.5, Status.WRONG, True),
        ({"format": Verdict.correct()}, 0.1, Status.CORRECT, False),
    ],
)
def test_the_first_component_that_judges_the_domain_decides(verdicts, reward, status, graded):
    scored = score(trajectory(), verdicts, ROUTED)
    assert scored.reward == pytest.approx(reward)
    assert (scored.status, scored.graded) == (status, graded)


GATED = [
    RewardComponent(verifier="math"),
    RewardComponent(verifier="a:length", weight=0.5, only_if="math", clamp=(-0.5, 0.5)),
    RewardComponent(verifier="a:style", weight=2.0, clamp=(None, 0.25)),
]


@pytest.mark.parametrize(
    ("answer", "length", "style", "reward"),
    [
        (Verdict.correct(), Verdict.correct(), Verdict.wrong(), 1.25),
        (Verdict.correct(), Verdict.wrong(score=0.2), Verdict.wrong(), 1.1),
        (Verdict.correct(), Verdict.wrong(score=-3.0), Verdict.correct(), 1.25),
        (Verdict.wrong(), Verdict.correct(), Verdict.correct(), 0.5),
        (Verdict.wrong(), Verdict.wrong(score=-3.0), Verdict.wrong(score=-3.0), -6.0),
        (Verdict.unparsed("no box"), Verdict.error("broke"), Verdict.wrong(), 0.0),
        (Verdict.correct(), Verdict.error("broke"), Verdict.wrong(), None),
    ],
)
def test_a_gate_and_a_clamp(answer, length, style, reward):
    scored = score(trajectory(), {"math": answer, "length": length, "style": style}, GATED)
    assert scored.reward == (None if reward is None else pytest.approx(reward))
    assert scored.status is (Status.ERROR if reward is None else answer.status)
