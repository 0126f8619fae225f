"""Canonical answers: equal numbers are one vote, however written; what differs is never merged."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.evaluation.run.voting import MOST_CHARS, vote_of


@pytest.mark.parametrize(
    "same",
    [
        ("1/2", "0.5", ".5", r"\frac{1}{2}", r"\dfrac{1}{2}", r"\frac12", "$\\tfrac{1}{2}$", "+0.50", "2/4"),
        ("1000", "1,000", "1{,}000", "1000.0", "$1{,}000$", r"\$1,000", "1000."),
        ("-3", "−3", "-3.0", "- 3", r"-\frac{3}{1}"),
        ("50", "50%", r"50\%"),
        ("x+1", "x + 1", "$x+1$", r"\left x+1\right"),
        ("north", "North", r"\text{north}", "NORTH."),
        ("(1,2)", "( 1, 2 )", r"\left(1,\,2\right)"),
    ],
)
def test_one_answer_however_written(same):
    assert {vote_of(text) for text in same} == {vote_of(same[0])}


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("0.5", "0.05"),
        ("1/3", "0.333"),
        ("-3", "3"),
        ("12", "1,2"),
        ("(1,2)", "(2,1)"),
        ("x+1", "x-1"),
        ("1/0", "0"),
        ("3", "3cm"),
        ("10", "1.0"),
        ("1 2 3", "12 3"),
        ("1 2", "12"),
        ("2 1/2", "21/2"),
        ("a b", "ab"),
        (r"1\ 2", "12"),
        ("1.0e3", "1000"),
        ("٣", "٤"),
    ],
)
def test_what_differs_is_not_one_vote(a, b):
    assert vote_of(a) != vote_of(b)


@pytest.mark.parametrize("nothing", [None, "", "   ", "$ $", "\n"])
def test_no_answer_is_no_vote(nothing):
    assert vote_of(nothing) is None


@given(st.text(max_size=60))
def test_canonical_is_canonical(text):
    vote = vote_of(text)
    assert vote is None or vote_of(vote) == vote


@given(st.fractions(max_denominator=10**6))
def test_numbers_vote_by_value(value):
    written = [f"{value.numerator}/{value.denominator}", rf"\frac{{{value.numerator}}}{{{value.denominator}}}"]
    assert {vote_of(text) for text in written} == {str(value)}


def test_a_long_answer_costs_no_more_than_its_first_part():
    assert vote_of("9" * 10**6) == "9" * MOST_CHARS
    assert vote_of("a" * 10**6) == "a" * MOST_CHARS
