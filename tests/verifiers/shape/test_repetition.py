"""Shares of repeated n-grams and of a final loop, against slow definitions."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.shape.repetition import (
    LOOPS,
    Words,
    final_loop,
    looped,
    repeated,
    repeated_ngrams,
    repetition_verifier,
)


def judge(response: str, **config: Any) -> Verdict:
    outcome = repetition_verifier(Sample("", response), **config)
    assert isinstance(outcome, Verdict)
    return outcome


NGRAMS = [
    ([], 2, 0.0),
    ([1], 2, 0.0),
    ([1, 2, 3], 2, 0.0),
    ([1, 2, 1, 2], 2, 1 / 3),
    ([1, 1, 1, 1, 1], 2, 3 / 4),
    ([1, 2, 3, 1, 2, 3], 3, 1 / 4),
    ([1, 1, 2], 1, 1 / 3),
]


@pytest.mark.parametrize(("words", "n", "share"), NGRAMS)
def test_repeated_ngrams(words: list[int], n: int, share: float) -> None:
    assert repeated_ngrams(words, n) == pytest.approx(share, abs=1e-15)


LOOP = [
    ([], 0.0),
    ([1, 2, 3], 0.0),
    ([1, 1], 0.0),
    ([1, 1, 1], 1.0),
    ([1, 2, 1, 2], 0.0),
    ([1, 2, 1, 2, 1, 2], 1.0),
    ([9, 8, 1, 2, 1, 2, 1, 2], 6 / 8),
    ([9, 2, 1, 2, 1, 2, 1, 2], 7 / 8),  # the first round is cut off
    ([1, 2, 1, 2, 1, 2, 9], 0.0),
    ([5, 5, 5, 6, 7], 0.0),
]


@pytest.mark.parametrize(("words", "share"), LOOP)
def test_a_loop_at_the_end(words: list[int], share: float) -> None:
    assert final_loop(words) == pytest.approx(share, abs=1e-15)


@given(st.lists(st.integers(0, 2), max_size=40), st.integers(1, 5))
def test_repeated_ngrams_by_definition(words: list[int], n: int) -> None:
    grams = [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]
    repeats = sum(gram in grams[:i] for i, gram in enumerate(grams))
    assert repeated_ngrams(words, n) == pytest.approx(repeats / len(grams) if grams else 0.0, abs=1e-15)


@given(st.lists(st.integers(0, 1), max_size=24))
def test_a_loop_by_definition(words: list[int]) -> None:
    longest = 0
    for start in range(len(words)):
        end = words[start:]
        for period in range(1, len(end) // LOOPS + 1):
            if all(end[i] == end[i + period] for i in range(len(end) - period)):
                longest = max(longest, len(end))
    assert final_loop(words) == pytest.approx(longest / len(words) if words else 0.0, abs=1e-15)


TEXT = "first we add the two numbers and then we take the half of what comes out"
ROWS: list[tuple[str, dict[str, Any], float]] = [
    (TEXT, {}, 1.0),
    (TEXT, {"n": 2, "allowed": 0.0}, 1.0),
    (TEXT, {"n": 1}, 14 / 16),  # `we` and `the` twice
    (f"{TEXT} {TEXT}", {"n": 4}, 1.0 - 13 / 29),
    (f"{TEXT} {TEXT}", {"n": 4, "allowed": 0.5}, 1.0),
    (f"{TEXT} " * 50, {}, 1.0 - (800 - 19 - 16) / (800 - 19)),
    (f"{TEXT.upper()} {TEXT}", {"n": 4}, 1.0 - 13 / 29),
    ("a", {}, 1.0),
    ("a " * 30, {}, 1 / 11),
    ("a" * 16 * 30, {}, 1 / 11),
    ("好" * 30, {}, 1 / 11),
    (" ".join(f"{TEXT} {i}" for i in range(50)), {}, 1.0 - (850 - 19 - 17) / (850 - 19)),
    (" ".join(f"{TEXT} {i}" for i in range(50)), {"n": 9}, (8 + 9 * 49 + 1) / (850 - 8)),
    (" ".join(f"{i} if n is {i} then f is {i * i} so it holds here" for i in range(50)), {}, 1.0),
    (f"{TEXT} " * 50 + "done", {"measure": "loop"}, 1.0 - 800 / 801),
    (f"{TEXT} " * 50 + "so that is all of it", {"measure": "loop"}, 1.0 - 800 / 806),
    (" ".join(f"{TEXT} {i}" for i in range(50)) + " done", {"measure": "loop"}, 1.0 - 850 / 851),
    (" ".join(f"{i} if n is {i} then f is {i * i} so" for i in range(50)), {"measure": "loop"}, 1.0),
    ("1, 2, 3, 4, 5, 6", {"measure": "loop"}, 1.0),
    ("ha " * 9 + TEXT + " yes no maybe x y", {"measure": "loop"}, 1.0),
    (f"{TEXT} " * 200 + " ".join(TEXT[::-1].split()), {"measure": "loop"}, 1.0 - 3200 / 3216),
    (TEXT, {"measure": "loop"}, 1.0),
    (f"{TEXT} ha ha ha", {"measure": "loop", "allowed": 0.0}, 1.0 - 3 / 19),
    (f"{TEXT} ha ha ha", {"measure": "loop", "allowed": 0.2}, 1.0),
    (f"{TEXT} ha ha ha</think>4", {"measure": "loop"}, 1.0),
    (f"{TEXT} ha ha ha</think>4", {"measure": "loop", "part": "thinking"}, 1.0 - 3 / 19),
]


@pytest.mark.parametrize(("response", "config", "score"), ROWS, ids=[str(i) for i in range(len(ROWS))])
def test_the_share_decides_and_is_the_partial_credit(response: str, config: dict[str, Any], score: float) -> None:
    verdict = judge(response, **config)
    assert verdict.status is (Status.CORRECT if score == 1.0 else Status.WRONG)
    assert verdict.score == pytest.approx(score, abs=1e-12)


def test_the_reason_says_what_was_found() -> None:
    assert judge("a " * 30).reason == "90.9% of its 30 words begin 20 that stood before"
    assert judge("a " * 30, measure="loop").reason == "100.0% of its 30 words are a loop to its end"


@pytest.mark.parametrize("response", ["", " \n", "a</think> ", "\u200b", "\u2800 \u2060\x00"])
def test_nothing_written_is_unparsed(response: str) -> None:
    assert judge(response, part="answer").status is Status.UNPARSED


@pytest.mark.parametrize("measure", ["ngrams", "loop"])
@pytest.mark.parametrize("piece", ["a", "a ", "ab ", "好", "x y z "])
def test_a_megabyte_of_the_same_is_worth_nothing(measure: str, piece: str) -> None:
    verdict = judge(piece * (1_000_000 // len(piece)), measure=measure)
    assert verdict.status is Status.WRONG
    assert verdict.score == pytest.approx(0.0, abs=1e-3)


@pytest.mark.parametrize("measure", ["ngrams", "loop"])
def test_a_megabyte_of_numbers_is_fine(measure: str) -> None:
    assert judge(" ".join(map(str, range(150_000))), measure=measure).status is Status.CORRECT


BAD = [
    ({"measure": "all"}, "write one of ngrams, loop"),
    ({"n": 0}, "write 1 to 100"),
    ({"n": 101}, "write 1 to 100"),
    ({"allowed": 1.0}, "write a share from 0.0 to below 1.0"),
    ({"allowed": -0.1}, "write a share from 0.0 to below 1.0"),
    ({"allowed": float("nan")}, "write a share from 0.0 to below 1.0"),
    ({"part": "end"}, "write one of response, thinking, answer"),
]


@pytest.mark.parametrize(("config", "advice"), BAD)
def test_bad_settings_say_what_to_write(config: dict[str, Any], advice: str) -> None:
    assert repetition_verifier.prepare is not None
    with pytest.raises(ValueError, match=advice):
        repetition_verifier.prepare(**config)


@pytest.mark.parametrize("hidden", ["\u200d", "\ufe0f", "\u00ad"])
def test_what_does_not_show_makes_no_other_word(hidden: str) -> None:
    varied = " ".join(word + hidden * (i % 7) for i, word in enumerate((f"{TEXT} " * 50).split()))
    assert judge(varied) == judge(f"{TEXT} " * 50)


@given(st.lists(st.sampled_from(["a", "b", "1", "2"]), max_size=60), st.integers(10, 30))
def test_digits_that_are_alike_only_add_to_what_is_repeated(words: list[str], n: int) -> None:
    found = Words.of(" ".join(words))
    assert repeated(found, n) >= repeated_ngrams(found.exact, n) - 1e-12
    assert looped(found) >= final_loop(found.exact) - 1e-12
