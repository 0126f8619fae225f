"""Anything at all: no exception escapes, equality stays an equality, and what is read stays as small as what was written.

A million inputs from the same kinds of sources are run by benchmarks/fuzz_math.py.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.verifiers.math.tables import DIFFERENT, EQUAL, pairs
from verifiers import Sample, Status
from verifiers.extract import balanced
from verifiers.math import equivalent, math_verifier
from verifiers.math.compare import compare
from verifiers.math.lexer import tokens
from verifiers.math.limits import MAX_TREE_DEPTH, RefusedError, UnreadableError
from verifiers.math.nodes import depth, size, spelled
from verifiers.math.parser import readings
from verifiers.math.text import normalise

TEXTS = sorted({text for _, gold, answer in pairs(EQUAL) + pairs(DIFFERENT) for text in (gold, answer)})
GOLDS = [text for text in TEXTS if balanced(text)]
PIECES = (
    "\\frac \\sqrt \\left( \\right) ( ) [ ] { } \\{ \\} | ^ _ ! ' % \\% \\$ $ , ; : . = < \\le \\in \\cup \\pm + - * / \\cdot x y "
    "e i \\pi \\infty f \\sin \\operatorname{cis} \\log_2 \\text{ \\text{cm} or \\begin{pmatrix} \\end{pmatrix} & \\\\ \\binom \\overline{ ^\\circ 0 1 12 "
    "3.5 1e9 0.333 1,000 ½ √ ² \u200b \\boxed{ \\int \\lfloor \\rfloor"
)
SOUP = st.lists(st.sampled_from([*PIECES.split(), " "]), max_size=30).map("".join)


@st.composite
def mutated(draw: st.DrawFn) -> str:
    text = draw(st.sampled_from(TEXTS))
    for _ in range(draw(st.integers(1, 4))):
        at, to = sorted((draw(st.integers(0, len(text))), draw(st.integers(0, len(text)))))
        text = draw(
            st.sampled_from(
                [text[:at] + text[to:], text[:to] + text[at:to] + text[to:], text[:at] + draw(SOUP) + text[at:]]
            )
        )
    return text


ANY = st.one_of(st.text(max_size=60), SOUP, mutated())
QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@QUICK
@given(ANY, st.sampled_from(GOLDS))
def test_a_verdict_comes_of_anything(answer: str, gold: str) -> None:
    verdict = math_verifier.judge(Sample("", f"\\boxed{{{answer}}}", gold), {"extract": "final_answer"}, _no_loop)
    assert verdict.status in (Status.CORRECT, Status.WRONG, Status.UNPARSED), verdict.reason


def _no_loop(_: object) -> object:
    raise AssertionError("math is not async")


@QUICK
@given(ANY)
def test_what_is_read_stays_as_small_as_what_was_written(text: str) -> None:
    plain = normalise(text)
    try:
        assert len(tokens(plain)) <= len(plain)
        found = readings(plain)
    except (UnreadableError, RefusedError):
        return
    for node in found:
        assert size(node) <= 8 * len(plain) + 8
        assert depth(node) <= MAX_TREE_DEPTH + 60
        assert len(spelled(node)) <= 4000 + 40 * len(plain)


@QUICK
@given(ANY)
def test_whatever_has_text_equals_itself(text: str) -> None:
    if normalise(text):
        assert compare(text, text).status is Status.CORRECT


@QUICK
@given(SOUP, SOUP)
def test_equality_of_anything_is_symmetric(one: str, two: str) -> None:
    try:
        for text in (one, two):
            readings(normalise(text))
    except (UnreadableError, RefusedError):
        return
    if "0.333" not in one + two:  # a rounded reference takes what an exact one does not
        assert compare(one, two).score == compare(two, one).score


VALUES = st.recursive(
    st.one_of(st.integers(0, 30).map(str), st.sampled_from(["x", "y", "\\pi", "\\sqrt{2}", "0.5", "x_1"])),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "\\cdot "]), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
        inner.map(lambda t: f"\\frac{{{t}}}{{3}}"),
        inner.map(lambda t: f"({t})^{{2}}"),
        inner.map(lambda t: f"-({t})"),
    ),
    max_leaves=6,
)


@settings(max_examples=150, deadline=None)
@given(VALUES)
def test_respelling_keeps_the_value_and_adding_changes_it(value: str) -> None:
    assert equivalent(f"{value}+1-1", value)
    assert equivalent(f"\\frac{{2({value})}}{{2}}", value)
    assert not equivalent(f"{value}+10^{{-12}}", value)
    assert not equivalent(f"{value},7", value)
    assert not equivalent(f"{value}\\text{{ or }}7", value)


@pytest.mark.parametrize(
    "piece",
    ["(", "\\frac{1}{", "x+", "{,}", "1,", "\\text{", "|", "^", "_", "\\pm", "\\,", "½", "²", "$", "\\left", "1 000 "],
)
def test_a_long_answer_is_refused_or_read_by_its_size_alone(piece: str) -> None:
    """A hundred thousand pieces: normalised in one pass, then refused, or what is left of them is nothing."""
    verdict = compare(piece * 100_000, "5")
    assert verdict.status in (Status.UNPARSED, Status.WRONG)
