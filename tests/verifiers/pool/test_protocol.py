"""Frames and verdicts from a side that is not trusted."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.base import Verdict
from verifiers.frames import HEADER, FrameBuffer, ProtocolError, encode
from verifiers.pool.protocol import verdict_from_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(st.dictionaries(st.text(), JSON, max_size=3), min_size=1, max_size=4), st.integers(1, 9))
def test_frames_survive_any_cutting(messages: list[dict], step: int) -> None:
    data = b"".join(encode(message) for message in messages)
    frames, found = FrameBuffer(1 << 20), []
    for start in range(0, len(data), step):
        frames.feed(data[start : start + step])
        while (message := frames.next()) is not None:
            found.append(message)
    assert found == messages


def test_lone_surrogates_of_model_text_survive() -> None:
    frames = FrameBuffer()
    frames.feed(encode({"response": "\ud800 x"}))
    assert frames.next() == {"response": "\ud800 x"}


BAD_FRAMES = [
    (HEADER.pack(1 << 31) + b"x", "at most"),
    (HEADER.pack(3) + b"abc", "not JSON"),
    (HEADER.pack(2) + b"[]", "not an object"),
    (HEADER.pack(2) + b"\xff\xfe", "not JSON"),
    (HEADER.pack(200_000) + b"[" * 200_000, "not JSON"),
]


@pytest.mark.parametrize(("data", "problem"), BAD_FRAMES)
def test_what_is_not_a_frame_is_refused(data: bytes, problem: str) -> None:
    frames = FrameBuffer()
    frames.feed(data)
    with pytest.raises(ProtocolError, match=problem):
        frames.next()


@pytest.mark.parametrize("message", [{"a": {1, 2}}, {"a": b"x"}, {"a": object()}])
def test_what_is_not_json_is_not_sent(message: dict) -> None:
    with pytest.raises(ValueError, match="not JSON"):
        encode(message)


GOOD = Verdict.wrong("7", "no", score=0.25).to_json()
BAD_VERDICTS = [
    None,
    [],
    "correct",
    {},
    {**GOOD, "score": "1"},
    {**GOOD, "score": True},
    {**GOOD, "score": math.nan},
    {**GOOD, "score": math.inf},
    {**GOOD, "score": 10**400},
    {**GOOD, "score": 1.0},
    {**GOOD, "status": "correct"},
    {**GOOD, "status": "splendid"},
    {**GOOD, "status": ["correct"]},
    {**GOOD, "extracted": 7},
    {**GOOD, "reason": None},
    {**GOOD, "status": "error"},
]


@pytest.mark.parametrize("value", BAD_VERDICTS)
def test_a_verdict_of_wrong_types_or_that_contradicts_itself_is_refused(value: object) -> None:
    with pytest.raises(ProtocolError):
        verdict_from_json(value)


def test_a_good_verdict_comes_back_and_long_texts_are_cut() -> None:
    assert verdict_from_json(GOOD) == Verdict.wrong("7", "no", score=0.25)
    long = verdict_from_json({**GOOD, "extracted": "x" * 10_000})
    assert long.extracted is not None
    assert (len(long.extracted), long.extracted[-1]) == (2000, "…")
