"""The cases that verifiers are measured on: what is made is right, and every input of the fuzzer comes again."""

import json
import random
from pathlib import Path

import pytest

from benchmarks.fuzz_math import Inputs
from benchmarks.verifier_cases import EXPRESSION, WHOLE, all_cases, respelled, rollout_like
from verifiers.math import equivalent

ANSWERS = [
    "7",
    "-12",
    "2500",
    "\\frac{3}{4}",
    "x=5",
    "(1,2)",
    "3\\sqrt{2}",
    "12\\pi",
    "\\text{east}",
    "30^\\circ",
    "x^2 + 1",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"answer": answer, "solution": f"so \\boxed{{{answer}}}"} for answer in ANSWERS]
    said = {"solution": "2 and 5 are 7\nA: 7", "is_correct": True}
    gsm = {"ground_truth": "...\nA: 7", "6b": said, "175b": {"solution": "A: seven", "is_correct": False}}
    files = {
        "math500_test.jsonl": rows,
        "gsm8k_example_model_solutions.jsonl": [gsm],
        "verifier_examples.jsonl": [{"gold": "1", "pred": "\\boxed{1}", "expect": True, "tag": "number", "why": ""}],
        "math_verify_tests.jsonl": [{"gold": "1", "pred": "2", "expect": False, "test": "t::one"}],
    }
    for name, lines in files.items():
        (tmp_path / name).write_text("\n".join(json.dumps(line) for line in lines) + "\n")
    return tmp_path


def test_cases_of_a_folder(folder: Path) -> None:
    cases = all_cases(folder)
    kinds = {case.group: case.how for case in cases}
    assert kinds == {
        "examples: number": WHOLE,
        "math_verify_tests": EXPRESSION,
        "gsm8k": WHOLE,
        "MATH-500: answer": WHOLE,
        "MATH-500: solution": WHOLE,
        "MATH-500: swapped": WHOLE,
    }
    assert [case.text for case in cases if case.group == "gsm8k"] == ["\\boxed{7}"]
    assert all(not case.expect for case in cases if case.group == "MATH-500: swapped")


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_respelled_answer_is_the_same(answer: str) -> None:
    rng = random.Random(0)
    spellings = {respelled(answer, rng) for _ in range(40)}
    assert all(equivalent(spelling, answer) for spelling in spellings)


def test_half_of_the_speed_cases_are_right_and_none_comes_twice(folder: Path) -> None:
    cases = rollout_like(folder, 60)
    assert sum(case.expect for case in cases) == 30
    assert len({(case.gold, case.text) for case in cases}) == 60
    assert all(equivalent(case.text, case.gold) is case.expect for case in cases)


def test_an_input_of_the_fuzzer_depends_on_seed_and_number_alone() -> None:
    one, two = Inputs(3, ANSWERS), Inputs(3, ANSWERS)
    assert [one.sample(i) for i in (5, 6)] == [two.sample(i) for i in (5, 6)]
    assert one.sample(5) != Inputs(4, ANSWERS).sample(5)
