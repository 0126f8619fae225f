"""DAPO's soft overlong punishment, on words, characters and tokens that the caller has counted."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.shape.length import length_verifier, overlong
from verifiers.specs import VERIFIERS


def judge(response: str, metadata: dict[str, Any] | None = None, **config: Any) -> Verdict:
    outcome = length_verifier(Sample("", response, None, metadata or {}), **config)
    assert isinstance(outcome, Verdict)
    return outcome


DAPO = [(0, 0.0), (16384, 0.0), (16385, -0.000244140625), (18432, -0.5), (20480, -1.0), (20481, -1.0), (10**9, -1.0)]


@pytest.mark.parametrize(("length", "score"), DAPO)
def test_the_papers_numbers(length: int, score: float) -> None:
    assert overlong(length, 20480, 4096) == score


ROWS = [
    ("a b c d e", {"limit": 10, "buffer": 4}, 0.0, "5 words"),
    ("a b c d e f g", {"limit": 10, "buffer": 4}, -0.25, "7 words"),
    ("a " * 10, {"limit": 10, "buffer": 4}, -1.0, "10 words"),
    ("a " * 11, {"limit": 10, "buffer": 10}, -1.0, "11 words"),
    ("", {"limit": 10, "buffer": 10}, 0.0, "0 words"),
    ("求最大值 x", {"limit": 6, "buffer": 2}, -0.5, "5 words"),
    ("ab cd\n", {"limit": 8, "buffer": 4, "unit": "characters"}, -0.5, "6 characters"),
    ("a b c</think>d", {"limit": 4, "buffer": 2, "part": "thinking"}, -0.5, "3 words"),
    ("a b c</think>d", {"limit": 4, "buffer": 2, "part": "answer"}, 0.0, "1 words"),
    ("a b c", {"limit": 4, "buffer": 2, "part": "answer"}, -0.5, "3 words"),
    ("a b</think> c </think> d", {"limit": 4, "buffer": 2, "part": "answer"}, 0.0, "1 words"),
    ("a b c|d", {"limit": 4, "buffer": 2, "part": "thinking", "think_close": "|"}, -0.5, "3 words"),
    ("a" * 16, {"limit": 4, "buffer": 2}, 0.0, "1 words"),
    ("a" * 17, {"limit": 4, "buffer": 2}, 0.0, "2 words"),
    ("a" * 1_000_000, {"limit": 4, "buffer": 2}, -1.0, "62,500 words"),
    ("_".join(["word"] * 16), {"limit": 4, "buffer": 2}, -1.0, "5 words"),
    ("한" * 33, {"limit": 4, "buffer": 2}, -0.5, "3 words"),
    ("a\u200bb\u2800c", {"limit": 4, "buffer": 2}, -0.5, "3 words"),
    ("नम\u200dस्ते \u202eb\ufe0f", {"limit": 4, "buffer": 2}, 0.0, "2 words"),
    ("\u200b \u2060", {"limit": 4, "buffer": 2}, 0.0, "0 words"),
    ("a " * 500_000, {"limit": 4, "buffer": 2}, -1.0, "500,000 words"),
]


@pytest.mark.parametrize(("response", "config", "score", "reason"), ROWS)
def test_what_is_counted(response: str, config: dict[str, Any], score: float, reason: str) -> None:
    assert judge(response, **config) == Verdict.wrong(reason=reason, score=score)


def test_tokens_are_the_callers() -> None:
    assert judge("x", {"response_tokens": 9}, limit=10, buffer=2, unit="tokens").score == -0.5


@pytest.mark.parametrize("found", [None, "9", 9.0, -1, True])
def test_tokens_that_nobody_counted_are_an_error_that_says_what_to_use(found: object) -> None:
    with pytest.raises(ValueError, match=r"metadata\.response_tokens: found .* algorithm\.shaping\.overlong_weight"):
        judge("x", {"response_tokens": found}, limit=10, buffer=2, unit="tokens")


BAD = [
    ({"limit": 10, "buffer": 11}, "limit, buffer: found 10 and 11"),
    ({"limit": 10, "buffer": 0}, "limit, buffer: found 10 and 0"),
    ({"limit": 0, "buffer": 0}, "limit, buffer: found 0 and 0"),
    ({"limit": 10, "buffer": 1, "unit": "bytes"}, "write one of words, characters, tokens"),
    ({"limit": 10, "buffer": 1, "part": "middle"}, "write one of response, thinking, answer"),
    ({"limit": 10, "buffer": 1, "unit": "tokens", "part": "answer"}, "only the whole response's are known"),
]


@pytest.mark.parametrize(("config", "advice"), BAD)
def test_bad_settings_say_what_to_write(config: dict[str, Any], advice: str) -> None:
    assert length_verifier.prepare is not None
    with pytest.raises(ValueError, match=advice):
        length_verifier.prepare(**config)
    with pytest.raises(ValueError, match=advice):
        judge("x", {"response_tokens": 1}, **config)


def test_it_grades_and_calls_nothing_right() -> None:
    assert VERIFIERS["length"].grades
    assert judge("", limit=10, buffer=2).status is Status.WRONG


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 60), st.integers(1, 60))
def test_longer_is_never_better(length: int, more: int, limit: int, buffer: int) -> None:
    scores = [overlong(n, max(limit, buffer), buffer) for n in (length, length + more)]
    assert -1.0 <= scores[1] <= scores[0] <= 0.0
