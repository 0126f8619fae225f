"""The number verifier as tables, with its tolerances, and what it must not be fooled by."""

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers import Sample, Status
from verifiers.answers.number import number_verifier
from verifiers.answers.numerals import MAX_DIGITS, MAX_EXPONENT, NotANumberError, leading_number, number
from verifiers.answers.tolerance import Tolerance, magnitude
from verifiers.base import Verdict


def judge(answer: str, reference: str, **config: Any) -> Verdict:
    outcome = number_verifier(Sample("", f"so \\boxed{{{answer}}}.", reference), **config)
    assert isinstance(outcome, Verdict)
    return outcome


EQUAL = [
    (r"1\ 234", "1234"),
    (r"1\;234", "1234"),
    (r"1\:234", "1234"),
    ("1~234", "1234"),
    (r"3\ 1/2", "3.5"),
    (r"3\,\frac12", "3.5"),
    (r"\nu = 7", "7"),
    ("note = 7", "7"),
    (r"x \sim 7", "7"),
    ("7", "7"),
    ("007", "7"),
    ("7.", "7"),
    ("7.0", "7"),
    ("+7", "7"),
    ("-7", "−7"),
    ("- 7", "-7"),
    ("(7)", "7"),
    (".5", "0.5"),
    ("1,234,567.5", "1234567.5"),
    (r"1{,}234", "1234"),
    (r"1\,234\,567", "1234567"),
    ("1\u202f234", "1234"),
    ("1'234", "1234"),
    ("1’234", "1234"),
    ("3e8", "300000000"),
    ("3E+08", "300000000"),
    ("1.5e-3", "0.0015"),
    (r"3.0\times 10^{8}", "3e8"),
    (r"3 \cdot 10^8", "3e8"),
    ("3×10⁸", "3e8"),
    ("3 x 10^8", "3e8"),
    ("3*10**8", "3e8"),
    ("3·10^(8)", "3e8"),
    ("10^{-3}", "0.001"),
    ("-10^3", "-1000"),
    ("3/4", "0.75"),
    (r"\frac{3}{4}", "0.75"),
    (r"-\frac34", "-0.75"),
    (r"\frac{-3}{4}", "-0.75"),
    ("¾", "0.75"),
    ("3 / 4", "0.75"),
    ("6/8", "3/4"),
    ("1e3/2", "500"),
    ("3 1/2", "3.5"),
    ("-3½", "-3.5"),
    (r"3\frac{1}{2}", "3.5"),
    ("٣٫٥", "3.5"),
    ("１２", "12"),
    ("𝟏𝟐", "12"),
    ("1\u200b2", "12"),
    ("\u202e12", "12"),
    ("**12**", "12"),
    ("$12$", "12"),
    (r"\text{12}", "12"),
    ("x = 12", "12"),
    (r"f(2) \approx 12", "12"),
    (r"\approx 12", "12"),
    ("12%", "12%"),
    (r"12\%", "12 percent"),
    ("0", "-0"),
    ("0.1", "0.1000000000000000000000"),
    (f"0.{'0' * 900}1", f"1e-{901}"),
]
DIFFERENT = [
    ("7", "8"),
    ("7", "-7"),
    ("0.3333333333333333", "1/3"),
    ("1.0000000000000001", "1"),
    ("100000000000000001", "100000000000000000"),
    ("1e-20", "1e-21"),
    ("1e-4000", "0"),
    ("12%", "12"),
    ("12%", "0.12"),
    ("0.5", "5"),
    ("1,234", "1.234"),
]
HEDGES = [
    "3 or 5",
    "3, 5",
    "3;5",
    "3 and 5",
    "either 3 or 5",
    r"3 \text{ or } 5",
    r"3 \lor 5",
    "x = 3 or x = 5",
    r"\pm 3",
    "3或5",
    ", ".join(map(str, range(1000))),
]
UNPARSED = [
    "~3.5",
    r"\,~3.5",
    "$~3.5$",
    "not=3.5",
    r"\not=3.5",
    r"\neq=3.5",
    r"\neg = 3.5",
    r"\lnot=3.5",
    "Never = 3.5",
    "5\u0336",
    "5\u20e0",
    "1,23",
    "12,3456",
    "1,234,56",
    "0,123",
    "1 234",
    "1.2.3",
    "1_000",
    "2+1",
    "6/2/1",
    r"\sqrt{9}",
    "2^{10}",
    "3!",
    r"3\pi",
    "three",
    "3 apples",
    "$3",
    "3 (I think)",
    "nan",
    "inf",
    "∞",
    "1/0",
    r"\frac{0}{0}",
    "3 5/2",
    "0x10",
    "1e",
    "1e2.5",
    "e5",
    "3=3",
    "--3",
    "Ⅲ",
    "①",
    "3٫",
    "1e999999999",
    f"1e{'9' * 5000}",
    f"1e{MAX_EXPONENT + 1}",
    "9" * (MAX_DIGITS + 1),
    "9" * 1_000_000,
    "__import__('os').system('true')",
    "eval('3')",
    "{" * 3000 + "}" * 3000,
    "(" * 3000 + "3" + ")" * 3000,
]


@pytest.mark.parametrize(("answer", "reference"), EQUAL)
def test_an_equal_number_is_correct_both_ways(answer: str, reference: str) -> None:
    assert judge(answer, reference) == Verdict.correct(answer)
    assert judge(reference, answer).status is Status.CORRECT


@pytest.mark.parametrize(("answer", "reference"), DIFFERENT)
def test_another_number_is_wrong(answer: str, reference: str) -> None:
    assert judge(answer, reference).status is Status.WRONG
    assert judge(reference, answer).status is Status.WRONG


@pytest.mark.parametrize("answer", HEDGES)
def test_several_numbers_are_wrong(answer: str) -> None:
    verdict = judge(answer, "3")
    assert verdict.status is Status.WRONG
    assert verdict.reason.startswith("names several numbers")


@pytest.mark.parametrize("answer", UNPARSED, ids=lambda text: text[:20])
def test_what_is_no_number_is_unparsed(answer: str) -> None:
    verdict = judge(answer, "3")
    assert (verdict.status, verdict.score) == (Status.UNPARSED, 0.0)
    assert verdict.reason


def test_an_ambiguous_number_names_the_policy() -> None:
    assert "separators: english, where ',' groups by three" in judge("1,23", "123").reason


EUROPEAN = [("1.234,5", "1234,5", True), ("1,5", "1,50", True), ("1.234", "1234", True), ("1,234", "1234", False)]


@pytest.mark.parametrize(("answer", "reference", "same"), EUROPEAN)
def test_european_separators(answer: str, reference: str, same: bool) -> None:
    assert (judge(answer, reference, separators="european").status is Status.CORRECT) is same


PERCENT = [
    ("same", "10%", "10%", True),
    ("same", "10", "10%", False),
    ("fraction", "10%", "0.1", True),
    ("fraction", "0.1", "10%", True),
    ("fraction", "10", "10%", False),
    ("fraction", "10%", "10%", True),
    ("ignore", "10%", "10", True),
    ("ignore", "10", "10 per cent", True),
    ("ignore", "0.1", "10%", False),
]


@pytest.mark.parametrize(("policy", "answer", "reference", "same"), PERCENT)
def test_percentages_follow_the_policy(policy: str, answer: str, reference: str, same: bool) -> None:
    assert (judge(answer, reference, percent=policy).status is Status.CORRECT) is same


IGNORED = [
    (["$", "dollars"], r"\$20", True),
    (["$", "dollars"], "-$20", False),
    (["$", "dollars"], "20 dollars", True),
    (["$", "dollars"], "$20 dollars", True),
    (["$"], "20 dollars", False),
    (["m"], "20 km", False),
    (["km"], "20 km", True),
    (["s"], "20 seconds", False),
    (["s"], "20 percents", False),
    ([], "$20", False),
]


@pytest.mark.parametrize(("ignore", "answer", "same"), IGNORED)
def test_words_that_may_stand_beside_a_number(ignore: list[str], answer: str, same: bool) -> None:
    assert (judge(answer, "20", ignore=ignore, percent="ignore").status is Status.CORRECT) is same


NEAR = [
    ({"relative_tolerance": 0.01}, "101", "100", True),
    ({"relative_tolerance": 0.01}, "99", "100", True),
    ({"relative_tolerance": 0.01}, "101.0000000001", "100", False),
    ({"relative_tolerance": 0.3}, "130", "100", True),  # three tenths, not the float below them
    ({"relative_tolerance": 0.01}, "0.0001", "0", False),
    ({"relative_tolerance": 0.01}, "-99", "-100", True),
    ({"absolute_tolerance": 0.1}, "5.1", "5", True),
    ({"absolute_tolerance": 0.1}, "5.10000000000000000001", "5", False),
    ({"absolute_tolerance": 1e-6}, "5.000001", "5", True),
    ({"significant_figures": 3}, "3.14159", "3.14", True),
    ({"significant_figures": 3}, "3.1", "3.14", False),
    ({"significant_figures": 2}, "9.96", "10", True),
    ({"significant_figures": 2}, "-1449", "-1400", True),
    ({"significant_figures": 2}, "-1451", "-1400", False),
    ({"significant_figures": 3}, "0", "0", True),
    ({"significant_figures": 3}, "0.000001", "0", False),
    ({"decimals": 2}, "3.1449", "3.14", True),
    ({"decimals": 2}, "3.145", "3.14", False),
    ({"decimals": 2, "rounding": "half_even"}, "3.145", "3.14", True),
    ({"decimals": 2}, "-3.145", "-3.15", True),
    ({"decimals": 0}, "2.5", "3", True),
    ({"decimals": 0, "rounding": "half_even"}, "2.5", "2", True),
    ({"figures": "reference"}, "3.14159", "3.14", True),
    ({"figures": "reference"}, "3.1", "3.14", False),
    ({"figures": "reference"}, "3.145", "3.14", False),
    ({"figures": "reference"}, "22/7", "3.14", True),
    ({"figures": "reference"}, "1.4986e3", "1.50e3", True),
    ({"figures": "reference"}, "1490", "1.50e3", False),
    ({"figures": "reference"}, "1499.6", "1500", True),
    ({"figures": "reference"}, "1499.4", "1500", False),
    ({"figures": "reference"}, "9.996", "10.00", True),
]


@pytest.mark.parametrize(("config", "answer", "reference", "same"), NEAR)
def test_how_near_is_near_enough(config: dict[str, Any], answer: str, reference: str, same: bool) -> None:
    assert (judge(answer, reference, **config).status is Status.CORRECT) is same


BAD = [
    ({"relative_tolerance": -0.1}, "relative_tolerance: found -0.1"),
    ({"relative_tolerance": float("nan")}, "relative_tolerance: found nan"),
    ({"relative_tolerance": 1.0}, "write a share below 1"),
    ({"absolute_tolerance": float("inf")}, "absolute_tolerance: found inf"),
    ({"significant_figures": 101}, "write 1 to 100"),
    ({"decimals": 101}, "write 0 to 100"),
    ({"figures": "all"}, "write exact or reference"),
    ({"rounding": "up"}, "write half_up or half_even"),
    ({"relative_tolerance": 0.1, "decimals": 2}, "relative_tolerance and decimals: each is a rule"),
    ({"separators": "german"}, "write one of english, european"),
    ({"percent": "yes"}, "write one of same, fraction, ignore"),
    ({"ignore": [""]}, "write words that may stand beside"),
    ({"ignore": ["7"]}, "write words that may stand beside"),
]


@pytest.mark.parametrize(("config", "advice"), BAD)
def test_bad_settings_say_what_to_write(config: dict[str, Any], advice: str) -> None:
    assert number_verifier.prepare is not None
    with pytest.raises(ValueError, match=advice):
        number_verifier.prepare(**config)
    with pytest.raises(ValueError, match=advice):
        judge("1", "1", **config)


@pytest.mark.parametrize("reference", ["three", "", "1 or 2", "1,23", r"\sqrt{2}"])
def test_a_reference_that_is_no_number_is_an_error_of_the_data(reference: str) -> None:
    with pytest.raises(ValueError, match=r"the reference .* is no number"):
        judge("1", reference)


def test_a_fraction_shows_no_figures() -> None:
    with pytest.raises(ValueError, match="the reference is a fraction"):
        judge("0.33", "1/3", figures="reference")


@pytest.mark.parametrize("reference", ["72", r"\frac{3}{4}", "1,234.5", "50%"])
@pytest.mark.parametrize("extract", ["boxed", "answer_tag", "last_line", "final_answer"])
def test_its_own_gold_answer_is_accepted(reference: str, extract: str) -> None:
    config = {"extract": extract}
    response = number_verifier.gold(Sample("", "", reference), config)
    assert isinstance(response, str)
    verdict = number_verifier(Sample("", response, reference), **config)
    assert isinstance(verdict, Verdict)
    assert verdict.status is Status.CORRECT


@given(st.fractions(), st.sampled_from(["english", "european"]))
def test_a_fraction_is_read_exactly(value: Fraction, separators: str) -> None:
    text = f"{value.numerator}/{value.denominator}"
    assert number(text, separators).value == value


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**30), max_value=10**30))
def test_a_decimal_is_read_exactly(value: Any) -> None:
    assert number(str(value), "english").value == Fraction(value)


@given(st.integers(0, 10**12), st.integers(0, 6))
def test_grouped_digits_are_the_same_number(value: int, places: int) -> None:
    assert number(f"{value:,}", "english") == number(str(value), "english")
    part = "5" * places
    european = f"{value:,}".replace(",", ".") + (f",{part}" if part else "")
    assert number(european, "european").value == Fraction(f"{value}.{part}" if part else value)


@given(st.text(st.sampled_from("0123456789.,'eE+-/() ^*x×%"), max_size=40))
def test_any_mixture_is_a_number_or_says_why_not(text: str) -> None:
    for separators in ("english", "european"):
        try:
            found, rest = leading_number(text, separators)
        except NotANumberError as problem:
            assert str(problem)
        else:
            assert isinstance(found.value, Fraction)
            assert text.strip().endswith(rest)


@given(st.fractions().filter(bool))
def test_magnitude_is_the_power_of_the_first_digit(value: Fraction) -> None:
    assert Fraction(10) ** magnitude(value) <= abs(value) < Fraction(10) ** (magnitude(value) + 1)


@given(st.fractions(), st.fractions(), st.integers(1, 8), st.sampled_from(["half_up", "half_even"]))
def test_figures_and_decimals_are_symmetric(a: Fraction, b: Fraction, n: int, rounding: str) -> None:
    from verifiers.answers.numerals import Number

    for rule in (Tolerance(significant=n, rounding=rounding), Tolerance(decimals=n, rounding=rounding)):
        assert rule.accepts(a, Number(b, None)) == rule.accepts(b, Number(a, None))
        assert rule.accepts(a, Number(a, None))
        assert rule.accepts(-a, Number(-b, None)) == rule.accepts(a, Number(b, None))
