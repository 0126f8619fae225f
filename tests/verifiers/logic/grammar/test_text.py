"""LaTeX's wrappings go, what they wrap stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.logic.grammar.text import one_line, plain, shown, unquoted

PLAIN = [
    ("\\text{on}", "on"),
    ("\\text {on}", "on"),
    ("\\mathrm{\\textbf{on}}", "on"),
    ("$5$", "5"),
    ("\\[5\\]", "5"),
    ("\\left( 1, 2 \\right)", "( 1, 2 )"),
    ("1 \\times 2 \\cdot 3 \\div 4", "1 × 2 · 3 ÷ 4"),
    ("A \\rightarrow B \\to C", "A → B → C"),
    ("P \\land \\neg Q \\lor R", "P ∧ ¬ Q ∨ R"),
    ("30^\\circ", "30°"),
    ("30^{\\circ}", "30°"),
    ("\\{a\\_b\\}", "{a_b}"),
    ("\\begin{bmatrix} 1 & 2 \\\\ 3 & 4 \\end{bmatrix}", "1 & 2 \n 3 & 4"),
    ("\\begin{array}{cc} 1 \\end{array}", "1"),
    ("\\frac{1}{2}", "\\frac{1}{2}"),
    ("\\dfrac{1}{2}", "\\frac{1}{2}"),
    ("\\sin(x)", "\\sin(x)"),
    ("\\textit", ""),
    ("\\textiton", "\\textiton"),
    ("{\\text{a}b}", "{ab}"),
    ("−5 – 3", "-5 - 3"),
    ("a\u00a0b\u200bc", "a bc"),
    ("a}b", "a}b"),
]


@pytest.mark.parametrize(("text", "expected"), PLAIN)
def test_plain(text: str, expected: str) -> None:
    assert plain(text) == expected


@given(st.text(alphabet="ab 1()[]{}\\$^_&→", max_size=60))
def test_plain_text_never_grows_and_takes_any_text(text: str) -> None:
    assert len(plain(text)) <= len(text)


@given(st.text(alphabet=st.characters(whitelist_categories=["L", "Nd"]), max_size=60))
def test_letters_and_digits_stay(text: str) -> None:
    assert plain(text) == text


def test_one_line_and_quotes() -> None:
    assert one_line(" a \n\t b ") == "a b"
    assert unquoted('"a"') == unquoted("'\"a\"'") == unquoted("“a”") == unquoted("`a`") == "a"
    assert unquoted('"') == '"'
    assert unquoted('"a') == '"a'
    assert shown("x" * 100) == repr("x" * 39 + "…")
