"""From groups to what the learner is given, in numbers worked out here a second way: every piece where it is wired."""

import math

import numpy as np
import pytest
import torch

from rlhf.algorithms import CATALOG
from rlhf.algorithms.loss_types import LossInputs
from rlhf.algorithms.policy_loss import policy_loss
from rlhf.types import Group, Scored, Segment, Trajectory
from rlhf.updates.experience import ExperienceMaker
from tests.rollout.factories import prompt
from tests.updates.fakes import Fake
from tests.updates.recipes import recipe
from verifiers.base import Status, Verdict

REWARDS = ((1.0, 0.0, 0.0), (0.0, 1.0))
LENGTHS = ((3, 5, 2), (4, 1))
FLAT = [(g, s) for g, rewards in enumerate(REWARDS) for s in range(len(rewards))]


def numbers(index, length, level=-1.0):
    """Of a sequence's tokens; no two alike."""
    return level + 0.37 * np.sin(1.0 + 2.0 * index + np.arange(length))


def sample(group, index) -> Scored:
    length, right = LENGTHS[group][index], REWARDS[group][index] == 1.0
    logp = numbers(FLAT.index((group, index)), length).astype(np.float32)
    segment = Segment(0, np.arange(length, dtype=np.int32), logp)
    trajectory = Trajectory(f"train/{group}", index, (segment,), "stop", "text", "engine-0")
    verdict = Verdict.correct() if right else Verdict.wrong()
    return Scored(trajectory, {"math": verdict}, float(right), Status.CORRECT if right else Status.WRONG)


GROUPS = [Group(prompt(g), tuple(sample(g, s) for s in range(len(REWARDS[g])))) for g in range(2)]
BEHAVIOUR = [numbers(i, LENGTHS[g][s]) for i, (g, s) in enumerate(FLAT)]
OLD = [b + 0.9 * np.cos(3.0 * i + np.arange(len(b))) for i, b in enumerate(BEHAVIOUR)]
REFERENCE = [b - 0.2 * np.cos(i + np.arange(len(b))) for i, b in enumerate(BEHAVIOUR)]
VALUES = [0.5 + 0.3 * np.sin(2.0 * i + np.arange(len(b))) for i, b in enumerate(BEHAVIOUR)]
REWARD = [REWARDS[g][s] for g, s in FLAT]


async def made(step=0, values=False, reference=False, **algorithm):
    parts = [Fake(VALUES) if values else None, Fake(REFERENCE) if reference else None]
    return await ExperienceMaker(recipe(**algorithm), Fake(OLD), *parts).make(GROUPS, step)


def near(found, expected, abs=2e-6):
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(np.broadcast_to(other, one.shape), abs=abs)


def gae_by_hand(reward, values, lam):
    """A_t = sum over k of lam^k delta_{t+k}, written as that sum."""
    length = len(values)
    r = np.zeros(length)
    r[-1] = reward
    delta = r + np.append(values[1:], 0.0) - values
    return np.array([sum(lam ** (k - t) * delta[k] for k in range(t, length)) for t in range(length)])


# -- corrections -------------------------------------------------------------------------------------------------

RHO = [np.exp(o - b) for o, b in zip(OLD, BEHAVIOUR, strict=True)]
WEIGHTS = {
    "token_tis": lambda rho: np.minimum(rho, 1.3),
    "token_mis": lambda rho: np.where((rho >= 0.7) & (rho <= 1.3), rho, 0.0),
    "sequence_tis": lambda rho: np.full(len(rho), min(rho.prod(), 1.3)),
    "sequence_mis": lambda rho: np.full(len(rho), rho.prod() if rho.prod() <= 1.3 else 0.0),
}


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("rule", WEIGHTS)
async def test_weights(rule, normalise):
    asked = {"weight": rule, "high": 1.3, "normalise": normalise} | ({"low": 0.7} if rule == "token_mis" else {})
    found = await made(name="grpo", old_logprobs="recomputed", mini_batches=2, correction=asked)
    expected = [WEIGHTS[rule](rho) for rho in RHO]
    tokens = np.concatenate(expected)
    assert len({round(float(w), 6) for w in tokens}) >= 2, "some within the bounds, some beyond"
    assert found.facts["correction/weight_mean"] == pytest.approx(tokens.mean(), rel=1e-5)
    size = tokens.sum() ** 2 / (len(tokens) * (tokens**2).sum())
    assert found.facts["correction/effective_sample_size"] == pytest.approx(size, rel=1e-5)
    near([s.weight_R for s in found.batch.sequences], [w / (tokens.mean() if normalise else 1.0) for w in expected])
    near([s.old_logp_R for s in found.batch.sequences], OLD)


async def test_the_mismatch_is_told():
    found = await made(name="grpo", correction={"reject": "k3", "reject_high": 100.0})
    rho = np.concatenate(RHO)
    assert found.facts["mismatch/kl"] == pytest.approx((rho - 1 - np.log(rho)).mean(), rel=1e-5)
    assert found.facts["mismatch/beyond_2x"] == pytest.approx(np.maximum(rho, 1 / rho).__gt__(2).mean())
    assert found.facts["correction/rejected"] == 0.0


@pytest.mark.parametrize(
    ("rules", "kept"),
    [
        (
            {"reject": "geometric", "reject_low": 0.9, "reject_high": 1.6},
            [0.9 <= math.exp(np.log(rho).mean()) <= 1.6 for rho in RHO],
        ),
        ({"reject": "k3", "reject_high": 0.25}, [(rho - 1 - np.log(rho)).mean() <= 0.25 for rho in RHO]),
    ],
)
async def test_rejection_edits_the_mask_and_with_it_the_denominators(rules, kept):
    found = await made(name="dapo", keep="all", correction=rules)
    assert 0 < sum(kept) < len(kept)
    near([s.mask_R for s in found.batch.sequences], [float(k) for k in kept])
    assert found.batch.global_tokens == sum(len(b) for b, k in zip(BEHAVIOUR, kept, strict=True) if k)
    assert found.batch.global_sequences == sum(kept)


def test_weights_are_of_the_surrogate_alone():
    """Not of the KL term, nor of the likelihood of the correct."""
    draw = torch.Generator().manual_seed(0)
    logp, old, reference, weight, advantage = (torch.randn(2, 4, generator=draw, dtype=torch.float64) for _ in range(5))
    mask = torch.ones(2, 4, dtype=torch.float64)
    definition = CATALOG["reinforce_pp_baseline"].but(aggregation="token-mean", positive_nll=0.3)

    def loss(weight_BT, d):
        return float(
            policy_loss(
                LossInputs(logp, old, advantage, mask, 8.0, 2, None, reference, weight_BT, mask[:, 0], 8.0), d, 1.0
            ).loss
        )

    ratio = (logp - old).exp()
    surrogate = -torch.minimum(ratio * advantage, ratio.clamp(0.8, 1.2) * advantage)
    expected = float((surrogate * weight).mean() + 1e-3 * (0.5 * (logp - reference) ** 2).mean() - 0.3 * logp.mean())
    assert loss(weight, definition) == pytest.approx(expected, rel=1e-12)
    assert loss(None, definition) != pytest.approx(expected, rel=1e-3)


# -- advantages --------------------------------------------------------------------------------------------------


async def test_kl_in_the_reward_is_taken_off_before_the_baseline():
    found = await made(name="rloo", reference=True, kl={"coef": 0.25})
    total = [r - 0.25 * (o - f).sum() for r, o, f in zip(REWARD, OLD, REFERENCE, strict=True)]
    expected = [total[0] - (total[1] + total[2]) / 2, total[1] - (total[0] + total[2]) / 2,
                total[2] - (total[0] + total[1]) / 2, total[3] - total[4], total[4] - total[3]]  # fmt: skip
    near([s.advantage_R for s in found.batch.sequences], expected)
    ahead = [np.exp(f - o) - 1 - (f - o) for o, f in zip(OLD, REFERENCE, strict=True)]
    assert found.facts["kl/reference"] == pytest.approx(np.concatenate(ahead).mean(), rel=1e-5)


async def test_rewards_to_go_hold_the_penalty_of_what_is_to_come_and_are_whitened():
    found = await made(name="reinforce_pp", reference=True, kl={"coef": 0.25})
    returns = []
    for reward, old, reference in zip(REWARD, OLD, REFERENCE, strict=True):
        tokens = -0.25 * (old - reference)
        tokens[-1] += reward
        returns.append(np.array([tokens[t:].sum() for t in range(len(tokens))]))
    every = np.concatenate(returns)
    near([s.advantage_R for s in found.batch.sequences], [(r - every.mean()) / every.std(ddof=1) for r in returns])


@pytest.mark.parametrize(
    ("algorithm", "lam"),
    [
        ({"name": "vc_ppo", "critic": {"critic_lambda": 0.8}}, lambda length: 0.95),
        ({"name": "vc_ppo", "critic": {"actor_lambda": 0.5, "critic_lambda": 0.8}}, lambda length: 0.5),
        ({"name": "vapo", "critic": {"length_alpha": 0.5, "critic_lambda": 0.8}}, lambda n: max(0.0, 1 - 2 / n)),
        ({"name": "vapo", "critic": {"length_alpha": 0.0, "critic_lambda": 0.8}}, lambda length: 0.95),
    ],
)
async def test_the_actor_and_the_critic_have_lambdas_of_their_own(algorithm, lam):
    found = await made(values=True, **algorithm)
    rows = list(zip(REWARD, VALUES, strict=True))
    near([s.advantage_R for s in found.batch.sequences], [gae_by_hand(r, v, lam(len(v))) for r, v in rows])
    near([s.return_R for s in found.batch.sequences], [gae_by_hand(r, v, 0.8) + v for r, v in rows])
    near([s.value_R for s in found.batch.sequences], VALUES)


async def test_ppo_whitens_its_advantages_and_not_its_returns():
    found = await made(name="ppo", values=True)
    raw = [gae_by_hand(r, v, 0.95) for r, v in zip(REWARD, VALUES, strict=True)]
    every = np.concatenate(raw)
    near([s.advantage_R for s in found.batch.sequences], [(a - every.mean()) / every.std(ddof=1) for a in raw])
    near([s.return_R for s in found.batch.sequences], [a + v for a, v in zip(raw, VALUES, strict=True)])


async def test_a_critic_is_pretrained_towards_the_returns_themselves():
    """Lambda 1, no KL in them, whatever training itself has."""
    asked = recipe(name="ppo", kl={"place": "reward", "coef": 0.5}, critic={"critic_lambda": 0.3})
    maker = ExperienceMaker(asked, Fake(OLD), Fake(VALUES), Fake(REFERENCE))
    found = await maker.for_values(GROUPS)
    near([s.return_R for s in found.batch.sequences], REWARD)
    assert (await maker.for_values([])).batch.sequences == (), "a batch of which nothing could be judged"


# -- shaping -----------------------------------------------------------------------------------------------------


async def test_overlong_responses_are_punished_by_weight():
    """The limit is 6 and the buffer 4: beyond 2 tokens a quarter a token."""
    asked = {"overlong_weight": 0.4, "overlong_buffer": 4}
    found = await made(name="dr_grpo", shaping=asked, max_response_tokens=6)
    length = [n for lengths in LENGTHS for n in lengths]
    shaped = [r - 0.4 * min(1.0, max(0.0, (n - 2) / 4)) for r, n in zip(REWARD, length, strict=True)]
    means = [np.mean(shaped[:3])] * 3 + [np.mean(shaped[3:])] * 2
    near([s.advantage_R for s in found.batch.sequences], [r - m for r, m in zip(shaped, means, strict=True)])
    expected = -0.4 * np.mean([min(1.0, max(0.0, (n - 2) / 4)) for n in length])
    assert found.facts["shaping/overlong"] == pytest.approx(expected)


@pytest.mark.parametrize(("step", "weight"), [(6, 0.0), (7, 0.1), (8, 0.1)])
async def test_the_length_reward_begins_at_its_step(step, weight):
    found = await made(step, name="kimi_k1_5", shaping={"length_from_step": 7})
    # By length 3, 5, 2 of which the first is right: 0.5 - 1/3; min(0, -0.5); min(0, 0.5). By 4, 1, the second is right.
    extra = [0.5 - 1 / 3, -0.5, 0.0, -0.5, 0.5]
    shaped = [r + weight * e for r, e in zip(REWARD, extra, strict=True)]
    means = [np.mean(shaped[:3])] * 3 + [np.mean(shaped[3:])] * 2
    near([s.advantage_R for s in found.batch.sequences], [r - m for r, m in zip(shaped, means, strict=True)])
