"""GRPO and Dr.GRPO against worked numbers, and the pieces that they are made of. Every oracle: tests/test_oracles.py."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rlhf.algorithms import CATALOG, get
from rlhf.algorithms.advantages import group_mean_baseline, group_normalised
from rlhf.algorithms.aggregation import token_weights, weighted_sum
from rlhf.algorithms.base import Algorithm
from rlhf.algorithms.definition import Definition
from rlhf.algorithms.experience import Experience
from rlhf.algorithms.kl import k1, k2, k3
from rlhf.algorithms.loss_types import LossInputs, LossOutput
from tests.algorithms.batch_fixture import MASK, NEW, OLD, REWARDS


def gradient(definition: Definition) -> tuple[LossOutput, torch.Tensor]:
    algorithm, logp_BT = Algorithm(definition), NEW.clone().requires_grad_()
    one_group = Experience(MASK, REWARDS, REWARDS, torch.zeros(len(REWARDS), dtype=torch.int64), OLD)
    inputs = LossInputs(
        logp_BT=logp_BT,
        old_logp_BT=OLD,
        advantage_BT=algorithm.advantages(one_group).advantage_BT,
        mask_BT=MASK,
        global_tokens=float(MASK.sum()),
        global_sequences=len(MASK),
    )
    output = algorithm.loss(inputs, norm_length=10.0)
    output.loss.backward()
    assert logp_BT.grad is not None
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
def test_loss_and_gradient_are_the_worked_numbers(name: str, loss: float, first_rows: list[list[float]]) -> None:
    output, grad = gradient(CATALOG[name].but(advantage_eps=0.0))
    assert output.loss.item() == pytest.approx(loss, abs=1e-12)
    tolerance = 1e-12 if name == "dr_grpo" else 1e-7
    expected = torch.tensor(first_rows, dtype=torch.float64)
    torch.testing.assert_close(grad[: len(expected)], expected, atol=tolerance, rtol=0)
    # One token of each row is clipped: rows 0 and 3 above, row 1 and (of a negative advantage) none in row 2.
    assert output.sums["clipped_high_tokens"].item() == 2
    assert output.sums["clipped_low_tokens"].item() == 2


def test_token_mean_is_the_worked_number() -> None:
    output, _ = gradient(CATALOG["grpo"].but(aggregation="token-mean", advantage_eps=0.0))
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
def test_aggregations_are_the_worked_numbers(rule: str, expected: float) -> None:
    x = torch.tensor([[1, 2, 3, 0, 0], [1, 1, 1, 1, 1], [4, 0, 0, 0, 0], [2, 2, 2, 6, 0]], dtype=torch.float64)
    assert weighted_sum(x, token_weights(rule, MASK, 14.0, 4, 10)).item() == pytest.approx(expected, abs=1e-12)


def test_unknown_aggregation_is_refused_with_the_list() -> None:
    with pytest.raises(ValueError, match="token-mean, seq-mean-token-mean"):
        token_weights("mean", MASK, 14.0, 4)


@pytest.mark.parametrize(
    ("eps", "expected"),
    [
        (1e-6, [0.8600720357465487, -0.28669067858218295, -1.290108053619823, 0.7167266964554573]),
        (0.0, [0.8600732686214938, -0.28669108954049793, -1.2901099029322407, 0.7167277238512448]),
    ],
)
def test_group_normalised_is_the_worked_number(eps: float, expected: list[float]) -> None:
    rewards = torch.tensor([1.0, 0.2, -0.5, 0.9], dtype=torch.float64)
    assert group_normalised(rewards, eps).tolist() == pytest.approx(expected, abs=1e-12)
    assert group_mean_baseline(rewards).tolist() == pytest.approx([0.6, -0.2, -0.9, 0.5], abs=1e-12)


@given(st.floats(-1e3, 1e3), st.integers(2, 16), st.sampled_from([0.0, 1e-6]))
def test_equal_rewards_have_zero_advantage_and_never_nan(reward: float, size: int, eps: float) -> None:
    rewards = torch.full((size,), reward, dtype=torch.float64)
    assert group_normalised(rewards, eps).tolist() == [0.0] * size


def test_kl_estimators_are_the_worked_numbers() -> None:
    p, q = torch.tensor(-0.25, dtype=torch.float64), torch.tensor(-0.05, dtype=torch.float64)  # log q/p = 0.2
    assert k1(p, q).item() == pytest.approx(-0.2)
    assert k2(p, q).item() == pytest.approx(0.02)
    assert k3(p, q).item() == pytest.approx(0.021402758160169856)


def test_an_unknown_name_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="unknown algorithm 'gropo'; write grpo"):
        get("gropo")
