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
