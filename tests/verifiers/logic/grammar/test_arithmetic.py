"""Expressions: the grammar's shapes, what Python makes of them, and what is refused."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.logic.grammar.arithmetic import evaluate
from verifiers.logic.grammar.text import Unreadable
from verifiers.logic.rules.algebras import DivisionByZero, Exact, Polynomials

VALUES = [
    ("1 + 2 * 3", 7),
    ("(1 + 2) * 3", 9),
    ("10 - 4 - 3", 3),
    ("2 * 12 / 4 / 3", 2),
    ("-2 + 5", 3),
    ("-(2 + 5)", -7),
    ("--2", 2),
    ("2(3 + 4)", 14),
    ("(1)(2)", 2),
    ("{2} \\times [3]", 6),
    ("2 × 3 ÷ 4", Fraction(3, 2)),
    ("\\frac{1}{2} + \\frac{1}{3}", Fraction(5, 6)),
    ("2 \\frac{1}{2}", 1),
    ("\\left( 1 + 2 \\right) \\cdot 3", 9),
    ("1.5 * 2", 3),
]


@pytest.mark.parametrize(("text", "value"), VALUES)
def test_values(text: str, value: Fraction) -> None:
    assert evaluate(text, Exact()).value == value


REFUSED = [
    "", "()", "1 +", "* 1", "1 2", "(1", "1)", "(1]", "1 = 1", "1 == 1", "1, 2", "x", "1 + x", "2^3", "2**3", "sqrt(4)", "1e5",
    "0x10", "1_0", "1//2", "7 % 4", "3!", "1 if 1 else 2", "a.b", "[1]", "1;2", "1 # 2", "__import__('os')", "()()", "8/2(2+2)",
    "1/0", "1/(2-2)", "\\frac{1}{0}", "\\frac{1}", "(" * 51 + "1" + ")" * 51, "9" * 500, "+".join("1" * 2001),
]  # fmt: skip


@pytest.mark.parametrize("text", [text for text in REFUSED if text != "[1]"])
def test_refused(text: str) -> None:
    with pytest.raises(Unreadable):
        evaluate(text, Exact())


def test_division_by_zero_is_said() -> None:
    with pytest.raises(DivisionByZero):
        evaluate("1/(2-2)", Exact())


EXPRESSIONS = st.recursive(
    st.integers(0, 99).map(str),
    lambda inner: (
        st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({t[0]} {t[1]} {t[2]})")
        | inner.map(lambda e: f"-{e}")
    ),
    max_leaves=12,
)


@given(EXPRESSIONS)
def test_it_agrees_with_python_and_remembers_the_numbers(text: str) -> None:
    made = evaluate(text, Exact())
    assert made.value == eval(text)
    assert sorted(map(str, made.numbers)) == sorted(text.translate(str.maketrans("()+-*", "     ")).split())


POLYNOMIALS = [
    ("3*x**2 + 2*x - 5", {(2,): 3, (1,): 2, (0,): -5}),
    ("3x^2 + 2x - 5", {(2,): 3, (1,): 2, (0,): -5}),
    ("3x^{2}+x \\cdot 2-5", {(2,): 3, (1,): 2, (0,): -5}),
    ("(x+1)**3", {(3,): 1, (2,): 3, (1,): 3, (0,): 1}),
    ("x*x - x^2", {}),
    ("\\frac{x^3}{3}", {(3,): Fraction(1, 3)}),
    ("2*x**(-3)", {(-3,): 2}),
    ("2/x**3", {(-3,): 2}),
    ("x**2**1", {(2,): 1}),
    ("-x^2", {(2,): -1}),
    ("xx", {(2,): 1}),
    ("0*x", {}),
    ("(2x)^2", {(2,): 4}),
    ("0^0", {(0,): 1}),
]


@pytest.mark.parametrize(("text", "terms"), POLYNOMIALS)
def test_polynomials(text: str, terms: dict) -> None:
    assert evaluate(text, Polynomials(["x"]), ["x"]).terms == terms


NOT_POLYNOMIALS = [
    "1/(x+1)", "x**x", "x**0.5", "x**1001", "(x+1)**1001", "y", "2**10000", "sin(x)", "x/0", "1/0", "x/2x", "(x+1)**(-1)",
    "9**9**9", "(((x+1)**10)**10)**10",
]  # fmt: skip


@pytest.mark.parametrize("text", NOT_POLYNOMIALS)
def test_no_polynomials(text: str) -> None:
    with pytest.raises(Unreadable):
        evaluate(text, Polynomials(["x"]), ["x"])


EXPANDED = [
    ("2*x + 2", True),
    ("2*(x + 1)", True),
    ("-(x + 1)", True),
    ("x*(x + 1)", False),
    ("(x + 1)**2", False),
    ("(x + 1)*(x - 1)", False),
    ("(x + 1)**1", True),
]


@pytest.mark.parametrize(("text", "expanded"), EXPANDED)
def test_whether_it_is_multiplied_out(text: str, expanded: bool) -> None:
    assert evaluate(text, Polynomials(["x"]), ["x"]).expanded is expanded


def test_too_much_to_multiply_out_is_refused() -> None:
    with pytest.raises(Unreadable):
        evaluate("*".join(["(x+y+z+1)**12"] * 4), Polynomials(["x", "y", "z"]), ["x", "y", "z"])
