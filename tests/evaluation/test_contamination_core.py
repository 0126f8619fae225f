"""What is looked for is the data set's own text, whatever prompt a benchmark makes of it, and each of several texts."""

from __future__ import annotations

import pytest

from rlhf.evaluation.benchmarks.readers import code, science
from rlhf.evaluation.benchmarks.records import Record
from rlhf.evaluation.contamination import scan
from rlhf.evaluation.contamination_index import SHORTEST, build_index
from rlhf.evaluation.problem import Problem
from tests.evaluation.benchmarks.rows import MBPP
from tests.evaluation.test_contamination import words

TASK = "Write a function to find the second largest of three numbers."
TESTS = ["assert second(1, 2, 3) == 2", "assert second(9, 7, 8) == 8", "assert second(4, 4, 1) == 4"]
WRAPPER = "Write a program, please: {}\n\nIt is to be written in Python, and to be put within one block of code."


def look(problems, texts, n=13):
    return scan([(f"t:{line}", text) for line, text in enumerate(texts, start=1)], build_index({"b": problems}, n))


def found(problems, texts):
    (benchmark,) = look(problems, texts).benchmarks
    return [(m.problem, m.coverage, m.whole, m.rows, m.shared) for m in benchmark.matches]


def two(core):
    return [Problem("a", "in our words", None, core=core), Problem("b", words(20, 100), None)]


def test_a_problem_without_texts_of_its_own_is_its_question():
    assert found([Problem("a", words(20), None)], [words(20)]) == [("a", 1.0, True, 1, False)]


def test_our_wrapper_is_not_looked_for():
    problem = Problem("a", WRAPPER.format(words(20)), None, core=(words(20),))
    assert found([problem], [WRAPPER.format("What is asked?")]) == []
    assert found([problem], [words(20)]) == found([problem], [problem.question]) == [("a", 1.0, True, 1, False)]


@pytest.mark.parametrize("text", [words(20), words(20, 40), f"{words(20, 40)} so {words(20)}"])
def test_any_of_its_texts_gives_a_problem_away_and_counts_once(text):
    core = (words(20), words(20, 40))
    assert found(two(core), ["x", text, text]) == [("a", 1.0, True, 2, False)]


def test_a_problem_is_as_covered_as_its_best_text():
    core = (words(22), words(16, 40))  # ten 13-grams, and four
    texts = [words(14), words(15, 40), words(13, 1)]
    (benchmark,) = look(two(core), texts).benchmarks
    (match,) = benchmark.matches
    assert (match.coverage, match.rows, match.whole) == (0.75, 3, False)
    assert [(row.origin, row.coverage) for row in match.best] == [("t:2", 0.75), ("t:1", 0.2), ("t:3", 0.1)]
    assert match.best[0].in_problem[1] == words(15, 40)
    assert benchmark.share == 0.5


def test_a_row_with_several_texts_shows_the_one_it_has_most_of():
    core = (words(22), words(16, 40))
    (match,) = look(two(core), [f"{words(16)} and {words(16, 40)}"]).benchmarks[0].matches
    assert [(row.coverage, row.in_problem[1]) for row in match.best] == [(1.0, words(16, 40))]


def test_words_in_two_texts_of_one_problem_are_not_shared():
    core = (words(20), f"before {words(20)} after")
    assert found(two(core), [words(20)]) == [("a", 1.0, True, 1, False)]
    assert found(two(core), [words(14)]) == [("a", 0.25, False, 1, False)]


def test_problems_that_share_one_of_their_texts_are_both_found():
    problems = [Problem(str(i), "ours", None, core=(words(13), words(15, 20 + 20 * i))) for i in range(2)]
    assert found(problems, [words(13)]) == [("0", 1.0, True, 1, False), ("1", 1.0, True, 1, False)]
    assert found(problems, [words(15, 40)]) == [("1", 1.0, True, 1, False)]


def test_a_problem_is_judged_by_the_text_that_can_be():
    short, wrapper = words(SHORTEST - 1), words(13, 60)
    problems = [Problem("short", "ours", None, core=(short,)), Problem("both", "ours", None, core=(short, words(8)))]
    problems += [Problem(f"{i}", "ours", None, core=(f"{wrapper} {words(14, 80 + 20 * i)}",)) for i in range(11)]
    problems += [Problem("bare", "ours", None, core=(wrapper, short))]
    (benchmark,) = look(problems, [words(8)]).benchmarks
    assert (benchmark.problems, benchmark.judged) == (14, 12)
    assert (benchmark.too_short, benchmark.template) == (("short",), ("bare",))
    assert [m.problem for m in benchmark.matches] == ["both"]


def mbpp():
    read = (code.mbpp(Record("f:1", 0, {**MBPP[2], "task_id": 11 + i, **row})) for i, row in enumerate([
        {"prompt": TASK, "test_list": TESTS},
        {"prompt": "Write a function to reverse each of the words in a given sentence."},
    ]))  # fmt: skip
    return [problem for problem in read if problem is not None]


@pytest.mark.parametrize("text", [TASK, f"{TASK}\n\ndef second(a, b, c):", "\n".join(TESTS), " ".join(TESTS).upper()])
def test_a_task_of_mbpp_is_found_without_its_tests_and_the_tests_without_it(text):
    assert found(mbpp(), ["x", text]) == [("11", 1.0, True, 1, False)]


def test_gpqa_is_found_with_its_options_in_any_order_or_none():
    fields = {"Record ID": "r", "Question": "Which of these particles carries a charge of two thirds?"}
    names = ["Correct Answer", *(f"Incorrect Answer {i}" for i in (1, 2, 3))]
    problem = science.gpqa(
        Record("f:1", 0, {**fields, **dict(zip(names, ["up", "down", "muon", "gluon"], strict=True))})
    )
    assert problem.core == (fields["Question"],)
    for text in (fields["Question"], f"{fields['Question']} (a) gluon (b) muon (c) up (d) down"):
        assert found([problem], [text]) == [("r", 1.0, True, 1, False)]


def test_livecodebench_is_found_without_the_prompt_of_its_authors():
    content = f"You are given {words(30)}.\n\nSample Input 1\n\n5"
    names = ("public_test_cases", "private_test_cases", "metadata")
    row = {"question_id": "q", "question_content": content, **dict.fromkeys(names, "[]")}
    own = code.livecodebench(Record("f:1", 0, row))
    assert own.core == (content,)
    sandboxed = code.livecodebench(Record("f:2", 1, {"id": "s", "content": own.question, "test": "eJx"}))
    assert sandboxed.core == (content,)
    for problem in (own, sandboxed):
        assert found([problem], [content]) == [(problem.id, 1.0, True, 1, False)]
        assert found([problem], [problem.question.replace(content, "Sort the numbers.")]) == []
