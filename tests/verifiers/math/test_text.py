"""What normalisation takes away, and what text alone decides."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.math.compare import same_by_text
from verifiers.math.text import is_prose, normalise, plain_number, words

NORMAL = [
    ("\\left( 1 , 2 \\right)", "(1,2)"),
    ("1 2", "1 2"),
    ("1, 2", "1, 2"),
    ("a, b", "a,b"),
    ("\\dfrac{a}{b}", "\\frac{a}{b}"),
    ("$5$.", "5"),
    ("\\$5", "\\$5"),
    ("5 \\%", "5\\%"),
    ("5.", "5"),
    ("5,;:", "5"),
    ("5!", "5!"),
    ("x \\quad y", "x y"),
    ("1{,}000", "1000"),
    ("1\\,000", "1000"),
    ("1,\\!000", "1000"),
    ("1 000 000", "1000000"),
    ("2\\,50", "2 50"),
    ("1,000", "1,000"),
    ("3 x 10^5", "3\\times10^5"),
    ("½", "\\frac{1}{2}"),
    ("x²", "x^{2}"),
    ("x₁₂", "x_{12}"),
    ("５", "5"),
    ("4\u200b2", "42"),
    ("π r", "\\pi r"),
    ("∞", "\\infty"),
    ("\\\\frac{1}{2}", "\\frac{1}{2}"),
    ("\\begin{pmatrix}1\\\\ 2\\end{pmatrix}", "\\begin{pmatrix}1\\\\2\\end{pmatrix}"),
    ("1 \\\\ 2", "1\\\\2"),
    ("x=1,\\quad y=2", "x=1,y=2"),
    ("21^{\\text{st}}", "21"),
    ("20^\\circ\\text{C}", "20\\text{C}"),
    ("3 \\pmod 7", "3\\pmod7"),
    ("3 (mod 7)", "3\\pmod{7}"),
    ("\\mathbb{R} - \\{0\\}", "\\mathbb{R}\\setminus\\{0\\}"),
    ("", ""),
]


@pytest.mark.parametrize(("text", "plain"), NORMAL)
def test_normalise(text: str, plain: str) -> None:
    assert normalise(text) == plain


@given(st.text(max_size=60))
def test_normalising_never_fails_and_grows_by_a_constant_factor(text: str) -> None:
    assert len(normalise(text)) <= 24 * len(text)


NUMBERS = [
    ("1,234.50", 1234.5),
    ("2e3", 2000),
    ("-2E-3", -0.002),
    ("3\\times10^{5}", 300000),
    (".5", 0.5),
    ("007", 7),
    ("1,23", None),
    ("0,123", None),
    (".", None),
    ("1/2", None),
    ("", None),
    ("1e99999", None),
    ("1" * 1001, None),
]


@pytest.mark.parametrize(("text", "value"), NUMBERS)
def test_plain_numbers(text: str, value: float | None) -> None:
    number = plain_number(text)
    assert (None if number is None else float(number)) == value


WORDS = [
    ("\\text{No solution.}", "nosolution"),
    ("4:30 p.m.", "4:30pm"),
    ("May 5, 2024", "may5|2024"),
    ("\\textbf{(Yes)}", "yes"),
    ("正确。", "正确"),
    ("x+1", None),
    ("\\frac{a}{b}", None),
    ("12", None),
    ("", None),
]


@pytest.mark.parametrize(("text", "spelling"), WORDS)
def test_the_spelling_of_words(text: str, spelling: str | None) -> None:
    assert words(normalise(text), prose=True) == spelling


@pytest.mark.parametrize(("text", "spelling"), [("xY", "xY"), ("x y", None), ("x,y", None), ("(B)", None)])
def test_what_may_be_variables_keeps_its_spelling(text: str, spelling: str | None) -> None:
    assert words(text, prose=False) == spelling


PROSE = [
    ("listen", True),
    ("no", True),
    ("\\text{x}", True),
    ("正", True),
    ("xyz", False),
    ("sinx", False),
    ("2\\pi", False),
]


@pytest.mark.parametrize(("text", "prose"), [*PROSE, ("theta", False), ("infinity", False), ("5 apples", True)])
def test_words_are_told_from_products(text: str, prose: bool) -> None:
    assert is_prose(text) is prose


DECIDED = [
    ("5", "5.0", True),
    ("5", "6", False),
    ("x+1", "x+1", True),
    ("x+1", "1+x", None),
    ("ab", "ba", None),
    ("\\text{ab}", "\\text{ba}", False),
    ("listen", "silent", False),
    ("5 cm", "5 centimeters", None),
    ("no solution", "\\emptyset", True),
    ("all real numbers", "\\mathbb{R}", True),
    ("no", "\\emptyset", None),
    ("", "", False),
]


@pytest.mark.parametrize(("answer", "gold", "same"), DECIDED)
def test_what_text_alone_decides(answer: str, gold: str, same: bool | None) -> None:
    assert same_by_text(answer, gold) is same
    assert same_by_text(gold, answer) is same
