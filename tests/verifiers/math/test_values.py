"""Exact values, numerical refutation, and the proofs: each alone, on what it decides and on what it must leave open."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.math.algebraic import equal_algebraic
from verifiers.math.exact import rational
from verifiers.math.limits import RefusedError
from verifiers.math.nodes import Node, Number, Symbol
from verifiers.math.numeric import agree, points, real_value
from verifiers.math.parser import parse
from verifiers.math.rewrite import branches
from verifiers.math.scalars import rounds_to
from verifiers.math.symbolic import proven_equal
from verifiers.math.text import normalise


def tree(text: str) -> Node:
    return parse(normalise(text))


EXACT = [
    ("1/2+1/3", "5/6"),
    ("2^{-3}", "1/8"),
    ("(-8)^{1/3}", "-2"),
    ("4^{3/2}", "8"),
    ("\\sqrt{\\frac{4}{9}}", "2/3"),
    ("\\sqrt[5]{-32}", "-2"),
    ("\\sqrt[1000]{2^{1000}}", "2"),
    ("\\sqrt{2}", None),
    ("\\sqrt{-4}", None),
    ("0^0", None),
    ("1/0", None),
    ("5!", "120"),
    ("(-1)!", None),
    ("6!!", "48"),
    ("\\binom{5}{7}", "0"),
    ("\\log_2{1024}", "10"),
    ("\\log_2{\\frac{1}{8}}", "-3"),
    ("\\log_2{3}", None),
    ("\\lfloor -2.5\\rfloor", "-3"),
    ("\\max(1,2,3)", "3"),
    ("7 \\bmod 3", "1"),
    ("\\gcd(12,18)", "6"),
    ("5\\%", "1/20"),
    ("x-x", None),
]


@pytest.mark.parametrize(("text", "value"), EXACT)
def test_exact_values(text: str, value: str | None) -> None:
    assert rational(tree(text)) == (None if value is None else Fraction(value))


@given(st.integers(0, 10**30), st.integers(1, 9))
def test_roots_of_powers_are_exact(base: int, degree: int) -> None:
    assert rational(tree(f"\\sqrt[{degree}]{{{base**degree}}}")) == base
    if base > 1 and degree > 1:
        assert rational(tree(f"\\sqrt[{degree}]{{{base**degree + 1}}}")) is None


AGREE = [
    ("x^2-1", "(x-1)(x+1)", True),
    ("x^2-1", "(x-1)(x+1)+10^{-30}", False),
    ("\\sqrt{2}", "\\sqrt{2}+10^{-60}", True),
    ("|x|", "x", False),
    ("\\sqrt{x^2}", "x", False),
    ("\\ln x^2", "2\\ln x", True),
    ("10^{40}+1", "10^{40}", False),
    ("10^{60}+\\pi-10^{60}", "\\pi", True),
    ("10^{60}+\\pi-10^{60}", "\\pi+10^{-20}", False),
    ("\\infty", "5", None),
    ("\\frac{1}{0}", "5", None),
    ("\\frac{x}{x-x}", "1", None),
    ("(1,2)", "5", None),
    ("e^{i\\pi}", "-1", True),
]


@pytest.mark.parametrize(("one", "two", "same"), AGREE)
def test_points_refute(one: str, two: str, same: bool | None) -> None:
    assert agree(tree(one), tree(two)) is same
    assert agree(tree(two), tree(one)) is same


def test_points_have_both_signs_and_differ() -> None:
    found = points(frozenset((Symbol("x"), Symbol("y"))))
    assert len({tuple(point.items()) for point in found}) == 5
    assert {value > 0 for point in found for value in point.values()} == {True, False}
    assert points(frozenset()) == [{}]


ALGEBRAIC = [
    ("\\sqrt{2}+\\sqrt{3}", "\\sqrt{5+2\\sqrt{6}}", True),
    ("\\sqrt{2}", "1.41421356237309504880168872420969807856967", False),
    ("\\sqrt{2}", "\\sqrt{2}+10^{-60}", False),
    ("\\sqrt[3]{2+\\sqrt{5}}+\\sqrt[3]{2-\\sqrt{5}}", "1", True),
    ("2e^{i\\pi/3}", "1+i\\sqrt{3}", True),
    ("\\cos\\frac{\\pi}{5}", "\\frac{1+\\sqrt{5}}{4}", True),
    ("\\tan\\frac{\\pi}{8}", "\\sqrt{2}-1", True),
    ("\\sin 18^\\circ", "\\frac{\\sqrt{5}-1}{4}", True),
    ("i^2", "-1", True),
    ("\\frac{1}{\\sqrt{2}-1}", "\\sqrt{2}+1", True),
    ("\\pi", "3", None),
    ("x", "x", None),
    ("\\ln 2", "\\ln 2", None),
    ("\\sin 1", "1", None),
    ("\\infty", "1", None),
]


@pytest.mark.parametrize(("one", "two", "same"), ALGEBRAIC)
def test_algebraic_numbers_are_decided(one: str, two: str, same: bool | None) -> None:
    assert equal_algebraic(tree(one), tree(two)) is same


@given(st.integers(2, 60), st.integers(2, 60), st.integers(1, 40))
def test_an_algebraic_number_differs_from_a_near_one(a: int, b: int, digits: int) -> None:
    one = f"\\sqrt{{{a}}}+\\sqrt{{{b}}}"
    assert equal_algebraic(tree(one), tree(f"\\sqrt{{{a}+{b}+2\\sqrt{{{a * b}}}}}")) is True
    assert equal_algebraic(tree(one), tree(f"{one}+10^{{-{digits}}}")) is False


PROVEN = [
    ("\\sin^2x+\\cos^2x", "1", True),
    ("2\\pi+18", "2(\\pi+9)", True),
    ("\\sqrt{x^2}", "|x|", True),
    ("x^2", "x^3", False),
    ("\\ln x^2", "2\\ln x", True),
    ("(x+y+z+w+v)^{60}(x+1)", "(x+y+z+w+v)^{60}x+(x+y+z+w+v)^{60}", False),
]


@pytest.mark.parametrize(("one", "two", "same"), PROVEN)
def test_sympy_proves_what_is_small(one: str, two: str, same: bool) -> None:
    assert proven_equal(tree(one), tree(two)) is same


ROUNDED = [
    ("\\frac{1}{3}", "0.333", True),
    ("\\frac{1}{3}", "0.334", False),
    ("0.3333", "0.333", False),
    ("\\frac{2}{3}", "0.667", True),
    ("\\frac{2}{3}", "0.666", False),
    ("\\frac{1}{3}", "0.33", False),
    ("\\frac{1}{3}", "333", False),
    ("x", "0.333", False),
    ("299792458", "3.00e8", True),
    ("298000000", "3.00e8", False),
    ("0.333333333333333", "\\frac{1}{3}", True),
    ("0.33333333333333", "\\frac{1}{3}", False),
    ("0.333333333333343", "\\frac{1}{3}", False),
]


@pytest.mark.parametrize(("answer", "reference", "right"), ROUNDED)
def test_a_rounded_reference_takes_exact_answers(answer: str, reference: str, right: bool) -> None:
    assert rounds_to(tree(answer), tree(reference), 3) is right


def test_no_digits_means_never() -> None:
    assert not rounds_to(tree("\\frac{1}{3}"), tree("0.333"), 0)


REAL = [
    ("\\sqrt{4}", 2.0),
    ("-\\infty", float("-inf")),
    ("\\infty", float("inf")),
    ("x", None),
    ("i", None),
    ("1/0", None),
]


@pytest.mark.parametrize(("text", "value"), REAL)
def test_real_values(text: str, value: float | None) -> None:
    assert real_value(tree(text)) == value


BRANCHES = [("5", 1), ("\\pm 1", 2), ("1\\pm\\sqrt{2}", 2), ("\\pm 1\\pm 2", 4), ("\\pm 1\\mp 2", 2), ("5\\pm 0", 1)]


@pytest.mark.parametrize(("text", "count"), BRANCHES)
def test_branches(text: str, count: int) -> None:
    found = branches(tree(text))
    assert len({rational(branch) or branch for branch in found}) == count


def test_too_many_branches_are_refused() -> None:
    with pytest.raises(RefusedError):
        branches(tree("+".join(["(\\pm 1)"] * 10)))


def test_a_number_is_equal_however_it_is_written() -> None:
    assert Number(Fraction(1, 2), 1, 1) == Number(Fraction(1, 2))
    assert hash(Number(Fraction(1, 2), 1, 1)) == hash(Number(Fraction(1, 2)))
