"""Mutants, trusted runs and the count of agreements, on programs made up here."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

from benchmarks.code_data import CodeRow, load_rows
from benchmarks.code_rows import Job, _counts, agrees, jobs_of
from benchmarks.common import BenchmarkError
from benchmarks.mutants import RULES, mutants
from benchmarks.trusted import truth

CHANGES: list[tuple[str, set[str]]] = [
    ("x < 1", {"x <= 1", "x > 1", "x < 2", "x < 0"}),
    ("a < b < c", {"a <= b < c", "a > b < c", "a < b <= c", "a < b > c"}),
    ("x not in y", {"x in y"}),
    ("a + b", {"a - b"}),
    ("a += b", {"a -= b"}),
    ("a and b", {"a or b"}),
    ("-a", {"a"}),
    ("y = True", {"y = False"}),
    ("f('ab')", {"f('abx')", "f('b')"}),
    ("f('')", {"f('x')"}),
    ("f'{a}b'", set()),
    ("x[a:b]", {"x[a + 1:b]", "x[a:b - 1]"}),
    ("x[:b]", {"x[0 + 1:b]", "x[:b - 1]"}),
    ("x[a]", set()),
    ("x[f(a)]", {"x[f(a) + 1]"}),
    ("for i in range(a, b): f()", {"range(a, b + 1)", "range(a, b - 1)", "pass"}),
    ("for i in a:\n    if i: break", {"pass", "if not i"}),
    (
        "if a: b = c\nelse: d = e",
        {"if a:\n    d = e\nelse:\n    b = c", "b = c\nelse:\n    pass", "pass\nelse:\n    d = e"},
    ),
    ("a if b else c", {"c if b else a"}),
    ("def f(a):\n    b = a\n    return b", {"return a", "pass"}),
    ("y = max(a, b)", {"min(a, b)"}),
    ("y = abs(a)", {"y = a"}),
    ("y = sorted(a, key=b)", {"y = sorted(a)", "y = a"}),
]


@pytest.mark.parametrize(("source", "wanted"), CHANGES)
def test_what_is_changed(source: str, wanted: set[str]) -> None:
    found = [mutant.source for mutant in mutants(source, 100, "seed") if mutant.source != "pass"]  # all is dropped
    for text in wanted:
        assert any(text in each for each in found), (text, found)
    for each in found:
        compile(each, "mutant", "exec")
        assert any(text in each for text in wanted), (each, wanted)


SOURCE = '''
def helper(a):
    return a + 1

def target(a):
    """Documented."""
    if a > 1 and helper(a):
        return abs(a)
    return a - 1
'''


def test_mutants_differ_and_are_drawn_by_their_seed() -> None:
    some = mutants(SOURCE, 5, "0")
    assert len({mutant.source for mutant in some}) == 5
    assert some == mutants(SOURCE, 5, "0") != mutants(SOURCE, 5, "1")
    assert len(mutants(SOURCE, 1000, "0")) < 100
    assert all('"""Documented."""' in mutant.source for mutant in mutants(SOURCE, 1000, "0"))


def test_only_the_function_named_is_changed() -> None:
    inside, all_of_it = mutants(SOURCE, 1000, "0", within="target"), mutants(SOURCE, 1000, "0")
    assert all("return a + 1" in mutant.source for mutant in inside)
    assert any("return a - 1\n" in mutant.source and "return a + 1" not in mutant.source for mutant in all_of_it)


def test_kinds_take_turns() -> None:
    source = "\n".join(f"x{i} = {i}" for i in range(50)) + "\nx = a < b"
    assert len(RULES) == 9
    assert sum("a < b" not in mutant.source for mutant in mutants(source, 3, "0")) >= 1


def packed(value: Any) -> str:
    return base64.b64encode(zlib.compress(pickle.dumps(value))).decode()


def stdio(*pairs: tuple[str, str], checker: str | None = None) -> dict[str, Any]:
    tests = [{"input": {"stdin": given}, "output": {"stdout": wanted}} for given, wanted in pairs]
    return {"test": json.dumps(tests)} | ({"checker": checker} if checker else {})


CALLS = {"inputs": ["[1, 2]\n1", "[]\n2"], "outputs": ["[1, 2, 1]", "[2]"], "fn_name": "put"}
LINES = {"inputs": ["3\n", "4\n"], "outputs": ["6\n", "8 \n"], "fn_name": None}
EVEN = "def check(input, expected, output):\n    return int(output) % 2 == 0"
TWICE = "print(2 * int(input()))"
TRUSTED: list[tuple[str, dict[str, Any], str, str]] = [
    (
        "humaneval",
        {"test": "def check(candidate):\n    assert candidate(2) == 4", "entry_point": "f"},
        "def f(x): return x * x",
        "def f(x): return x",
    ),
    (
        "humaneval",
        {"test": "def check(candidate):\n    assert candidate(2) == 4", "entry_point": "f"},
        "def f(x): return x * x",
        "def f(x): exit(0)",
    ),
    ("mbpp", {"test_list": ["assert f(2) == math.sqrt(16)"], "test_imports": ["import math"]}, "f = abs", "f = str"),
    (
        "livecodebench",
        {"test": packed({"input_output": json.dumps(CALLS)})},
        "class Solution:\n    def put(self, xs: List[int], x): return [*xs, x]",
        "class Solution:\n    def put(self, xs, x): return [x, *xs]",
    ),
    ("livecodebench", {"test": packed({"input_output": json.dumps(LINES)})}, TWICE, "print(6)"),
    ("code_contests", stdio(("3", "6\n"), ("4", "8")), TWICE, "print(6)"),
    ("code_contests", stdio(("3", "6\n"), ("4", "8"), checker=EVEN), "print(2)", "print(3)"),
    ("code_contests", stdio(("3", "6")), TWICE, TWICE + "; exit(1)"),
]


@pytest.mark.parametrize(("form", "metadata", "right", "wrong"), TRUSTED)
def test_trusted_runs(form: str, metadata: dict[str, Any], right: str, wrong: str) -> None:
    if form == "mbpp":
        right, wrong = "def f(x): return 2.0 * x", "def f(x): return x"
    row = CodeRow("a row", "source", form, metadata, right)
    assert truth(row, right, 10.0).accepted is True
    refused = truth(row, wrong, 10.0)
    assert refused.accepted is False
    assert refused.why


def test_a_trusted_run_without_an_end_settles_nothing() -> None:
    row = CodeRow("a row", "source", "code_contests", stdio(("3", "6")), "")
    assert truth(row, "while True: pass", 0.3).accepted is None
    assert truth(row, "x = bytearray(1 << 33)", 10.0).accepted is False
    assert truth(row, "while True: print('x' * 10**6)", 10.0).accepted is False


@pytest.mark.parametrize(
    ("accepted", "status", "expected"),
    [
        (True, "correct", True),
        (True, "wrong", False),
        (True, "error", False),
        (False, "wrong", True),
        (False, "timeout", True),
        (False, "unparsed", True),
        (False, "correct", False),
        (None, "correct", True),
        (None, "wrong", False),
        (False, "error", False),
    ],
)
def test_agreement(accepted: bool | None, status: str, expected: bool) -> None:
    assert agrees(accepted, status) is expected


def test_counts() -> None:
    jobs = [Job(0, "right"), *(Job(0, str(i), "changed") for i in range(5))]
    found = [(True, "correct"), (True, "wrong"), (False, "correct"), (False, "wrong"), (False, "error")]
    judged = [(job, {"accepted": a}, {"status": s}) for job, (a, s) in zip(jobs, found, strict=False)]
    assert list(_counts(jobs, judged).values()) == [5, 1, 3, 1, 1, 0]


def test_jobs_are_references_and_mutants_of_python() -> None:
    rows = [
        CodeRow("MBPP 1", "MBPP", "mbpp", {}, SOURCE),
        CodeRow("p (C++)", "code-contests, C++", "code_contests", {}, "int main() {}", "cpp"),
        CodeRow("p", "code-contests", "code_contests", {}, SOURCE),
        CodeRow("HumanEval 1", "HumanEval", "humaneval", {}, SOURCE, function="target"),
    ]
    jobs = jobs_of(rows, 2, seed=0)
    assert [(job.row, bool(job.change)) for job in jobs] == [
        *((0, changed) for changed in (False, True, True)),
        (1, False),
        (2, False),
        *[(2, True)] * 6,
        *((3, changed) for changed in (False, True, True)),
    ]
    assert all("return a + 1" in job.text for job in jobs if job.row == 3)
    assert {job.row for job in jobs_of(rows, 2, seed=0, every=2)} == {0, 2}


def test_files_that_are_not_there_are_named(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"has no HumanEval\.jsonl\.gz, mbpp_sanitized\.jsonl.*write --data-dir"):
        load_rows(tmp_path)
