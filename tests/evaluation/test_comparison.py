import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from two_results import make_benchmark, make_problem

from rlhf.evaluation.comparison import (
    BOUNDED,
    MCNEMAR,
    PAIRED_T,
    Difference,
    compare_benchmark,
    paired_difference,
)
from rlhf.evaluation.intervals import deciding
from rlhf.evaluation.results import ResultsError
from rlhf.evaluation.student import t_quantile, t_tail


def flipped(better, worse, problems):
    """Single samples: (A's values, B's values)."""
    kept = problems - better - worse
    return [0.0] * better + [1.0] * worse + [1.0] * kept, [1.0] * better + [0.0] * worse + [1.0] * kept


@pytest.mark.parametrize("problems", [9, 200, 1319])
@pytest.mark.parametrize(
    ("better", "worse"), [(0, 0), (1, 0), (3, 0), (5, 0), (6, 0), (0, 6), (4, 1), (7, 1), (3, 3), (8, 1)]
)
def test_few_flips_have_mcnemars_exact_p_value(better, worse, problems):
    found = paired_difference(*flipped(better, worse, problems))
    flips, least = better + worse, min(better, worse)
    tail = sum(math.comb(flips, i) for i in range(least + 1)) / 2**flips
    assert found.p_value == pytest.approx(min(1.0, 2 * tail), abs=1e-9)
    assert found.method == MCNEMAR
    assert found.value == pytest.approx((better - worse) / problems)
    assert found.low <= found.value <= found.high


def test_three_flips_of_200_are_no_proof():
    found = paired_difference(*flipped(3, 0, 200))
    assert found.value == 0.015
    # Above: Clopper and Pearson's bound of 3 of 200. Below: the 2.5% point of G(3) - E over the sum of all 201 weights.
    assert found.high == pytest.approx(0.043208, abs=1e-6)
    assert found.low == pytest.approx(-0.0078, abs=2e-3)
    assert (round(found.p_value, 4), found.n_problems) == (0.25, 200)
    weights = np.random.default_rng(1).dirichlet([3, 1, 197], 400_000)
    assert np.mean(weights[:, 0] - weights[:, 1] < found.low) == pytest.approx(0.025, abs=0.001)


def test_no_difference_at_all_has_a_width():
    found = paired_difference([1.0, 0.0] * 100, [1.0, 0.0] * 100)
    assert (found.value, found.p_value) == (0.0, 1.0)
    assert found.high == -found.low == pytest.approx(1 - 0.025 ** (1 / 200))


def test_many_differences_by_hand():
    # 40 problems: 20 better by 0.5, 12 by 0.25, 8 worse by 0.25; mean 0.275, squares 20 * 0.225^2 + 12 * 0.025^2 + 8 * 0.525^2
    # = 3.225, fourth powers 0.051258 + 0.0000047 + 0.607753 = 0.659016; kurtosis 40 * 0.659016 / 3.225^2 = 2.534544.
    a = [0.25] * 40
    b = [0.75] * 20 + [0.5] * 12 + [0.0] * 8
    found = paired_difference(a, b)
    error = math.sqrt(3.225 / 39 / 40)
    degrees = min(39.0, 80 / 1.534544)
    assert degrees == 39
    assert found.method == PAIRED_T
    assert found.value == pytest.approx(0.275)
    assert found.high - found.value == found.value - found.low == pytest.approx(t_quantile(0.975, 39) * error)
    assert found.p_value == pytest.approx(2 * t_tail(0.275 / error, 39))


def test_rare_differences_leave_fewer_degrees_of_freedom():
    # 16 of 400 differ: kurtosis near 25, degrees 800 / 24 rather than 399.
    a, b = flipped(10, 6, 400)
    found = paired_difference(a, b)
    kurtosis = 400 / deciding(np.array(b) - np.array(a))
    assert kurtosis == pytest.approx(25, abs=0.5)
    error = math.sqrt((16 - 16 / 400) / 399 / 400)
    assert found.method == PAIRED_T
    assert found.high - found.value == pytest.approx(t_quantile(0.975, 800 / (kurtosis - 1)) * error, rel=1e-3)


def test_few_deciding_averages_are_bounded():
    found = paired_difference([0.5] * 30, [0.5] * 27 + [0.75, 0.75, 1.0])
    assert found.method == BOUNDED
    assert found.low < 0 < found.high
    assert paired_difference([0.0], [0.5]).method == BOUNDED


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_a_comparison_the_other_way_round_is_its_mirror(pairs):
    a, b = [x / 4 for x, _ in pairs], [y / 4 for _, y in pairs]
    there, back = paired_difference(a, b), paired_difference(b, a)
    assert (back.value, back.low, back.high) == pytest.approx((-there.value, -there.high, -there.low), abs=1e-6)
    assert back.p_value == pytest.approx(there.p_value, abs=1e-6)
    assert there.low < there.high
    assert -1 <= there.low <= there.value <= there.high <= 1
    if abs(there.p_value - 0.05) > 1e-6:
        assert (there.p_value < 0.05) == (not there.low <= 0 <= there.high)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ([], [], "and some"),
        ([0.5], [0.5, 0.5], "found 1 and 2"),
        ([0.5], [1.5], "from 0 to 1"),
        ([-0.1], [0.5], "from 0 to 1"),
    ],
)
def test_no_pairs(a, b, message):
    with pytest.raises(ValueError, match=message):
        paired_difference(a, b)


def test_a_difference_must_hold_its_value():
    with pytest.raises(ValueError, match="low <= value <= high"):
        Difference(0.5, 0.6, 0.7, 0.5, PAIRED_T, 9)


def compared(a, b):
    return compare_benchmark(make_benchmark("gsm8k", a), make_benchmark("gsm8k", b))


def test_problems_are_paired_by_id():
    found = compared({"0": "c", "1": "w", "2": "c", "only": "c"}, {"2": "w", "1": "c", "0": "c", "x": "w", "y": "w"})
    assert [(pair.id, pair.a, pair.b) for pair in found.pairs] == [("0", 1, 1), ("1", 0, 1), ("2", 1, 0)]
    assert (found.only_a, found.only_b, found.unjudged) == (1, 2, 0)
    assert (found.accuracy_a.value, found.accuracy_b.value, found.difference.value) == (2 / 3, 2 / 3, 0.0)
    assert (found.accuracy_a.n_problems, found.difference.n_problems) == (3, 3)


def test_errors_are_no_samples_and_a_problem_without_any_other_is_left_out():
    found = compared({"0": "cwee", "1": "eeee", "2": "cccc"}, {"0": "cccc", "1": "cccc", "2": "wwwe"})
    assert [(pair.id, pair.a, pair.b) for pair in found.pairs] == [("0", 0.5, 1), ("2", 1, 0)]
    assert (found.only_a, found.only_b, found.unjudged) == (0, 0, 1)


@pytest.mark.parametrize(
    ("a", "b", "flip"),
    [("c", "w", "worse"), ("w", "c", "better"), ("c", "c", None), ("cccw", "cwww", "worse"), ("cwww", "cccc", "better"),
     ("ccww", "cccc", None), ("cccc", "ccww", None), ("cuut", "cccw", "better"), ("cwe", "ccc", None), ("cce", "wwc", "worse")],
)  # fmt: skip
def test_flips(a, b, flip):
    (pair,) = compared({"0": a}, {"0": b}).pairs
    assert pair.flip == flip


def test_the_widest_flips_come_first():
    found = compared(
        {"0": "cccw", "1": "cccc", "2": "wwww", "3": "cccc", "4": "wwww"},
        {"0": "wwwc", "1": "wwww", "2": "cccc", "3": "wwww", "4": "cccw"},
    )
    assert [pair.id for pair in found.flips("worse")] == ["1", "3", "0"]
    assert [pair.id for pair in found.flips("better")] == ["2", "4"]


def test_difficulty_bands():
    found = compared(
        {"0": "wwww", "1": "cwww", "2": "cccw", "3": "cccc", "4": "cccc", "5": "wwww", "6": "cwww"},
        {"0": "wwww", "1": "cwww", "2": "cccc", "3": "cccc", "4": "cwww", "5": "cccc", "6": "ccww"},
    )
    assert [(band.label, band.n_problems, band.a, band.b) for band in found.bands] == [
        ("0", 1, 0.0, 0.0),
        ("0 to 0.25", 1, 0.25, 0.25),
        ("0.25 to 0.5", 2, 0.125, 0.75),
        ("0.5 to 0.75", 1, 1.0, 0.25),
        ("0.75 to 1", 1, 0.75, 1.0),
        ("1", 1, 1.0, 1.0),
    ]
    assert compared({"0": "c"}, {"0": "c"}).bands[0].a is None


def test_bands_of_two_results_of_one_model_show_no_change():
    """Bands of A's own rate would: its luckiest problems would seem to fall."""
    rng = np.random.default_rng(2)
    p = rng.beta(1, 1, 4000)

    def letters():
        return {str(i): "c" * k + "w" * (4 - k) for i, k in enumerate(rng.binomial(4, p))}

    for band in compared(letters(), letters()).bands:
        assert band.a == pytest.approx(band.b, abs=0.03)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"question": "Another?"},
            r"gsm8k: problem '1' has another question in each result: 'What is 1\?' and 'Another\?'",
        ),
        ({"reference": "36"}, r"gsm8k: problem '1' has another reference in each result: 'gold' and '36'; .*--errata"),
        ({"reference": None}, r"'gold' and None"),
    ],
)
def test_other_problems_of_the_same_names_are_refused(change, message):
    a = make_benchmark("gsm8k", {"0": "c", "1": "c"})
    b = make_benchmark("gsm8k", [make_problem("0", "c"), make_problem("1", "c", **change)])
    with pytest.raises(ResultsError, match=message):
        compare_benchmark(a, b)


@pytest.mark.parametrize(
    ("a", "b", "message"),
    [
        ({"0": "c"}, {"1": "c"}, r"no problem was judged in both results \(1 problems and 1, 0 in both\)"),
        ({"0": "e"}, {"0": "c"}, r"1 in both\)"),
    ],
)
def test_nothing_to_pair_is_refused(a, b, message):
    with pytest.raises(ResultsError, match=message):
        compared(a, b)


def test_a_problem_that_is_there_twice_is_refused():
    twice = make_benchmark("gsm8k", [make_problem("0", "c"), make_problem("0", "w")])
    with pytest.raises(ResultsError, match="problem '0' is there twice"):
        compare_benchmark(make_benchmark("gsm8k", {"0": "c"}), twice)
