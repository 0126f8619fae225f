"""How `code` loads what it runs: answers as modules, tests and checkers by themselves; and values as large as tests have."""

import json
from typing import Any

import pytest

from tests.verifiers.code.conftest import Judge
from tests.verifiers.code.test_code import packed
from verifiers import Status

EVEN = "def check(input, expected, output):\n    return int(output) % 2 == 0"
CHECKED: list[tuple[str, dict[str, Any]]] = [
    ("tests", {"tests": [{"input": "", "output": "4"}]}),
    (
        "livecodebench",
        {"test": packed({"input_output": json.dumps({"inputs": [""], "outputs": ["4"], "fn_name": None})})},
    ),
    ("livecodebench", {"public_test_cases": json.dumps([{"input": "", "output": "4"}])}),
    ("code_contests", {"test": json.dumps([{"input": {"stdin": ""}, "output": {"stdout": "4"}}])}),
    ("code_contests", {"public_tests": {"input": [""], "output": ["4"]}}),
]


@pytest.mark.parametrize(("form", "metadata"), CHECKED)
def test_rows_of_programs_may_have_a_checker(judge: Judge, form: str, metadata: dict[str, Any]) -> None:
    assert judge("print(6)", metadata, format=form).status is Status.WRONG
    assert judge("print(6)", metadata | {"checker": EVEN}, format=form).status is Status.CORRECT
    assert judge("print(3)", metadata | {"checker": EVEN}, format=form).status is Status.WRONG


def test_annotations_are_values_as_in_any_program(judge: Judge) -> None:
    """`compile` hands the `from __future__ import annotations` of its caller on, unless it is told not to."""
    annotated = "def g(x: int): pass\nassert g.__annotations__['x'] is int\n"
    calls = {"entry": "f", "tests": [annotated + "assert f(1) == 1"], "setup": annotated}
    assert judge(annotated + "def f(x): return x", calls).status is Status.CORRECT
    assert judge("def f(x): return x", calls | {"setup": annotated.replace("x: int", "x: str")}).status is Status.ERROR
    checked = {"tests": [{"input": "", "output": ""}], "checker": annotated + "def check(*_): return True"}
    assert judge("print(1)", checked).status is Status.CORRECT


MAIN = """
from __future__ import annotations
from dataclasses import dataclass
@dataclass
class Pair:
    a: int
def f(x): return Pair(x).a
if __name__ == "__main__":
    f(int(input()))
    raise SystemExit("what a program does and a module does not")
"""


LARGE = [
    ("def f(x): return x", "x = list(range(10**6))\nassert f(x) == x and f(x) is x", Status.CORRECT, ""),
    (
        "def f(x): return 'x' * (20 << 20)",
        "assert f(1) == 1",
        Status.TIMEOUT,
        "the program's answer is too long, or is",
    ),
    ("def f(x): return [0] * 3_000_000", "assert f(1) == 1", Status.WRONG, "nested too deeply or too large"),
]


@pytest.mark.parametrize(("source", "test", "status", "said"), LARGE)
def test_large_values(judge: Judge, source: str, test: str, status: Status, said: str) -> None:
    verdict = judge(source, {"entry": "f", "tests": [test]}, time_s=20.0, total_s=25.0)
    assert verdict.status is status, verdict.reason
    assert said in verdict.reason


def test_functions_are_loaded_as_a_module(judge: Judge) -> None:
    assert judge(MAIN, {"entry": "f", "tests": ["assert f(2) == 2"]}).status is Status.CORRECT


ADDITION = {
    "inputs": ["3\n4", "1\n1"],
    "outputs": ["7", "2"],
    "fn_name": "add",
}
"""Its harness imports all of `operator` before an answer, and that has an `add`."""


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("class Solution:\n    def add(self, a, b): return a + b", Status.CORRECT),
        ("class Solution:\n    def add(self, a, b): return None", Status.WRONG),
        ("def add(a, b): return a + b", Status.CORRECT),
        ("def add(a, b): return 0", Status.WRONG),
        ("x = 1", Status.WRONG),
        ("class Solution: pass", Status.WRONG),
    ],
)
def test_what_stands_before_an_answer_is_no_answer(judge: Judge, answer: str, status: Status) -> None:
    verdict = judge(answer, {"test": packed({"input_output": json.dumps(ADDITION)})}, format="livecodebench")
    assert verdict.status is status, verdict.reason


def test_a_stub_that_an_answer_leaves_as_it_is_is_no_answer(judge: Judge) -> None:
    row = {
        "prompt": "def f(x):\n    return x\n",
        "entry_point": "f",
        "test": "def check(candidate):\n    assert candidate(1) == 1",
    }
    assert judge("def f(x): return x", row, format="humaneval").status is Status.CORRECT
    assert judge("y = 1", row, format="humaneval").status is Status.WRONG
