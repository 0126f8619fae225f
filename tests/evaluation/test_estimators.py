import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.evaluation.estimators import (
    avg_at_n,
    categories_of,
    lengths_of,
    majority_at_n,
    metrics_of,
    pass_at_k,
    pass_at_powers,
)
from rlhf.evaluation.results import ProblemResult


def problem(name, statuses, votes=None, category=None, tokens=None):
    n = len(statuses)
    words = {"c": "correct", "w": "wrong", "u": "unparsed", "t": "timeout", "e": "error"}
    return ProblemResult(
        id=name,
        question=f"question {name}",
        reference="1",
        category=category,
        statuses=[words[letter] for letter in statuses],
        votes=list(votes) if votes is not None else [None] * n,
        tokens=tokens or [10] * n,
        truncated=[False] * n,
    )


def flags(*counts, n):
    return [[i < count for i in range(n)] for count in counts]


@pytest.mark.parametrize(
    ("counts", "n", "k", "value"),
    [
        ((1,), 4, 1, 0.25),
        ((1,), 4, 2, 0.5),  # 1 - C(3,2)/C(4,2) = 1 - 3/6
        ((1,), 4, 4, 1.0),
        ((0,), 4, 4, 0.0),
        ((2,), 5, 2, 0.7),  # 1 - C(3,2)/C(5,2) = 1 - 3/10
        ((3,), 4, 2, 1.0),  # fewer wrong ones than k
        ((2, 0, 5), 5, 2, (0.7 + 0 + 1) / 3),
        ((1,), 64, 8, 8 / 64),
    ],
)
def test_pass_at_k_by_hand(counts, n, k, value):
    interval = pass_at_k(flags(*counts, n=n), k)
    assert interval.value == pytest.approx(value)
    assert (interval.n_problems, interval.n_samples) == (len(counts), n * len(counts))


@given(n=st.integers(1, 9), data=st.data())
def test_pass_at_k_is_the_share_of_subsets_with_a_correct_sample(n, data):
    correct = data.draw(st.lists(st.booleans(), min_size=n, max_size=n))
    k = data.draw(st.integers(1, n))
    subsets = list(itertools.combinations(correct, k))
    assert pass_at_k([correct], k).value == pytest.approx(sum(map(any, subsets)) / len(subsets))


@given(st.lists(st.integers(0, 8), min_size=1, max_size=12))
def test_pass_at_k_grows_with_k_from_the_average_to_any(counts):
    correct = flags(*counts, n=8)
    values = [pass_at_k(correct, k).value for k in range(1, 9)]
    assert values == sorted(values)
    assert values[0] == avg_at_n(correct).value
    assert values[-1] == pytest.approx(sum(count > 0 for count in counts) / len(counts))


def test_pass_at_1_is_the_average_with_its_interval():
    correct = flags(1, 3, 4, 0, n=4)
    assert pass_at_k(correct, 1) == avg_at_n(correct)


@pytest.mark.parametrize("k", [1, 2, 8])
def test_the_expectation_does_not_move_with_the_number_of_samples(k):
    """lighteval's pass@1 halved from 8 to 64 samples (its issue 771): the mean over many draws is 1 - (1 - p)^k for every n."""
    rng, p = np.random.default_rng(5), 0.2
    wanted = 1 - (1 - p) ** k
    for n in (8, 16, 64):
        correct = rng.random((3000, n)) < p
        error = math.sqrt(wanted * (1 - wanted) / 3000)
        assert pass_at_k(correct.tolist(), k).value == pytest.approx(wanted, abs=4 * error)


@pytest.mark.parametrize(
    ("k", "message"), [(3, "pass@3 needs 3 samples of every problem; problem 1 has 2"), (0, "at least 1")]
)
def test_a_k_that_cannot_be(k, message):
    with pytest.raises(ValueError, match=message):
        pass_at_k([[True] * 4, [True] * 2], k)


@pytest.mark.parametrize("correct", [[], [[True], []]])
def test_an_average_needs_samples(correct):
    with pytest.raises(ValueError, match=r"no problems|no samples"):
        avg_at_n(correct)


@pytest.mark.parametrize(
    ("votes", "correct", "value"),
    [
        ("aab", "110", 1.0),
        ("abb", "100", 0.0),
        ("ab", "10", 0.5),  # a tie is split
        ("abc", "100", 1 / 3),
        ("aabbc", "11000", 0.5),
        ("a--", "100", 1.0),  # no answer is no vote
        ("a--", "000", 0.0),
        ("aabb", "1100", 0.5),
        ("aaab", "1101", 2 / 3),  # equal votes, judged differently
        ("aabb", "1011", 0.75),
        ("ba", "01", 0.5),  # the order does not matter
    ],
)
def test_majority_of_one_problem(votes, correct, value):
    found = majority_at_n([[None if v == "-" else v for v in votes]], [[c == "1" for c in correct]])
    assert found.value == pytest.approx(value)


def test_a_problem_without_votes_counts_nothing_and_code_has_no_majority():
    assert majority_at_n([["a", "a"], [None, None]], [[True, True], [False, False]]).value == 0.5
    assert majority_at_n([[None, None]], [[True, True]]) is None
    assert majority_at_n([], []) is None


def test_the_empty_text_is_a_vote():
    assert majority_at_n([["", "", "a"]], [[True, True, False]]).value == 1.0


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, "1", "2", "3"]), st.booleans()), min_size=1, max_size=8), st.randoms())
def test_a_majority_does_not_depend_on_the_order(samples, random):
    shuffled = list(samples)
    random.shuffle(shuffled)
    first, second = (
        majority_at_n([[vote for vote, _ in order]], [[correct for _, correct in order]])
        for order in (samples, shuffled)
    )
    if first is None or second is None:
        assert first is second is None
    else:
        assert first.value == pytest.approx(second.value)


def test_votes_and_verdicts_must_be_as_many():
    with pytest.raises(ValueError, match="zip"):
        majority_at_n([["a", "b"]], [[True]])


@pytest.mark.parametrize(
    ("n", "powers"),
    [(1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (4, [1, 2, 4]), (6, [1, 2, 4, 6]), (64, [1, 2, 4, 8, 16, 32, 64])],
)
def test_powers(n, powers):
    assert pass_at_powers(n) == powers


def named(metrics):
    return {metric.name: pytest.approx(metric.value) for metric in metrics}


def test_the_metrics_of_a_benchmark():
    problems = [problem("0", "ccww", "aabb"), problem("1", "cccc", "aaaa"), problem("2", "wwuw", ["b", "c", None, "b"])]
    metrics = metrics_of(problems, 4, [])
    assert [metric.name for metric in metrics] == ["avg@4", "pass@2", "pass@4", "maj@4"]
    assert named(metrics) == {"avg@4": 0.5, "pass@2": (5 / 6 + 1) / 3, "pass@4": 2 / 3, "maj@4": 0.5}
    assert {(metric.n_problems, metric.n_samples) for metric in metrics} == {(3, 12)}
    assert [metric.name for metric in metrics_of(problems, 4, [3, 1, 3])] == ["avg@4", "pass@1", "pass@3", "maj@4"]


def test_one_sample_a_problem_has_an_average_alone():
    assert named(metrics_of([problem("0", "c", "a"), problem("1", "t")], 1, [])) == {"avg@1": 0.5}


def test_code_has_no_majority_and_errors_are_no_samples():
    problems = [problem("0", "cwee"), problem("1", "cccw"), problem("2", "eeee")]
    metrics = {metric.name: metric for metric in metrics_of(problems, 4, [])}
    assert list(metrics) == ["avg@4", "pass@2", "pass@4"]
    assert metrics["avg@4"].value == (0.5 + 0.75) / 2
    assert (metrics["avg@4"].n_problems, metrics["avg@4"].n_samples) == (2, 6)
    assert (metrics["pass@4"].value, metrics["pass@4"].n_problems) == (1.0, 1)


def test_votes_of_failed_verdicts_do_not_count():
    assert named(metrics_of([problem("0", "cee", "abb")], 3, [1]))["maj@3"] == 1.0


def test_a_pass_at_k_that_no_problem_allows_is_left_out():
    assert [metric.name for metric in metrics_of([problem("0", "ce")], 2, [])] == ["avg@2"]


@pytest.mark.parametrize(
    ("problems", "pass_at", "message"),
    [
        ([problem("0", "cc")], [4], r"pass@4 of 2 samples a problem: write a k from 1 to 2"),
        ([problem("0", "cc")], [0], r"pass@0 of 2"),
        ([problem("0", "ee")], [], r"none of 1 problems has a sample that was judged"),
        ([], [], r"none of 0 problems"),
    ],
)
def test_metrics_refused(problems, pass_at, message):
    with pytest.raises(ValueError, match=message):
        metrics_of(problems, 2, pass_at)


def test_categories():
    problems = [
        problem("0", "cw", category="b"),
        problem("1", "cc", category="a"),
        problem("2", "ww", category="b"),
        problem("3", "cc"),
        problem("4", "ee", category="z"),
    ]
    found = categories_of(problems)
    assert [(name, metric.value, metric.n_problems) for name, metric in found.items()] == [
        ("a", 1.0, 1),
        ("b", 0.25, 2),
    ]
    assert found["a"].low < 0.05
    assert categories_of([problem("0", "c")]) == {}


def test_lengths():
    lengths = lengths_of([problem("0", "cw", tokens=[0, 10]), problem("1", "ee", tokens=[20, 40])])
    assert lengths.model_dump() == pytest.approx(
        {"mean": 17.5, "least": 0, "p10": 3.0, "median": 15.0, "p90": 34.0, "most": 40}
    )
    with pytest.raises(ValueError, match="no responses"):
        lengths_of([])
