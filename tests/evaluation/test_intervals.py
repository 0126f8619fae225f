import numpy as np
import pytest

from rlhf.evaluation.intervals import (
    CLUSTERED_T,
    UNKNOWN,
    WILSON,
    WILSON_NO_SPREAD,
    Interval,
    accuracy_interval,
    t_quantile,
    wilson,
)


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


@pytest.mark.parametrize(("probability", "degrees"), [(0.5, 3), (1.0, 3), (0.975, 0)])
def test_t_quantile_refuses_what_it_does_not_know(probability, degrees):
    with pytest.raises(ValueError, match="t_quantile wants"):
        t_quantile(probability, degrees)


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
    interval = accuracy_interval([[i < correct] for i in range(n)])
    assert (interval.method, interval.n_problems, interval.n_samples) == (WILSON, n, n)
    assert (interval.value, interval.low, interval.high) == (correct / n, *wilson(correct / n, n))


def test_clustered_t_by_hand():
    # Problem means 1, 0.5, 0.5, 0.25; their mean 0.5625; squared deviations 0.19140625 + 2 * 0.00390625 + 0.09765625 = 0.296875;
    # standard error sqrt(0.296875 / 3 / 4) = 0.157288; times t(0.975, 3) = 3.182446: 0.500561.
    interval = accuracy_interval(
        [[True] * 4, [True, True, False, False], [True, False] * 2, [True, False, False, False]]
    )
    assert interval.value == 0.5625
    assert interval.low == pytest.approx(0.061939, abs=1e-6)
    assert interval.high == 1.0  # 1.063, cut off
    assert (interval.method, interval.n_problems, interval.n_samples) == (CLUSTERED_T, 4, 16)


def test_problems_weigh_the_same_however_many_samples_they_have():
    assert accuracy_interval([[True], [False] * 9, [True] * 2]).value == pytest.approx(2 / 3)


def test_samples_of_one_problem_are_not_independent_evidence():
    """Repeating each answer eight times adds nothing: the interval must not shrink."""
    once = [[i % 3 == 0] for i in range(60)]
    repeated = [samples * 8 for samples in once]
    few, many = accuracy_interval(once), accuracy_interval(repeated)
    assert many.value == few.value
    assert many.high - many.low > 0.98 * (few.high - few.low)


def test_no_spread_between_problems_is_not_certainty():
    interval = accuracy_interval([[True, True]] * 20)
    assert (interval.value, interval.high, interval.method) == (1.0, 1.0, WILSON_NO_SPREAD)
    assert interval.low == pytest.approx(0.8389, abs=5e-5)


def test_one_problem_says_nothing_about_others():
    interval = accuracy_interval([[True, False]])
    assert (interval.value, interval.low, interval.high, interval.method) == (0.5, 0.0, 1.0, UNKNOWN)


@pytest.mark.parametrize(("correct", "message"), [([], "no problems"), ([[True], []], "problem 1 has no samples")])
def test_nothing_to_estimate_is_refused(correct, message):
    with pytest.raises(ValueError, match=message):
        accuracy_interval(correct)


@pytest.mark.parametrize(
    ("a", "b", "overlap"),
    [((0.1, 0.2), (0.3, 0.4), False), ((0.1, 0.3), (0.3, 0.4), True), ((0.1, 0.9), (0.3, 0.4), True)],
)
def test_overlap_is_symmetric(a, b, overlap):
    left, right = (Interval((low + high) / 2, low, high, WILSON, 9, 9) for low, high in (a, b))
    assert left.overlaps(right) is right.overlaps(left) is overlap


def test_an_interval_holds_its_value():
    with pytest.raises(ValueError, match="low <= value <= high"):
        Interval(0.5, 0.6, 0.7, WILSON, 1, 1)


@pytest.mark.parametrize(("samples", "mean"), [(1, 0.3), (1, 0.85), (4, 0.3), (4, 0.7)])
def test_coverage_where_problems_are_redrawn(samples, mean):
    """200 problems, Beta-distributed difficulty: 95% intervals hold the population's mean 93 to 97% of the time."""
    rng = np.random.default_rng(7)
    rounds, problems = 1200, 200
    p_RP = rng.beta(2 * mean, 2 * (1 - mean), (rounds, problems))
    correct_RPS = rng.random((rounds, problems, samples)) < p_RP[..., None]
    intervals = [accuracy_interval(correct_PS) for correct_PS in correct_RPS.tolist()]
    covered = np.mean([i.low <= mean <= i.high for i in intervals])
    assert 0.93 <= covered <= 0.97
