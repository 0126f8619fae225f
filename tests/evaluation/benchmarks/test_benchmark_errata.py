"""Corrections by name: which are right, where they are applied, and what is refused."""

import itertools
import math

import pytest

from rlhf.data.errors import DataError
from rlhf.evaluation.benchmarks import BENCHMARKS
from tests.evaluation.benchmarks.rows import GSM8K, load, write_lines

APPLES = {
    "question": "Marin and his  neighbor Nancy each eat 4 apples\na day. How many apples do they eat in 30 days?",
    "answer": "#### 150",
}


def f(t):
    return abs(abs(t) - 0.5)


def g(t):
    return abs(abs(t) - 0.25)


def up(x):
    return 4 * g(f(math.sin(2 * math.pi * x)))


def across(y):
    return 4 * g(f(math.cos(3 * math.pi * y)))


def bends(angle_of, scale):
    """Where the argument of f is a multiple of a quarter, on [0, 1]: between two of them the function is monotone."""
    found = {0.0, 1.0}
    for quarter in range(-4, 5):
        for turn in range(-4, 5):
            for angle in angle_of(quarter / 4):
                place = (angle + 2 * math.pi * turn) / (scale * math.pi)
                if 0 <= place <= 1:
                    found.add(round(place, 13))
    return sorted(found)


def bisect(function, low, high):
    rising = function(low) < function(high)
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if (function(middle) < 0) == rising else (low, middle)
    return (low + high) / 2


def intersections():
    """x = across(up(x)) on [0, 1], which holds both graphs: every piece on which up and across are monotone, with its
    ends, is divided finely towards them, and every change of sign is one intersection."""
    over = bends(lambda s: (math.asin(s), math.pi - math.asin(s)), 2)
    levels = bends(lambda s: (math.acos(s), -math.acos(s)), 3)
    found = []
    for start, end in itertools.pairwise(over):
        low, high = sorted((up(start), up(end)))
        inner = [bisect(lambda x, y=y: up(x) - y, start, end) for y in levels if low < y < high]
        edges = [start, *sorted(inner), end]
        for left, right in itertools.pairwise(edges):
            steps = [left + (right - left) * (1 - math.cos(math.pi * k / 60)) / 2 for k in range(61)]
            values = [x - across(up(x)) for x in steps]
            for a, b, x, y in zip(steps, steps[1:], values, values[1:], strict=False):
                if abs(x) < 1e-12:
                    found.append(a)
                elif x * y < 0 and abs(y) >= 1e-12:
                    found.append(bisect(lambda t: t - across(up(t)), a, b))
            if abs(values[-1]) < 1e-12:
                found.append(right)
    return len({round(x, 10) for x in found})


def test_the_aime_problem_has_385_intersections():
    assert intersections() == int(BENCHMARKS["aime24"].errata["aime24-385"].reference) == 385


def test_the_arithmetic_of_the_gsm8k_problems():
    references = {name: int(erratum.reference) for name, erratum in BENCHMARKS["gsm8k"].errata.items()}
    assert references == {
        "gsm8k-apples": (4 + 4) * 30,
        "gsm8k-reports": (23 - 8) * (60 // 15) * 30,
        "gsm8k-carnival": (430 + 320) + 430 + (300 + 400) + 300,
    }


def test_an_erratum_is_applied_by_name_alone(tmp_path):
    write_lines(tmp_path / "gsm8k.jsonl", [*GSM8K, APPLES])
    assert load("gsm8k", tmp_path).problems[4].reference == "150"
    loaded = load("gsm8k", tmp_path, ["aime24-385", "gsm8k-apples"])
    assert loaded.problems[4].reference == "240"
    assert loaded.problems[4].question == APPLES["question"]
    assert loaded.errata == ("gsm8k-apples",)
    assert loaded.problems[:4] == load("gsm8k", tmp_path).problems[:4]


def test_it_is_in_force_where_the_copy_is_right_already(tmp_path):
    row = {"id": 1, "problem": "Let f be. Find the number of intersections of the graphs of f, g.", "answer": "385"}
    write_lines(tmp_path / "aime24.jsonl", [row])
    loaded = load("aime24", tmp_path, ["aime24-385"])
    assert (loaded.errata, loaded.problems[0].reference) == (("aime24-385",), "385")


def test_it_is_looked_for_among_all_problems_whatever_the_limit(tmp_path):
    write_lines(tmp_path / "gsm8k.jsonl", [*GSM8K, APPLES])
    assert load("gsm8k", tmp_path, ["gsm8k-apples"], limit=2).errata == ("gsm8k-apples",)


@pytest.mark.parametrize(
    ("rows", "names", "said"),
    [
        (GSM8K, ["gsm8k-apple"], "evaluation.errata: no erratum is named 'gsm8k-apple'; did you mean gsm8k-apples?"),
        (GSM8K, ["xyz"], "there are: gsm8k-apples, gsm8k-reports, gsm8k-carnival, aime24-385"),
        (GSM8K, ["gsm8k-apples"], "gsm8k-apples: no problem of this copy of gsm8k say “Marin and his neighbor"),
        ([APPLES, APPLES], ["gsm8k-apples"], "gsm8k-apples: 2 problems of this copy of gsm8k say “Marin"),
    ],
)
def test_errata_that_cannot_be_applied(tmp_path, rows, names, said):
    write_lines(tmp_path / "gsm8k.jsonl", rows)
    with pytest.raises(DataError) as caught:
        load("gsm8k", tmp_path, names)
    assert said in str(caught.value)
