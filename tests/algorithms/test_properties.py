"""What holds for every algorithm of the catalogue, as properties of the pure functions, in float64."""

from __future__ import annotations

import dataclasses
import itertools
import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.algorithms.advantages import gae, reward_to_go, token_rewards, whitened
from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.definition import Kl
from rlhf.algorithms.experience import Experience, advantages
from rlhf.algorithms.loss_types import LossInputs
from rlhf.algorithms.policy_loss import policy_loss

EVERY = sorted(CATALOG)
SEEDS = st.integers(0, 2**31)
FLOAT = torch.float64


def batch_of(seed, groups=3, size=4, longest=6, near=0.3):
    """An experience of random numbers, and the current policy's log-probabilities."""
    draw = torch.Generator().manual_seed(seed)
    rows = groups * size
    lengths = torch.randint(1, longest + 1, (rows,), generator=draw)
    mask = (torch.arange(longest)[None] < lengths[:, None]).to(FLOAT)
    rand = lambda: torch.rand(rows, longest, generator=draw, dtype=FLOAT)  # noqa: E731
    old = -3.0 * rand() * mask
    correct = (torch.rand(rows, generator=draw) > 0.5).to(FLOAT)
    experience = Experience(
        mask_BT=mask,
        reward_B=correct + 0.1 * torch.rand(rows, generator=draw, dtype=FLOAT),
        correct_B=correct,
        group_B=torch.arange(groups).repeat_interleave(size),
        old_logp_BT=old,
        reference_logp_BT=(old + near * (rand() - 0.5)) * mask,
        value_BT=rand() * mask,
    )
    return experience, (old + near * (rand() - 0.5)) * mask


def inputs_of(experience, logp_BT, advantage_BT, rows=None, totals=None):
    mask = experience.mask_BT
    pick = slice(None) if rows is None else rows
    tokens, sequences, correct = totals or (
        float(mask.sum()),
        len(mask),
        float((mask * experience.correct_B[:, None]).sum()),
    )
    return LossInputs(
        logp_BT=logp_BT[pick],
        old_logp_BT=experience.old_logp_BT[pick],
        advantage_BT=advantage_BT[pick],
        mask_BT=mask[pick],
        global_tokens=tokens,
        global_sequences=sequences,
        entropy_BT=None,
        reference_logp_BT=experience.reference_logp_BT[pick],
        correct_B=experience.correct_B[pick],
        global_correct_tokens=correct,
    )


def gradient(definition, experience, logp_BT, advantage_BT, parts=None):
    """Of the loss with respect to the log-probabilities; `parts`: rows of each micro-batch."""
    point = logp_BT.clone().requires_grad_(True)
    rows = parts or [None]
    loss = sum(policy_loss(inputs_of(experience, point, advantage_BT, r), definition, 10.0).loss for r in rows)
    (found,) = torch.autograd.grad(loss, point)
    return float(loss.detach()), found


def alone(definition):
    """The surrogate without its further terms."""
    return definition.but(kl=Kl(), positive_nll=0.0, entropy_coef=0.0)


def select(experience, order):
    fields = {f.name: getattr(experience, f.name)[order] for f in dataclasses.fields(experience)}
    return Experience(**fields)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_a_permutation_of_the_samples_changes_nothing(name, seed):
    experience, logp = batch_of(seed)
    order = torch.randperm(len(logp), generator=torch.Generator().manual_seed(seed + 1))
    a = advantages(experience, CATALOG[name]).advantage_BT
    b = advantages(select(experience, order), CATALOG[name]).advantage_BT
    torch.testing.assert_close(a[order], b, rtol=1e-10, atol=1e-12)
    loss, found = gradient(CATALOG[name], experience, logp, a)
    again, permuted = gradient(CATALOG[name], select(experience, order), logp[order], b)
    assert loss == pytest.approx(again, rel=1e-10, abs=1e-12)
    torch.testing.assert_close(found[order], permuted, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, more=st.integers(1, 4), junk=st.floats(-100, 100))
def test_padding_changes_nothing_whatever_stands_in_it(name, seed, more, junk):
    experience, logp = batch_of(seed)

    def padded(values, fill):
        return torch.cat([values, torch.full((len(values), more), fill, dtype=FLOAT)], dim=1)

    wide = dataclasses.replace(
        experience,
        mask_BT=padded(experience.mask_BT, 0.0),
        old_logp_BT=padded(experience.old_logp_BT, junk),
        reference_logp_BT=padded(experience.reference_logp_BT, -junk),
        value_BT=padded(experience.value_BT, junk),
    )
    a, b = (advantages(e, CATALOG[name]).advantage_BT for e in (experience, wide))
    torch.testing.assert_close(a, b[:, : a.shape[1]], rtol=1e-10, atol=1e-12)
    loss, found = gradient(CATALOG[name], experience, logp, a)
    again, over = gradient(CATALOG[name], wide, padded(logp, junk / 2), b)
    assert loss == pytest.approx(again, rel=1e-10, abs=1e-12)
    torch.testing.assert_close(found, over[:, : a.shape[1]], rtol=1e-10, atol=1e-12)
    assert not over[:, a.shape[1] :].any()


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS, cuts=st.lists(st.integers(1, 11), max_size=4, unique=True))
def test_any_split_into_micro_batches_gives_one_gradient(name, seed, cuts):
    experience, logp = batch_of(seed)
    a = advantages(experience, CATALOG[name]).advantage_BT
    edges = [0, *sorted(cuts), len(logp)]
    parts = [slice(i, j) for i, j in itertools.pairwise(edges)]
    loss, found = gradient(CATALOG[name], experience, logp, a)
    again, split = gradient(CATALOG[name], experience, logp, a, parts)
    assert loss == pytest.approx(again, rel=1e-10, abs=1e-12)
    torch.testing.assert_close(found, split, rtol=1e-10, atol=1e-14)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=15, deadline=None)
@given(seed=SEEDS)
def test_with_no_advantage_the_surrogate_alone_has_no_gradient(name, seed):
    experience, logp = batch_of(seed)
    definition = alone(CATALOG[name])
    if definition.surrogate == "mirror":  # its regulariser is part of it: none where the policy is the step's start
        logp = experience.old_logp_BT
    _, found = gradient(definition, experience, logp, torch.zeros_like(logp))
    assert float(found.abs().max()) <= 1e-12


@pytest.mark.parametrize(
    "name", [n for n in EVERY if CATALOG[n].advantage in ("group_normalised", "group_mean", "leave_one_out")]
)
@pytest.mark.parametrize("reward", [0.0, 1.0, 0.1, 1e9, -1e-9])
def test_a_group_of_equal_rewards_has_no_advantage_and_never_nan(name, reward):
    experience, _ = batch_of(1)
    equal = dataclasses.replace(experience, reward_B=torch.full_like(experience.reward_B, reward))
    definition = CATALOG[name].but(kl=Kl(), whiten=False, advantage_eps=0.0)
    found = advantages(equal, definition).advantage_BT
    assert float(found.abs().max()) <= 1e-15 * abs(reward)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=10, deadline=None)
@given(seed=SEEDS)
def test_at_ratio_one_the_gradient_is_minus_the_advantage_under_the_aggregation(name, seed):
    """For Kimi's mirror descent: of L / 2 tau."""
    from rlhf.algorithms.aggregation import token_weights

    experience, _ = batch_of(seed)
    definition = alone(CATALOG[name])
    a = advantages(experience, definition).advantage_BT
    _, found = gradient(definition, experience, experience.old_logp_BT, a)
    mask = experience.mask_BT
    weights = token_weights(definition.aggregation, mask, float(mask.sum()), len(mask), 10.0)
    expected = -a * weights
    if definition.ratio == "sequence" or definition.surrogate == "mirror":
        # One advantage a sequence: where tokens had their own (none of the catalogue's) this would be their mean.
        assert definition.advantage in ("group_normalised", "group_mean")
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


HELD = {f"grpo, {k} in the loss": CATALOG["grpo"].but(kl=Kl("loss", k, 0.04)) for k in ("k1", "k2", "k3")}
AND_HELD = {**CATALOG, **HELD, "cispo, cut": CATALOG["cispo"].but(cut_low=0.2, cut_high=0.3)}


def single(experience):
    """In float32, as the learner computes."""
    fields = {f.name: getattr(experience, f.name) for f in dataclasses.fields(experience)}
    return Experience(**{n: v.float() if v.dtype == FLOAT else v for n, v in fields.items()})


@pytest.mark.parametrize("name", AND_HELD)
@pytest.mark.parametrize("far", [50.0, -50.0, 100.0, -100.0])
def test_log_ratios_of_fifty_give_finite_losses_and_gradients(name, far):
    """To the policy of the step's start and to the reference; the gradient's square is finite too, for its norm."""
    definition = AND_HELD[name]
    experience = single(batch_of(3)[0])
    a = advantages(experience, definition).advantage_BT
    at = (experience.old_logp_BT + far) * experience.mask_BT
    loss, found = gradient(definition, experience, at, a)
    assert math.isfinite(loss)
    assert math.isfinite(float(found.square().sum()))


@pytest.mark.parametrize("junk", [0.0, 1e3, -1e3, math.inf, math.nan])
@pytest.mark.parametrize("name", AND_HELD)
def test_what_stands_under_a_mask_has_no_gradient_whatever_it_is(name, junk):
    """A rejected response, say, whose log-ratio overflows."""
    definition = AND_HELD[name]
    experience, logp = batch_of(4)
    mask = experience.mask_BT.clone()
    mask[2] = 0.0
    a = advantages(dataclasses.replace(experience, mask_BT=mask), definition).advantage_BT
    held = {}
    for field in ("old_logp_BT", "reference_logp_BT"):
        held[field] = getattr(experience, field).clone()
        held[field][2] = junk
    _, found = gradient(definition, dataclasses.replace(experience, mask_BT=mask, **held), logp, a)
    _, clean = gradient(definition, dataclasses.replace(experience, mask_BT=mask), logp, a)
    assert not found[2].any()
    torch.testing.assert_close(found, clean, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", EVERY)
def test_an_all_masked_row_contributes_nothing(name):
    experience, logp = batch_of(4)
    mask = experience.mask_BT.clone()
    mask[2] = 0.0
    masked = dataclasses.replace(experience, mask_BT=mask)
    a = advantages(experience, CATALOG[name]).advantage_BT
    tokens = float(mask.sum()), len(mask), float((mask * masked.correct_B[:, None]).sum())
    others = [i for i in range(len(mask)) if i != 2]
    whole = policy_loss(inputs_of(masked, logp, a, None, tokens), CATALOG[name], 10.0).loss
    without = policy_loss(inputs_of(masked, logp, a, others, tokens), CATALOG[name], 10.0).loss
    assert float(whole) == pytest.approx(float(without), rel=1e-12, abs=1e-15)


# -- identities ------------------------------------------------------------------------------------------------


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_rloo_is_dr_grpo_times_g_over_g_minus_one(seed):
    experience, _ = batch_of(seed, size=5)
    rloo = advantages(experience, CATALOG["rloo"].but(kl=Kl())).advantage_BT
    dr_grpo = advantages(experience, CATALOG["dr_grpo"]).advantage_BT
    torch.testing.assert_close(rloo, dr_grpo * 5 / 4, rtol=1e-12, atol=1e-14)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_gspo_of_one_token_is_grpo(seed):
    experience, logp = batch_of(seed, longest=1)
    a = advantages(experience, CATALOG["grpo"]).advantage_BT
    for name in ("gspo", "gspo_token"):
        same = CATALOG[name].but(clip_low=0.2, clip_high=0.2)
        assert gradient(same, experience, logp, a)[0] == pytest.approx(
            gradient(CATALOG["grpo"], experience, logp, a)[0]
        )
        torch.testing.assert_close(
            gradient(same, experience, logp, a)[1], gradient(CATALOG["grpo"], experience, logp, a)[1]
        )


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_gspo_token_is_gspo_where_a_sequence_has_one_advantage(seed):
    experience, logp = batch_of(seed, near=0.001)
    a = advantages(experience, CATALOG["gspo"]).advantage_BT
    one, other = (gradient(CATALOG[n], experience, logp, a) for n in ("gspo", "gspo_token"))
    assert one[0] == pytest.approx(other[0], rel=1e-10)
    torch.testing.assert_close(one[1], other[1], rtol=1e-9, atol=1e-12)


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_with_a_critic_of_zero_and_lambda_one_the_advantage_is_the_return(seed):
    experience, _ = batch_of(seed)
    blind = dataclasses.replace(experience, value_BT=torch.zeros_like(experience.mask_BT))
    ppo = CATALOG["ppo"]
    definition = ppo.but(whiten=False, value=dataclasses.replace(ppo.value, actor_lambda=1.0, critic_lambda=1.0))
    found = advantages(blind, definition)
    expected = experience.reward_B[:, None] * experience.mask_BT
    torch.testing.assert_close(found.advantage_BT, expected)
    torch.testing.assert_close(found.return_BT, expected)


@given(SEEDS, st.floats(0.1, 1.0), st.floats(0.0, 1.0))
@settings(max_examples=20, deadline=None)
def test_gae_obeys_its_recursion_over_the_tokens_that_are_there(seed, gamma, lam):
    experience, _ = batch_of(seed)
    holes = experience.mask_BT * (
        torch.rand(experience.mask_BT.shape, generator=torch.Generator().manual_seed(seed)) > 0.3
    )
    rewards = token_rewards(experience.reward_B, holes)
    found = gae(rewards, experience.value_BT, holes, gamma, torch.full((len(holes),), lam, dtype=FLOAT))
    for row in range(len(holes)):
        at = holes[row] > 0
        short = gae(
            rewards[row, at][None], experience.value_BT[row, at][None], torch.ones(1, int(at.sum()), dtype=FLOAT),
            gamma, torch.tensor([lam], dtype=FLOAT),
        )[0] if at.any() else torch.zeros(0, dtype=FLOAT)  # fmt: skip
        torch.testing.assert_close(found[row, at], short)
    assert not found[holes == 0].any()


@given(SEEDS)
@settings(max_examples=20, deadline=None)
def test_whitening_gives_mean_zero_and_deviation_one_over_the_tokens(seed):
    experience, logp = batch_of(seed)
    found = whitened(logp, experience.mask_BT)[experience.mask_BT > 0]
    assert float(found.mean()) == pytest.approx(0.0, abs=1e-12)
    assert float(found.std(correction=1)) == pytest.approx(1.0, abs=1e-5)


def test_a_response_of_one_token_alone_is_whitened_to_zero():
    assert float(whitened(torch.tensor([[3.0]]), torch.ones(1, 1))) == 0.0


def test_the_reward_stands_at_the_last_token_that_is_there():
    mask = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 0.0]])
    found = token_rewards(torch.tensor([2.0, 5.0]), mask)
    assert found.tolist() == [[0.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
    assert reward_to_go(found, mask).tolist() == [[2.0, 0.0, 2.0, 0.0], [0.0, 0.0, 0.0, 0.0]]
