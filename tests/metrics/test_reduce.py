import itertools
import math
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.metrics import Max, Mean, MetricBag, Min, Ratio, Sum

NAN = math.nan


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        (Mean(), None),
        (Mean(0.0, 4), 0.0),
        (Mean(6.0, 4), 1.5),
        (Mean(1.0, 0.5), 2.0),
        (Sum(), 0.0),
        (Sum(-2.5), -2.5),
        (Max(), None),
        (Max(-3.0), -3.0),
        (Min(), None),
        (Min(7.0), 7.0),
        (Ratio(), None),
        (Ratio(3.0, 0.0), None),
        (Ratio(300.0, 4.0), 75.0),
    ],
)
def test_value_and_no_data(metric, value):
    assert metric.value() == value


@pytest.mark.parametrize(
    ("left", "right", "merged"),
    [
        (Mean(2.0, 1), Mean(10.0, 4), Mean(12.0, 5)),  # 2.4, not the mean of 2 and 2.5
        (Mean(), Mean(3.0, 1), Mean(3.0, 1)),
        (Sum(1.0), Sum(2.5), Sum(3.5)),
        (Max(-1.0), Max(-4.0), Max(-1.0)),
        (Max(), Max(-4.0), Max(-4.0)),
        (Min(-1.0), Min(-4.0), Min(-4.0)),
        (Min(), Min(), Min()),
        (Ratio(100.0, 2.0), Ratio(50.0, 8.0), Ratio(150.0, 10.0)),
    ],
)
def test_merging_carries_counts_and_commutes(left, right, merged):
    assert left + right == merged
    assert right + left == merged


@pytest.mark.parametrize("kind", [Max, Min, Sum])
def test_nan_survives_a_merge_in_either_order(kind):
    assert math.isnan((kind(NAN) + kind(1.0)).value())
    assert math.isnan((kind(1.0) + kind(NAN)).value())


def test_nan_in_a_mean_is_shown_not_skipped():
    assert math.isnan((Mean(NAN, 1) + Mean(1.0, 1)).value())


@pytest.mark.parametrize("count", [-1, NAN])
def test_a_mean_refuses_a_senseless_count(count):
    with pytest.raises(ValueError, match="count of a mean"):
        Mean(1.0, count)


def test_kinds_do_not_mix():
    with pytest.raises(TypeError, match="a Mean merges with its own kind only, not with Sum"):
        Mean(1.0, 1) + Sum(1.0)
    bag = MetricBag({"reward/mean": Mean(1.0, 1)})
    with pytest.raises(TypeError, match=r"'reward/mean' is a Mean; a Max cannot"):
        bag.max("reward/mean", 2.0)


def test_bag_by_name_and_plain_numbers_of_a_step():
    bag = MetricBag()
    bag.mean("reward/mean", 0.5, count=4)
    bag.mean("reward/mean", 1.0)
    bag.mean("accuracy/heldout", NAN, count=0)  # nothing was measured: no data, whatever the value
    bag.sum("prompts/handed_out", 3)
    bag.sum("prompts/handed_out", 2)
    bag.max("mismatch/max_abs", 0.1)
    bag.max("mismatch/max_abs", 0.4)
    bag.min("reward/min", -1)
    bag.ratio("throughput/tokens_per_s", 900, 3)
    assert bag.values_by_name() == {
        "accuracy/heldout": None,
        "mismatch/max_abs": 0.4,
        "prompts/handed_out": 5.0,
        "reward/mean": 0.6,
        "reward/min": -1.0,
        "throughput/tokens_per_s": 300.0,
    }


def test_merging_bags_leaves_the_parts_alone_and_keeps_what_one_holds():
    left, right = MetricBag({"a": Sum(1.0)}), MetricBag({"a": Sum(2.0), "b": Max(5.0)})
    assert dict(left + right) == {"a": Sum(3.0), "b": Max(5.0)}
    assert dict(left) == {"a": Sum(1.0)}
    assert dict(right) == {"a": Sum(2.0), "b": Max(5.0)}


def test_bags_cross_process_boundaries():
    bag = MetricBag({"a": Mean(3.0, 2), "b": Max()})
    assert dict(pickle.loads(pickle.dumps(bag))) == dict(bag)


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30), st.data())
def test_any_split_into_workers_gives_the_same_numbers(values, data):
    def bag_of(part):
        bag = MetricBag()
        for v in part:
            bag.mean("mean", v)
            bag.sum("sum", v)
            bag.max("max", v)
            bag.min("min", v)
        return bag

    cuts = sorted(data.draw(st.lists(st.integers(0, len(values)), max_size=4)))
    edges = [0, *cuts, len(values)]
    merged = MetricBag()
    for bag in data.draw(st.permutations([bag_of(values[a:b]) for a, b in itertools.pairwise(edges)])):
        merged.merge(bag)
    expected = {"mean": sum(values) / len(values), "sum": sum(values), "max": max(values), "min": min(values)}
    assert merged.values_by_name() == expected
