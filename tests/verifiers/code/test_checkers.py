"""Whether what a program wrote is what was wanted: our comparisons, and checkers that a row brings."""

import pytest

from tests.verifiers.code.conftest import Judge
from verifiers import Status
from verifiers.code.compare import CHECKERS

COMPARED = [
    ("tokens", "1  2\n3", "1 2 3\n", True),
    ("tokens", "1 2", "1 2 3", False),
    ("tokens", "YES", "yes", False),
    ("tokens_any_case", "YES", "yes", True),
    ("lines", "a b \nc\n\n", "a b\nc", True),
    ("lines", "a\nb", "a b", False),
    ("exact", "a\n", "a", True),
    ("exact", "a ", "a", False),
    ("floats", "0.3333333 x", "0.333333333 x", True),
    ("floats", "0.34", "0.33", False),
    ("floats", "1000000000000", "1000000000001", False),
    ("floats", "1e3", "1000", False),
    ("floats", "1e9", "1000000007", False),
    ("floats", "1000", "1e3", True),
    ("floats", "nan", "nan", True),
    ("floats", "inf", "1e400", False),
    ("floats", "1_0.0", "10.0", False),
    ("floats", "1.0 2.0", "1.0", False),
    ("lines_any_order", "b\na\n", "a\nb", True),
    ("lines_any_order", "a\na", "a\nb", False),
]


@pytest.mark.parametrize(("checker", "found", "wanted", "expected"), COMPARED)
def test_comparisons(checker: str, found: str, wanted: str, expected: bool) -> None:
    assert CHECKERS[checker](found, wanted) is expected


DIVISORS = (
    "def check(input, expected, output):\n    n, d = int(input), int(output)\n    return 1 < d < n and n % d == 0"
)


SLOW_ON_SOME = """
import os
def check(given, expected, output):
    while 'slow' in output: pass
    if 'end' in output: os._exit(0)
    return output.strip() == expected
"""


@pytest.mark.parametrize(
    ("source", "checker", "status", "said"),
    [
        ("print(2)", DIVISORS, Status.CORRECT, ""),
        ("print(3)", DIVISORS, Status.CORRECT, ""),
        ("print(5)", DIVISORS, Status.WRONG, "the row's checker refuses '5\\n'"),
        ("print('x')", DIVISORS, Status.WRONG, "the row's checker cannot take 'x\\n'"),
        ("print('slow')", SLOW_ON_SOME, Status.TIMEOUT, "the row's checker gave no answer in time on 'slow\\n'"),
        ("print('end')", SLOW_ON_SOME, Status.WRONG, "the row's checker cannot take 'end\\n'"),
        ("print(6)", SLOW_ON_SOME, Status.CORRECT, "1 of 1"),
        ("print(2)", "def check(a, b, c): return 7", Status.ERROR, "checker: it returned 7.0"),
        ("print(2)", "def check(a, b, c): return float('nan')", Status.ERROR, "checker: it returned nan"),
        ("print(2)", "x = 1", Status.ERROR, "checker: it raised KeyError"),
        ("print(2)", "def check(", Status.ERROR, "checker: it raised SyntaxError"),
        ("print(2)", "def check(a, b, c):\n    while True: pass", Status.ERROR, "checker: it gave no answer"),
    ],
)
def test_a_row_s_own_checker(judge: Judge, source: str, checker: str, status: Status, said: str) -> None:
    metadata = {"tests": [{"input": "12", "output": "6"}], "checker": checker}
    verdict = judge(source, metadata, time_s=1.0)
    assert verdict.status is status
    assert said in verdict.reason


def test_a_program_that_takes_all_the_time_brings_no_checker_down(judge: Judge) -> None:
    metadata = {"tests": [{"input": "12", "output": "6"}] * 4, "checker": DIVISORS}
    source = "import time\ntime.sleep(0.9)\nprint(6)"
    verdict = judge(source, metadata, time_s=1.0, total_s=1.0)
    assert verdict.status is Status.TIMEOUT, verdict.reason
