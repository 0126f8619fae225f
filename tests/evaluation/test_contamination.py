"""Planted questions are found, near misses are not, and neither hashes nor memory are trusted."""

from __future__ import annotations

import gc
import weakref

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.evaluation import contamination
from rlhf.evaluation.contamination import KEPT_ROWS, scan
from rlhf.evaluation.contamination_index import SHORTEST, TEMPLATE, build_index, signs_agree
from rlhf.evaluation.problem import Problem

DUCKS = (
    "Janet’s ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for her friends "
    "every day with four. How much in dollars does she make every day at the farmers' market?"
)
POLAR = "Convert the point $(0,3)$ in rectangular coordinates to polar coordinates, where $r > 0$ and $0 \\le \\theta < 2\\pi.$"
SUM = "What is the value of 513 - 487?"


def problems(*questions):
    return [Problem(f"p{number}", question, None) for number, question in enumerate(questions)]


def look(questions, texts, n=13, **more):
    index = build_index({"bench": problems(*questions)}, n, **more)
    return scan([(f"t:{line}", text) for line, text in enumerate(texts, start=1)], index).benchmarks[0]


def found(questions, texts, n=13, **more):
    """{problem: (coverage, origins of the rows kept)}"""
    matches = look(questions, texts, n, **more).matches
    return {match.problem: (match.coverage, [row.origin for row in match.best]) for match in matches}


DISGUISES = {
    "as it is": lambda t: t,
    "capitals": str.upper,
    "no punctuation": lambda t: t.replace(", ", " ").replace(".", "").replace("?", "").replace("'", ""),
    "spacing": lambda t: "\n " + t.replace(" ", " \n\t\u00a0"),
    "straight quotes": lambda t: t.replace("’", "'"),
    "no dollars": lambda t: t.replace("$", ""),
    "symbols": lambda t: t.replace("\\theta", "θ").replace("\\pi", "π").replace("\\le", "≤"),
    "in a prompt": lambda t: f"Solve step by step.\n\nQuestion: {t}\n\nAnswer:",
    "marked up": lambda t: f"<p>**{t}**</p>",
}


@pytest.mark.parametrize("disguise", DISGUISES.values(), ids=DISGUISES)
@pytest.mark.parametrize("question", [DUCKS, POLAR, SUM], ids=["ducks", "polar", "sum"])
def test_a_planted_copy_is_found_whole(question, disguise):
    result = look(
        [question, "Another question that has nothing to do with it, of more than thirteen words in all."],
        ["x", disguise(question)],
    )
    (match,) = result.matches
    assert (match.problem, match.coverage, match.whole, match.rows, match.shared) == ("p0", 1.0, True, 1, False)
    assert match.best[0].origin == "t:2"


NEAR = [
    (SUM, "What is the value of 513 + 487?"),
    (SUM, "What is the value of 513 487?"),
    (SUM, "What is the value of 513 - 487 + 2?"),
    (SUM, "What is the value of -513 - 487?"),
    (SUM, "What is the value of 513 - 488?"),
    (SUM, "What is the value of 5 13 - 487?"),
    (SUM, "the value of 513 - 487"),
    (
        DUCKS,
        " ".join("word" if i % 13 == 12 else w for i, w in enumerate(DUCKS.replace("’", "").replace("'", "").split())),
    ),
    (DUCKS, " ".join(reversed(DUCKS.split()))),
]


@pytest.mark.parametrize(("question", "text"), NEAR)
def test_a_near_miss_is_not_found(question, text):
    assert found([question], [text]) == {}


def test_words_of_two_prompts_in_a_row_are_no_match():
    assert found([words(36)], [words(12), words(12, 12), words(12, 24)]) == {}


def words(count, first=0):
    return " ".join(f"w{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(first, first + count))


@pytest.mark.parametrize("n", [1, 2, 6, 7, 13, 40])
def test_n_words_are_found_and_n_minus_one_are_not(n):
    question = words(n + 3)
    pad = " ".join(["other"] * 3)
    assert found([question], [f"{pad} {words(n, 1)} {pad}"], n) == {"p0": (0.25, ["t:1"])}
    assert found([question], [f"{pad} {words(n - 1, 1)} {pad}"], n) == {}


@pytest.mark.parametrize(
    ("length", "judged"),
    [(0, False), (1, False), (SHORTEST - 1, False), (SHORTEST, True), (12, True), (13, True), (14, True)],
)
def test_a_question_shorter_than_n_is_found_as_a_whole_or_is_not_judged(length, judged):
    result = look([words(length)], [f"before {words(length)} after", f"before {words(max(length - 1, 0))} after"])
    assert (result.judged, result.too_short) == ((1, ()) if judged else (0, ("p0",)))
    rows = [row.origin for match in result.matches for row in match.best]
    assert rows == (["t:1", "t:2"] if length == 14 else ["t:1"] if judged else [])


def test_with_n_below_the_shortest_every_question_of_n_words_is_judged():
    assert look([words(3), words(2)], [words(3)], n=3).too_short == ("p1",)


def test_coverage_is_of_all_rows_and_whole_is_of_one():
    question = words(15)  # three 13-grams
    halves = [words(14), words(14, 1), words(13, 1)]
    result = look([question], halves)
    (match,) = result.matches
    assert (match.coverage, match.rows, match.whole) == (1.0, 3, False)
    assert [(row.origin, row.coverage, row.words) for row in match.best] == [
        ("t:1", pytest.approx(2 / 3), 14),
        ("t:2", pytest.approx(2 / 3), 14),
        ("t:3", pytest.approx(1 / 3), 13),
    ]
    assert (result.whole, result.share) == (0, 1.0)


def test_matches_are_sorted_by_coverage():
    texts = [words(13), words(26, 100), words(20, 200)]
    matches = look([words(26), words(26, 100), words(26, 200)], texts).matches
    assert [(match.problem, round(match.coverage, 3)) for match in matches] == [
        ("p1", 1.0),
        ("p2", round(8 / 14, 3)),
        ("p0", round(1 / 14, 3)),
    ]


def test_the_longest_common_run_is_shown_in_both_texts():
    question = f"It Begins, {words(20)} and so ends."
    text = f"{words(13)} then, much later: {words(15, 2).upper()}! The end."
    (match,) = look([question], [text]).matches
    (row,) = match.best
    assert row.words == 15
    assert row.in_problem == ("It Begins, waa wab", words(15, 2), "war was wat and so ends.")
    assert row.in_row == ("wai waj wak wal wam then, much later:", words(15, 2).upper() + "!", "The end.")


def test_only_the_best_rows_are_kept_and_all_are_counted():
    texts = [words(13)] * 20 + [words(20)] + [words(13)] * 20 + [words(20)]
    (match,) = look([words(20)], texts).matches
    assert match.rows == 42
    assert [row.origin for row in match.best] == ["t:21", "t:42", "t:1", "t:2", "t:3"]
    assert len(match.best) == KEPT_ROWS


def test_words_that_many_questions_share_are_no_match_and_those_of_a_few_say_so():
    prefix = words(13)
    few = [f"{prefix} {words(13, 100 + 20 * i)}" for i in range(TEMPLATE)]
    result = look(few, [prefix])
    assert len(result.matches) == result.shared == TEMPLATE
    many = [f"{prefix} {words(13, 100 + 20 * i)}" for i in range(TEMPLATE + 1)]
    assert look(many, [prefix]).matches == ()
    copied = look(many, [many[3]])
    assert [(m.problem, m.coverage, m.shared) for m in copied.matches] == [("p3", 1.0, False)]
    assert copied.judged == TEMPLATE + 1
    bare = look([*many, prefix], [prefix])
    assert (bare.template, bare.judged, bare.matches) == (("p11",), TEMPLATE + 1, ())


def test_a_benchmark_that_holds_each_question_many_times_is_judged_as_if_once():
    matches = look([DUCKS] * 32, [DUCKS]).matches
    assert [(match.coverage, match.shared) for match in matches] == [(1.0, False)] * 32


def test_a_question_that_others_have_too_is_found_where_it_is_whole():
    question, longer = words(15), words(30)
    result = look([question, longer], [question])
    assert [(m.problem, m.whole, m.shared) for m in result.matches] == [("p0", True, False), ("p1", False, True)]
    assert (result.shared, result.share) == (1, 0.5)


def test_a_wrapper_of_a_few_questions_is_shown_and_not_counted():
    few = [f"{words(13)} {words(13, 100 + 20 * i)}" for i in range(3)]
    wrapper = look(few, [words(13)])
    assert (len(wrapper.matches), wrapper.shared, wrapper.share) == (3, 3, 0.0)
    copied = look(few, [words(13), few[1]])
    assert (len(copied.matches), copied.shared, copied.share) == (3, 2, pytest.approx(1 / 3))


def test_benchmarks_are_told_apart():
    index = build_index({"a": problems(DUCKS), "b": problems(DUCKS, POLAR)})
    result = scan([("t:1", DUCKS), ("t:2", "nothing")], index)
    assert [(b.name, b.problems, len(b.matches), b.share) for b in result.benchmarks] == [
        ("a", 1, 1, 1.0),
        ("b", 2, 1, 0.5),
    ]
    assert (result.rows, result.matched_rows) == (2, 1)
    assert not any(match.shared for b in result.benchmarks for match in b.matches)


@pytest.mark.parametrize("collide", [lambda word: 0, len, lambda word: ord(word[0])], ids=["zero", "length", "letter"])
def test_equal_hashes_of_other_words_are_no_match(collide):
    questions = [DUCKS, POLAR, SUM, words(20), words(20, 30)]
    texts = [DUCKS.upper(), words(13, 40), words(40, 50), "x " * 40, words(13, 30), SUM, SUM.replace("513", "514")]
    assert found(questions, texts, word_hash=collide) == found(questions, texts)
    assert set(found(questions, texts)) == {"p0", "p2", "p4"}


vocabulary = st.sampled_from(["a", "b", "c", "7", "中"])
some_text = st.lists(vocabulary, max_size=30).map(" ".join)


def naive(question, text, n):
    """Positions of the question's n-grams that the text has."""
    asked, told = question.split(), text.split()
    grams = {tuple(told[i : i + n]) for i in range(len(told) - n + 1)}
    return {i for i in range(len(asked) - n + 1) if tuple(asked[i : i + n]) in grams}


@settings(deadline=None)
@given(some_text, st.lists(some_text, max_size=6), st.integers(1, 6))
def test_what_is_found_is_what_a_search_by_hand_finds(question, texts, n):
    matches = look([question], texts, n).matches
    if len(question.split()) < n:
        assert not matches, "n is at most SHORTEST here"
        return
    by_row = [naive(question, text, n) for text in texts]
    everywhere = set().union(*by_row)
    windows = len(question.split()) - n + 1
    assert [match.coverage for match in matches] == ([len(everywhere) / windows] if everywhere else [])
    for match in matches:
        assert match.rows == sum(map(bool, by_row))
        assert match.best[0].coverage == max(map(len, by_row)) / windows


@settings(deadline=None)
@given(some_text, some_text, some_text)
def test_a_question_within_any_text_is_found_whole(before, question, after):
    if len(question.split()) >= SHORTEST:
        (match,) = look([question], [f"{before} {question} {after}"]).matches
        assert match.whole


@pytest.mark.parametrize("n", [0, -1])
def test_n_below_one_is_refused(n):
    with pytest.raises(ValueError, match=f"n is {n}; write 1 or more"):
        build_index({}, n)


def test_no_prompts_and_prompts_without_words_match_nothing():
    assert look([DUCKS], []).matches == ()
    assert look([DUCKS], ["", "?!", "…"]).matches == ()
    assert look(["", "?"], ["", "?"]).judged == 0


def test_signs_are_judged_where_the_words_stand():
    (question,) = build_index({"bench": problems("find out what is 4 + 1")}).questions
    text = "find out what is 4 - 1, then find out what is 4 + 1"
    assert (signs_agree(question, text, 0), signs_agree(question, text, 7)) == (False, True)


class Watched(str):
    """A text that can be referred to weakly."""


def test_no_more_than_a_batch_of_prompts_is_held(monkeypatch):
    """Counted as they are handed out: however long the stream, a batch and the one it is made from are alive."""
    monkeypatch.setattr(contamination, "BATCH_WORDS", 200)
    alive: weakref.WeakSet[Watched] = weakref.WeakSet()
    most = 0

    def stream(rows):
        nonlocal most
        for row in range(rows):
            text = Watched(f"{row} {DUCKS}" if row % 3 else f"{row} {words(20)}")
            alive.add(text)
            most = max(most, len(alive))
            yield f"t:{row}", text

    seen = []
    index = build_index({"bench": problems(DUCKS)})
    result = scan(stream(600), index, lambda rows, matched: seen.append((rows, matched)))
    gc.collect()
    assert result.rows == 600 and result.matched_rows == 400
    assert most <= 2 * 200 // 20 + 2, "a prompt has 20 words or more"
    assert len(alive) == 0, "what is kept of a prompt is an excerpt"
    assert seen[-1] == (600, 1) and len(seen) > 50 and [rows for rows, _ in seen] == sorted({rows for rows, _ in seen})
