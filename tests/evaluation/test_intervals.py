import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.evaluation.bounded import chance_not_above, mean_bounds
from rlhf.evaluation.intervals import (
    BOUNDED,
    CLUSTERED_T,
    EXACT,
    WILSON,
    Interval,
    accuracy_interval,
    deciding,
    mean_interval,
    skewed_t,
    wilson,
)
from rlhf.evaluation.student import t_quantile, t_tail


@pytest.mark.parametrize(
    ("probability", "degrees", "t"),
    [
        (0.975, 1, 12.7062),
        (0.975, 2, 4.3027),
        (0.975, 4, 2.7764),
        (0.975, 29, 2.0452),
        (0.975, 199, 1.97196),
        (0.95, 10, 1.8125),
        (0.995, 5, 4.0321),
    ],
)
def test_t_quantiles_of_the_printed_tables(probability, degrees, t):
    assert t_quantile(probability, degrees) == pytest.approx(t, abs=5e-5)


@settings(deadline=None)
@given(degrees=st.floats(0.3, 5000), t=st.floats(1e-3, 60))
def test_t_tail_is_the_incomplete_beta_function(degrees, t):
    x = mpmath.mpf(degrees) / (degrees + mpmath.mpf(t) ** 2)
    wanted = float(mpmath.betainc(mpmath.mpf(degrees) / 2, 0.5, 0, x, regularized=True) / 2)
    assert t_tail(t, degrees) == t_tail(-t, degrees) == pytest.approx(wanted, rel=1e-8, abs=1e-250)


def test_t_tail_at_its_ends():
    assert (t_tail(0.0, 7), t_tail(math.inf, 7)) == (0.5, 0.0)


@pytest.mark.parametrize(("probability", "degrees"), [(0.5, 3), (1.0, 3), (0.975, 0)])
def test_t_quantile_refuses_what_it_does_not_know(probability, degrees):
    with pytest.raises(ValueError, match="t_quantile wants"):
        t_quantile(probability, degrees)
    with pytest.raises(ValueError, match="t_tail wants"):
        t_tail(1.0, 0)


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        (5, 10, 0.2366, 0.7634),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (81, 263, 0.2553, 0.3662),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_wilson_by_hand(correct, n, low, high):
    # 81 of 263 is the example of R. G. Newcombe, Statistics in Medicine 17, 1998, p. 861, method 3: 0.2553 to 0.3662.
    assert wilson(correct / n, n) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_single_samples_of_many_problems_get_wilsons_interval():
    interval = accuracy_interval([[i < 81] for i in range(263)])
    assert (interval.method, interval.n_problems, interval.n_samples) == (WILSON, 263, 263)
    assert (interval.value, interval.low, interval.high) == (81 / 263, *wilson(81 / 263, 263))


@pytest.mark.parametrize(
    ("correct", "n", "low", "high"),
    [
        # The 2.5% points of beta distributions; with 0 of n the upper is 1 - 0.025^(1/n).
        (0, 10, 0.0, 0.308497),
        (10, 10, 0.691503, 1.0),
        (5, 10, 0.187086, 0.812914),
        (1, 2, 0.012579, 0.987421),
        (3, 200, 0.003104, 0.043208),
        (1, 1, 0.025, 1.0),
    ],
)
def test_few_single_samples_get_clopper_and_pearsons_interval(correct, n, low, high):
    interval = accuracy_interval([[i < correct] for i in range(n)])
    assert (interval.low, interval.high) == (pytest.approx(low, abs=1e-6), pytest.approx(high, abs=1e-6))
    assert (interval.value, interval.method) == (correct / n, EXACT)


@settings(deadline=None, max_examples=50)
@given(n=st.integers(1, 60), data=st.data())
def test_bounds_of_zeros_and_ones_are_quantiles_of_beta_distributions(n, data):
    ones = data.draw(st.integers(0, n))
    low, high = mean_bounds(np.array([1.0] * ones + [0.0] * (n - ones)), 0.0, 1.0)
    if ones:
        assert float(mpmath.betainc(ones, n - ones + 1, 0, low, regularized=True)) == pytest.approx(0.025, abs=1e-7)
    if ones < n:
        assert float(mpmath.betainc(ones + 1, n - ones, 0, high, regularized=True)) == pytest.approx(0.975, abs=1e-7)


def test_bounds_are_quantiles_of_the_randomly_weighted_mean():
    values = np.array([0.0, 0.25, 0.25, 0.5, 1.0])
    weights = np.random.default_rng(3).dirichlet(np.ones(6), 200_000)
    above, below = weights @ np.append(values, 1.0), weights @ np.append(values, 0.0)
    low, high = mean_bounds(values, 0.0, 1.0)
    assert np.mean(above <= high) == pytest.approx(0.975, abs=0.001)
    assert np.mean(below < low) == pytest.approx(0.025, abs=0.001)
    assert chance_not_above(values, 1.0, 0.5) == pytest.approx(np.mean(above <= 0.5), abs=0.003)
    assert chance_not_above(values, 1.0, 1.0) == 1.0
    assert chance_not_above(values, 1.0, -0.1) == 0.0


@pytest.mark.parametrize(
    "values",
    [
        [1.0] * 4 + [1 - 1e-7],
        [1 - 1e-9],
        [1 - 1e-16] * 30,
        [1e-12] + [0.0] * 1318,
        [0.0] * 5000,
        [0.5] * 5000,
        [0.0, 1e-300],
    ],
    ids=lambda values: f"{len(values)} of {values[0]!r} to {values[-1]!r}",
)
def test_bounds_of_odd_values(values):
    low, high = mean_bounds(np.array(values), 0.0, 1.0)
    mean = math.fsum(values) / len(values)
    assert 0 <= low <= mean <= high <= 1
    assert high - low > 3 / (len(values) + 3) * 0.49
    assert high - low < 4.5 / (len(values) + 3)


def test_a_level_below_one_half_is_refused():
    with pytest.raises(ValueError, match="a level goes from"):
        mean_bounds(np.array([0.5]), 0.0, 1.0, 0.3)


@pytest.mark.parametrize("n", [1, 2, 3, 30, 2000])
def test_bounds_are_kept_by_a_change_of_scale(n):
    values = np.linspace(0, 1, n) ** 2
    low, high = mean_bounds(values, 0.0, 1.0)
    assert mean_bounds(-1 + 2 * values, -1.0, 1.0) == pytest.approx((-1 + 2 * low, -1 + 2 * high), abs=1e-7)
    assert mean_bounds(1 - values, 0.0, 1.0) == pytest.approx((1 - high, 1 - low), abs=1e-7)


def test_the_skewed_t_is_students_where_nothing_is_skewed():
    values = np.array([0.2, 0.4, 0.6, 0.8] * 60)
    error = values.std(ddof=1) / math.sqrt(240)
    reach = t_quantile(0.975, 239) * error
    assert skewed_t(values) == pytest.approx((0.5 - reach, 0.5 + reach))


def test_the_skewed_t_by_hand():
    # 30 ones, 270 zeros: mean 0.1, s^2 = 0.09, skewness (1 - 0.2) / 0.3 = 8/3, t(0.975, 299) = 1.967930.
    # With r = sqrt 300: 1 + 8/3 * (1.967930 / r - 8/3 / 1800) = 1.299032, cube root 1.091125; back = 9 r / 8 * 0.091125 = 1.775632;
    # 1 + 8/3 * (-1.967930 / r - 8/3 / 1800) = 0.693068, cube root 0.884958; back = -9 r / 8 * 0.115042 = -2.241671; error 0.3 / sqrt 299.
    low, high = skewed_t(np.array([1.0] * 30 + [0.0] * 270))
    assert low == pytest.approx(0.1 - 1.775632 * 0.3 / math.sqrt(299), abs=2e-6)
    assert high == pytest.approx(0.1 + 2.241671 * 0.3 / math.sqrt(299), abs=2e-6)


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ([0.0] * 9, 0),
        ([0.1] * 1319, 0),  # their mean is not quite 0.1
        ([0.0, 1.0] * 50, 100),
        ([1.0] * 3 + [0.0] * 197, 3.1),
        ([-1.0] * 2 + [1.0] * 2 + [0.0] * 500, 4),
    ],
)
def test_how_many_problems_decide(values, count):
    assert deciding(np.array(values)) == pytest.approx(count, abs=0.05)


@pytest.mark.parametrize(
    ("correct", "method"),
    [
        ([[True, False]] * 100 + [[True, True]] * 99, BOUNDED),  # 199 problems
        ([[True, False]] * 100 + [[True, True]] * 100, CLUSTERED_T),
        ([[True] * 4] * 9 + [[False] * 4] * 391, BOUNDED),  # 9 solved
        ([[False] * 4] * 9 + [[True] * 4] * 391, BOUNDED),
        ([[True] * 4] * 11 + [[False] * 4] * 389, CLUSTERED_T),
        ([[True, False]] * 395 + [[True, True]] * 5, BOUNDED),  # 5 decide
        ([[True]] * 9 + [[False]] * 391, EXACT),
        ([[True]] * 11 + [[False]] * 389, WILSON),
        ([[True]] * 11 + [[False]] * 189 + [[True, False]], CLUSTERED_T),  # not one sample of every problem
        ([[True, False]], BOUNDED),
    ],
)
def test_which_method(correct, method):
    assert accuracy_interval(correct).method == method


def test_problems_weigh_the_same_however_many_samples_they_have():
    assert accuracy_interval([[True], [False] * 9, [True] * 2]).value == pytest.approx(2 / 3)


@pytest.mark.parametrize("problems", [60, 600])
def test_samples_of_one_problem_are_not_independent_evidence(problems):
    """Repeating each answer eight times adds nothing: the interval must not shrink."""
    once = [[i % 3 == 0] for i in range(problems)]
    repeated = [samples * 8 for samples in once]
    few, many = accuracy_interval(once), accuracy_interval(repeated)
    assert many.value == few.value
    assert many.high - many.low > 0.98 * (few.high - few.low)


def test_one_problem_says_little_about_others():
    interval = accuracy_interval([[True, False]])
    assert (interval.value, interval.method) == (0.5, BOUNDED)
    # One value and one end with weights that are uniform on (0, 1): 0.5 + 0.5 * 0.975.
    assert (interval.low, interval.high) == (pytest.approx(0.0125), pytest.approx(0.9875))


@settings(deadline=None, max_examples=200)
@given(
    st.lists(st.integers(0, 8), min_size=1, max_size=40),
    st.sampled_from([1, 7, 40]),
)
def test_an_interval_holds_its_value_and_has_a_width(counts, times):
    values = [count / 8 for count in counts] * times
    interval = mean_interval(values, 8 * len(values))
    assert 0 <= interval.low <= interval.value <= interval.high <= 1
    assert interval.high - interval.low > 0.9 / len(values)
    mirrored = mean_interval([1 - value for value in values], 8 * len(values))
    assert (mirrored.low, mirrored.high) == (
        pytest.approx(1 - interval.high, abs=1e-6),
        pytest.approx(1 - interval.low, abs=1e-6),
    )
    assert mean_interval(values[::-1], 8 * len(values)).low == pytest.approx(interval.low, abs=1e-9)


def test_a_higher_level_is_wider():
    for correct in ([[True], [False]] * 9, [[True], [False]] * 900, [[True] * 2, [True, False]] * 900):
        widths = [(i := accuracy_interval(correct, level)).high - i.low for level in (0.5, 0.9, 0.95, 0.99)]
        assert all(a < b for a, b in itertools.pairwise(widths))


@pytest.mark.parametrize(("correct", "message"), [([], "no problems"), ([[True], []], "problem 1 has no samples")])
def test_nothing_to_estimate_is_refused(correct, message):
    with pytest.raises(ValueError, match=message):
        accuracy_interval(correct)


@pytest.mark.parametrize(
    ("values", "message"), [([], "no problems"), ([0.5, 1.1], "from 0 to 1"), ([-0.1], "from 0 to 1")]
)
def test_values_are_fractions(values, message):
    with pytest.raises(ValueError, match=message):
        mean_interval(values, len(values))


@pytest.mark.parametrize(
    ("a", "b", "overlap"),
    [((0.1, 0.2), (0.3, 0.4), False), ((0.1, 0.3), (0.3, 0.4), True), ((0.1, 0.9), (0.3, 0.4), True)],
)
def test_overlap_is_symmetric(a, b, overlap):
    left, right = (Interval((low + high) / 2, low, high, WILSON, 9, 9) for low, high in (a, b))
    assert left.overlaps(right) is right.overlaps(left) is overlap


def test_an_interval_must_hold_its_value():
    with pytest.raises(ValueError, match="low <= value <= high"):
        Interval(0.5, 0.6, 0.7, WILSON, 1, 1)
