"""Of thousands of experts, trackers get each layer's spread."""

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rlhf.metrics.keys import expert_load
from rlhf.metrics.tracked import for_trackers


def layers(*shares):
    return {expert_load(layer, e): share for layer, row in enumerate(shares) for e, share in enumerate(row)}


def test_few_experts_are_sent_one_by_one():
    metrics = {"reward/mean": 0.5, **layers([0.25] * 4, [0.5, 0.5, 0, 0])}
    assert for_trackers(metrics) == metrics
    assert for_trackers(layers([1 / 64] * 64)) == layers([1 / 64] * 64)
    assert "moe/load/L0/E0" not in for_trackers(layers([1 / 65] * 65))


def test_many_experts_become_three_numbers_a_layer_and_all_else_stays():
    metrics = {"a": 1.0, "moe/load/total": 7.0, **layers([0.25] * 4, [0.5, 0.5, 0, 0], [0, 0, 1, 0])}
    assert for_trackers(metrics, most=11) == pytest.approx(
        {
            "a": 1.0,
            "moe/load/total": 7.0,
            "moe/load/L0/min": 0.25,
            "moe/load/L0/max": 0.25,
            "moe/load/L0/entropy": 1.0,
            "moe/load/L1/min": 0.0,
            "moe/load/L1/max": 0.5,
            "moe/load/L1/entropy": 0.5,
            "moe/load/L2/min": 0.0,
            "moe/load/L2/max": 1.0,
            "moe/load/L2/entropy": 0.0,
        }
    )


def test_the_size_of_a_large_model():
    found = for_trackers(layers(*[[1 / 128] * 128] * 48))
    assert len(found) == 48 * 3
    assert found["moe/load/L47/entropy"] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("shares", "found"),
    [
        ([0.0, 0.0], {"min": 0.0, "max": 0.0}),
        ([1.0], {"min": 1.0, "max": 1.0, "entropy": 1.0}),
        ([2.0, 2.0], {"min": 2.0, "max": 2.0, "entropy": 1.0}),
    ],
)
def test_layers_at_the_edge(shares, found):
    assert for_trackers(layers(shares), most=0) == {f"moe/load/L0/{name}": value for name, value in found.items()}


def test_a_load_that_is_no_number_makes_its_layer_so():
    found = for_trackers(layers([0.5, math.nan, 0.5], [0.5, 0.5, 0]), most=0)
    assert [math.isnan(found[f"moe/load/L0/{name}"]) for name in ("min", "max", "entropy")] == [True] * 3
    assert found["moe/load/L1/max"] == 0.5


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
@example([5e-324, 1.0, 1.0])
@example([5e-324])
def test_entropy_is_between_none_and_even(shares):
    entropy = for_trackers(layers(shares), most=0).get("moe/load/L0/entropy")
    assert (entropy is None) == (sum(shares) == 0)
    assert entropy is None or -1e-9 <= entropy <= 1 + 1e-9
