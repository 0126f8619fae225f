"""GRPO and Dr.GRPO against worked numbers, and what must hold for any batch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.algorithms import ALGORITHMS, get
from rlhf.algorithms.advantages import group_mean_baseline, group_normalised
from rlhf.algorithms.aggregation import AGGREGATIONS, token_weights, weighted_sum
from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.kl import k1, k2, k3
from rlhf.algorithms.loss_types import LossInputs
from rlhf.recipe.schema import AlgorithmConfig
from tests.algorithms.batch_fixture import MASK, NEW, OLD, REWARDS


def loss_of(name, logp_BT, old_BT=OLD, mask_BT=MASK, advantage_B=None, tokens=None, sequences=None, **config):
    config = AlgorithmConfig(name=name, **config)
    algorithm = get(name)
    advantage_B = algorithm.advantage(REWARDS, config) if advantage_B is None else advantage_B
    inputs = LossInputs(
        logp_BT=logp_BT,
        old_logp_BT=old_BT,
        advantage_BT=advantage_B[:, None].expand_as(mask_BT),
        mask_BT=mask_BT,
        global_tokens=float(mask_BT.sum()) if tokens is None else tokens,
        global_sequences=len(mask_BT) if sequences is None else sequences,
    )
    return algorithm.loss(inputs, config, norm_length=10)


def gradient(name, logp_BT=NEW, **kwargs):
    logp_BT = logp_BT.clone().requires_grad_()
    output = loss_of(name, logp_BT, **kwargs)
    output.loss.backward()
    return output, logp_BT.grad


@pytest.mark.parametrize(
    ("name", "loss", "first_rows"),
    [
        # The surrogate of spec `grpo` without its KL term: 0.0353314 - 0.04 * 0.0276781.
        ("grpo", 0.03533139577951795 - 0.04 * 0.027678108658417997, [[0.0, -0.0562052, -0.0758690, 0, 0]]),
        (
            "dr_grpo",
            0.007732110396710521,
            [
                [0.0, -0.009735009788392562, -0.013140888704700301, 0, 0],
                [0.015267534477002125, 0.0, 0.013814636475945597, 0.017738344357415718, 0.011890367806258925],
            ],
        ),
    ],
)
def test_loss_and_gradient_are_the_worked_numbers(name, loss, first_rows):
    output, grad = gradient(name, advantage_eps=0.0)
    assert output.loss.item() == pytest.approx(loss, abs=1e-12)
    tolerance = 1e-12 if name == "dr_grpo" else 1e-7
    expected = torch.tensor(first_rows, dtype=torch.float64)
    torch.testing.assert_close(grad[: len(expected)], expected, atol=tolerance, rtol=0)
    # One token of each row is clipped: rows 0 and 3 above, row 1 and (of a negative advantage) none in row 2.
    assert output.sums["clipped_high_tokens"].item() == 2
    assert output.sums["clipped_low_tokens"].item() == 2


def test_token_mean_is_the_worked_number():
    output, _ = gradient("grpo", aggregation="token-mean", advantage_eps=0.0)
    assert output.loss.item() == pytest.approx(0.03826402301952617, abs=1e-12)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("token-mean", 1.9285714285714284),
        ("seq-mean-token-mean", 2.0),
        ("seq-mean-token-sum", 6.75),
        ("seq-mean-token-sum-norm", 0.675),
    ],
)
def test_aggregations_are_the_worked_numbers(rule, expected):
    x = torch.tensor([[1, 2, 3, 0, 0], [1, 1, 1, 1, 1], [4, 0, 0, 0, 0], [2, 2, 2, 6, 0]], dtype=torch.float64)
    assert weighted_sum(x, token_weights(rule, MASK, 14.0, 4, 10)).item() == pytest.approx(expected, abs=1e-12)


def test_unknown_aggregation_is_refused_with_the_list():
    with pytest.raises(ValueError, match="token-mean, seq-mean-token-mean"):
        token_weights("mean", MASK, 14.0, 4)


@pytest.mark.parametrize(
    ("eps", "expected"),
    [
        (1e-6, [0.8600720357465487, -0.28669067858218295, -1.290108053619823, 0.7167266964554573]),
        (0.0, [0.8600732686214938, -0.28669108954049793, -1.2901099029322407, 0.7167277238512448]),
    ],
)
def test_group_normalised_is_the_worked_number(eps, expected):
    rewards = torch.tensor([1.0, 0.2, -0.5, 0.9], dtype=torch.float64)
    assert group_normalised(rewards, eps).tolist() == pytest.approx(expected, abs=1e-12)
    assert group_mean_baseline(rewards).tolist() == pytest.approx([0.6, -0.2, -0.9, 0.5], abs=1e-12)


@given(st.floats(-1e3, 1e3), st.integers(2, 16), st.sampled_from([0.0, 1e-6]))
def test_equal_rewards_have_zero_advantage_and_never_nan(reward, size, eps):
    rewards = torch.full((size,), reward, dtype=torch.float64)
    assert group_normalised(rewards, eps).tolist() == [0.0] * size


def test_kl_estimators_are_the_worked_numbers():
    p, q = torch.tensor(-0.25, dtype=torch.float64), torch.tensor(-0.05, dtype=torch.float64)  # log q/p = 0.2
    assert k1(p, q).item() == pytest.approx(-0.2)
    assert k2(p, q).item() == pytest.approx(0.02)
    assert k3(p, q).item() == pytest.approx(0.021402758160169856)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
@pytest.mark.parametrize("rule", AGGREGATIONS)
def test_any_split_into_micro_batches_gives_the_same_gradient(name, rule):
    _, whole = gradient(name, aggregation=rule)
    advantage_B = get(name).advantage(REWARDS, AlgorithmConfig(name=name))
    parts = []
    for rows in ([0], [1, 3], [2]):
        width = int(MASK[rows].sum(1).max())
        _, part = gradient(
            name,
            logp_BT=NEW[rows][:, :width],
            old_BT=OLD[rows][:, :width],
            mask_BT=MASK[rows][:, :width],
            advantage_B=advantage_B[rows],
            tokens=14.0,
            sequences=4,
            aggregation=rule,
        )
        parts.append((rows, part))
    for rows, part in parts:
        torch.testing.assert_close(part, whole[rows][:, : part.shape[1]], atol=1e-12, rtol=0)


@pytest.mark.parametrize("name", sorted(ALGORITHMS))
def test_at_ratio_one_the_gradient_is_minus_advantage(name):
    advantage_B = torch.tensor([1.5, -0.5, 2.0, -3.0], dtype=torch.float64)
    _, grad = gradient(name, logp_BT=OLD, advantage_B=advantage_B)
    weights = token_weights(ALGORITHMS[name].aggregation, MASK, 14.0, 4, 10)
    torch.testing.assert_close(grad, -advantage_B[:, None] * weights, atol=1e-12, rtol=0)


@settings(deadline=None)
@given(st.lists(st.floats(-50, 50), min_size=14, max_size=14), st.lists(st.floats(-5, 5), min_size=4, max_size=4))
def test_far_ratios_and_padding_give_finite_losses(log_ratios, advantages):
    logp = OLD.clone()
    logp[MASK.bool()] += torch.tensor(log_ratios, dtype=torch.float64)
    logp[~MASK.bool()] = float("nan")  # what stands under the mask must not be read
    output, grad = gradient("grpo", logp_BT=logp, advantage_B=torch.tensor(advantages, dtype=torch.float64))
    assert torch.isfinite(output.loss)
    assert torch.isfinite(grad[MASK.bool()]).all()


def test_an_all_masked_row_contributes_nothing():
    masked = MASK.clone()
    masked[1] = 0
    _, grad = gradient("grpo", mask_BT=masked)
    assert grad[1].tolist() == [0.0] * 5


def test_entropy_bonus_needs_entropy_and_is_subtracted():
    with pytest.raises(ValueError, match="entropy_coef"):
        loss_of("grpo", NEW, entropy_coef=0.1)


def test_catalog_and_registry_name_the_same_algorithms():
    assert set(CATALOG) == set(ALGORITHMS)
    with pytest.raises(ValueError, match="unknown algorithm 'gropo'; write grpo"):
        get("gropo")
