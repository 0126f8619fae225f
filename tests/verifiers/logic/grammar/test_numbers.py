"""Numbers are read exactly, in the spellings that models use, and nothing else is a number."""

from contextlib import suppress
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.logic.grammar.numbers import complex_number, decimal, exact, fraction, in_base, integer
from verifiers.logic.grammar.text import Unreadable

DECIMALS = [
    ("5", "5"),
    ("-3", "-3"),
    ("+01,000.00", "1000"),
    ("1,000.50", "1000.5"),
    ("1{,}000", "1000"),
    ("1\\,000", "1000"),
    ("1 000 000", "1000000"),
    (".5", "0.5"),
    ("5.", "5"),
    ("$-3$", "-3"),
    ("\\(7\\)", "7"),
    ("\\text{7}", "7"),
    ("−4", "-4"),
    ("1.5e-3", "0.0015"),
    ("1.23e+4", "12300"),
    ("2 \\times 10^{4}", "20000"),
    ("2×10^-2", "0.02"),
    ("2 * 10**3", "2000"),
    ("\u200b5", "5"),
    ("1e400", "1e400"),
]
NOT_DECIMALS = [
    "", " ", "nan", "inf", "-inf", "NaN", "Infinity", "1e", "e5", "--3", "+-3", "1,00", "12,34", "1,0000", "1_000", "0x10",
    "٣", "５", "½", "1/2", "5%", "5 apples", "5 or 6", "5, 6", "1.2.3", "1e1001", "1e99999", "x = 5", "True", "4+1", "\\frac{1}{2}",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), DECIMALS)
def test_decimals(text: str, value: str) -> None:
    assert decimal(text) == Decimal(value)


@pytest.mark.parametrize("text", NOT_DECIMALS)
def test_no_decimals(text: str) -> None:
    with pytest.raises(Unreadable):
        decimal(text)


def test_places_are_kept_and_digits_are_not_rounded_to_a_context() -> None:
    assert decimal("1.50").as_tuple().exponent == -2
    long = "1." + "123456789" * 10
    assert decimal(long) == Decimal(long)
    assert exact("12." + "3" * 40 + "\\%") == Decimal("0.12" + "3" * 40)


@given(st.integers())
def test_integers_are_read_as_they_are_written(value: int) -> None:
    assert integer(str(value)) == integer(f"{value:,}") == integer(f"{value}.0") == value


@pytest.mark.parametrize("text", ["5.5", "1e-1", "", "nan"])
def test_no_integers(text: str) -> None:
    with pytest.raises(Unreadable):
        integer(text)


FRACTIONS = [
    ("3/4", (3, 4)),
    ("6 / 8", (6, 8)),
    ("\\frac{3}{4}", (3, 4)),
    ("$\\dfrac{23}{131}$", (23, 131)),
    ("\\tfrac12", (1, 2)),
    ("-\\frac{1}{2}", (-1, 2)),
    ("\\frac{-1}{2}", (-1, 2)),
    ("3⁄4", (3, 4)),
    ("7", (7, 1)),
]


@pytest.mark.parametrize(("text", "pair"), FRACTIONS)
def test_fractions_stay_as_they_are_written(text: str, pair: tuple[int, int]) -> None:
    assert fraction(text) == pair


@pytest.mark.parametrize("text", ["1/0", "\\frac{1}{0}", "1/2/3", "1/-2", "a/b", "1/", "/2", "\\frac{1}", "0.5/1", "½"])
def test_no_fractions(text: str) -> None:
    with pytest.raises(Unreadable):
        fraction(text)


def test_exact_values() -> None:
    assert exact("12.5\\%") == exact("0.125") == Decimal("0.125")
    assert exact("\\frac{1}{8}") == exact("1/8") == Fraction(1, 8)
    with pytest.raises(Unreadable):
        exact("%")


BASED = [
    ("0x1f", 16, 31),
    ("1F", 16, 31),
    ("0b1", 16, 0x0B1),
    ("0b101", 2, 5),
    ("101_2", 2, 5),
    ("1f_{16}", 16, 31),
    ("-0x3", 16, -3),
    ("zz", 36, 35 * 37),
]


@pytest.mark.parametrize(("text", "base", "value"), BASED)
def test_digits_in_a_base(text: str, base: int, value: int) -> None:
    assert in_base(text, base) == value


@pytest.mark.parametrize(("text", "base"), [("102", 2), ("1f_8", 16), ("0x1", 2), ("", 10), ("1 1", 2), ("1_000", 10)])
def test_no_digits_of_that_base(text: str, base: int) -> None:
    with pytest.raises(Unreadable):
        in_base(text, base)


def test_a_base_that_must_be_said() -> None:
    assert in_base("0X1854", 16, prefixed=True) == in_base("1854_{16}", 16, prefixed=True) == 0x1854
    with pytest.raises(Unreadable, match="must be said"):
        in_base("1854", 16, prefixed=True)


COMPLEX = [
    ("3 + 2i", 3, 2),
    ("-7.0 + 1.0i", -7, 1),
    ("-i", 0, -1),
    ("2.0", 2, 0),
    ("4i - 1", -1, 4),
    ("(1 + j)", 1, 1),
    ("2 \\cdot i", 0, 2),
    ("1e-1 - 2e+1i", Decimal("0.1"), -20),
    ("$5-2i$", 5, -2),
]


@pytest.mark.parametrize(("text", "real", "imaginary"), COMPLEX)
def test_complex_numbers(text: str, real: Decimal, imaginary: Decimal) -> None:
    assert complex_number(text) == (real, imaginary)


NOT_COMPLEX = [
    "nan",
    "nan + 1i",
    "1+2",
    "i+i",
    "3+-2i",
    "5+",
    "+",
    "()",
    "",
    "2ii",
    "i2",
    "((1))",
    "1 + *i",
    "inf - infi",
]


@pytest.mark.parametrize("text", NOT_COMPLEX)
def test_no_complex_numbers(text: str) -> None:
    with pytest.raises(Unreadable):
        complex_number(text)


@given(st.text(max_size=40))
def test_any_text_is_a_number_or_unreadable(text: str) -> None:
    for read in (decimal, integer, fraction, exact, complex_number, lambda t: in_base(t, 16)):
        with suppress(Unreadable):
            read(text)
