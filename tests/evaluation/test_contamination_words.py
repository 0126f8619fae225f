"""Words that two texts share, words that they do not, and what is shown of a text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.evaluation.contamination_words import _searched, excerpt, normalise, signed_words, words_of

SAME = [
    ("What is two plus two?", "  what IS\ttwo,\nplus two"),
    ("Janet’s ducks' eggs", "Janet's ducks eggs"),
    ("It´s ＂full＂ ｗｉｄｔｈ", "Its full width"),
    ("She said: “Go!”…", 'she said "go"'),
    ("a well-known result", "a well known result"),
    ("**Bold** and _slanted_ # text", "bold and slanted text"),
    ("Straße", "STRASSE"),
    ("co\u00adoper\u200bate", "cooperate"),
    ("$1,000,000 a year", "1000000 a year"),
    ("$1{,}000$ and $2\\,000$ and $3,\\!000$", "1000 and 2000 and 3000"),
    ("5x + 3", "5 x + 3"),
    ("x² + y²", "x^2+y^2"),
    ("\\frac{1}{2}x", "\\dfrac {1} {2} x"),
    ("\\frac12x", "1/2 x"),
    ("½ of it", "1/2 of it"),
    ("\\left( a,\\; b \\right)", "(a, b)"),
    ("2\\pi r", "2π r"),
    ("\\Delta ABC", "Δ ABC"),
    ("60^\\circ", "60°"),
    ("3 \\times 4 \\le 12", "3 × 4 ≤ 12"),
    ("\\text{for } x \\in \\mathbb{R}", "for x ∈ R"),
    ("\\sin\\theta", "sin θ"),
    ("\\begin{array}{c|c}1&2\\\\3&4\\end{array}", "1 2 3 4"),
    ("In the figure [asy] draw((0,0)--(1,1)); [/asy] find x", "In the figure find x"),
    ("\\[asy]", "asy"),
]
DIFFERENT = [
    ("two plus two", "two plus three"),
    ("12 34", "1 234"),
    ("3.14", "314"),
    ("1,00", "100"),
    ("notable", "not able"),
    ("2\\pi", "2 pi"),
    ("sin x", "x"),
    ("café", "caf"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_texts_of_the_same_words(one, other):
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(("one", "other"), DIFFERENT)
def test_texts_of_other_words(one, other):
    assert normalise(one) != normalise(other)


def test_scripts_without_spaces_have_a_word_a_character_and_other_scripts_do_not():
    assert words_of("計算 x+1。かな") == ["計", "算", "x", "1", "か", "な"]
    assert words_of("Сколько будет 2+2?") == ["сколько", "будет", "2", "2"]
    assert words_of("두 수의 합") == ["두", "수의", "합"]


pieces = st.one_of(
    st.sampled_from(
        ["\\frac", "\\pi ", "{,}", "[asy]", "[/asy]", "\\left(", "1,000", "\\,", "\\dfrac12", "**", "\u0301"]
    ),
    st.text(alphabet="aZ09 ,.'`\\{}[]$-+*=^_\n/’é½²中かΔ٣\u200b\ud800", max_size=8),
    st.text(max_size=8),
)
texts = st.lists(pieces, max_size=8).map("".join)


@settings(deadline=None)
@given(texts)
def test_normalising_twice_changes_nothing(text):
    once = normalise(text)
    assert normalise(once) == once
    assert once.split(" ") == words_of(text) or (once, words_of(text)) == ("", [])


@settings(deadline=None)
@given(texts)
def test_the_short_way_finds_what_the_long_way_finds(text):
    assert words_of(text) == _searched(text)


@settings(deadline=None)
@given(texts)
def test_signed_words_are_the_words_with_signs_before_them(text):
    signed = signed_words(text)
    assert [word.lstrip("+-*÷=<>≤≥≠±∓√") for word in signed] == words_of(text)


@settings(deadline=None)
@given(texts, st.data())
def test_an_excerpt_holds_the_words_asked_for(text, data):
    words = words_of(text)
    if not words:
        return
    start = data.draw(st.integers(0, len(words) - 1))
    stop = data.draw(st.integers(start + 1, len(words)))
    before, matched, after = excerpt(text, start, stop, longest=10**6)
    assert " ".join(words[start:stop]) in normalise(matched)
    assert set(words_of(before)) <= set(words[:start]) and set(words_of(after)) <= set(words[stop:])


@pytest.mark.parametrize(
    ("text", "signed"),
    [
        ("4 - 1", ["4", "-1"]),
        ("4 − 1 × 2", ["4", "-1", "*2"]),
        ("4 \\cdot 1 \\leq x", ["4", "*1", "≤x"]),
        ("a well-known 5-digit x-axis", ["a", "well", "known", "5", "digit", "x", "axis"]),
        ("**4** or -1", ["4", "or", "-1"]),
        ("<p>4 < x</p><br/><b>2", ["p", "4", "<x", "p", "br", "b", "2"]),
        ("\\frac{1}{2} + x^2", ["1", "2", "+x", "2"]),
    ],
)
def test_signs_stand_before_numbers_and_names_of_one_letter(text, signed):
    assert signed_words(text) == signed


def test_an_excerpt_shows_the_text_as_it_is_written():
    text = "Say: One, TWO  three (four) five-six seven."
    assert excerpt(text, 2, 4, around=1) == ("One,", "TWO three", "(four)")
    assert excerpt(text, 5, 6, around=1) == ("(four)", "five-six", ""), "a piece of two words is shown whole"
    assert excerpt(text, 0, 8) == ("", "Say: One, TWO three (four) five-six seven.", "")
    assert excerpt(text, 1, 7, around=2, longest=4) == ("Say:", "One, TWO […] (four) five-six", "seven.")


def test_a_text_that_cannot_be_cut_at_its_spaces_is_shown_by_its_words():
    assert excerpt("so \\begin {array} {cc} one two three", 2, 4, around=1) == ("cc", "one two", "three")


@pytest.mark.parametrize(
    "text", ["[asy]" * 40_000, "\\begin" * 40_000, "'" * 200_000, "1,000" * 40_000, "\\" * 200_000]
)
def test_a_hostile_text_takes_no_time_to_speak_of(text):
    assert len(words_of(text)) <= len(text)
