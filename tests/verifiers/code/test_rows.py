"""`code` on real rows: references and solutions pass, mutants are judged as the rows' own tests judge them.

The rows are read from $LONGTHOUGHT_DATA, else from ../shared/data beside the repository; nothing of them is here.
"""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from benchmarks.code_data import SOLUTIONS, CodeRow, load_rows
from benchmarks.code_rows import agrees, jobs_of
from benchmarks.common import ROOT, BenchmarkError
from benchmarks.trusted import truth
from verifiers import Status, Verdict
from verifiers.pool import VerifierPool

DATA = Path(os.environ.get("LONGTHOUGHT_DATA") or ROOT.parent / "shared" / "data")
LIMITS = {"time_s": 20.0, "total_s": 28.0}  # the machine may be busy
COUNTS = {"HumanEval": 164, "MBPP": 427, "LiveCodeBench": 3, "code-contests": 20, "code-contests, C++": 10}


@pytest.fixture(scope="module")
def rows() -> list[CodeRow]:
    try:
        return load_rows(DATA)
    except BenchmarkError as problem:
        pytest.skip(f"{problem}; runs where LONGTHOUGHT_DATA names the folder of the benchmark files")


def verdicts(pool: VerifierPool, programs: Sequence[tuple[CodeRow, str]]) -> list[Verdict]:
    futures = []
    for row, text in programs:
        config = {**LIMITS, "format": row.format, "language": row.language}
        futures.append(pool.submit("code", config, row.sample(text)))
    return [future.result() for future in futures]


def refused(pool: VerifierPool, rows: Sequence[CodeRow]) -> list[tuple[str, str]]:
    found = verdicts(pool, [(row, row.solution) for row in rows])
    return [(row.name, said.reason) for row, said in zip(rows, found, strict=True) if said.status is not Status.CORRECT]


def test_all_rows_are_there(rows: list[CodeRow]) -> None:
    assert {source: sum(row.source == source for row in rows) for source in COUNTS} == COUNTS
    assert len({row.name for row in rows}) == len(rows)


@pytest.mark.parametrize(("source", "every"), [("HumanEval", 8), ("MBPP", 21)])
def test_references_pass(code_pool: VerifierPool, rows: list[CodeRow], source: str, every: int) -> None:
    some = [row for row in rows if row.source == source][::every]
    assert len(some) > 20
    assert refused(code_pool, some) == []


@pytest.mark.full
@pytest.mark.parametrize("source", ["HumanEval", "MBPP"])
def test_every_reference_passes(code_pool: VerifierPool, rows: list[CodeRow], source: str) -> None:
    assert refused(code_pool, [row for row in rows if row.source == source]) == []


SOME = [f"LiveCodeBench {n}" for n in (1, 10, 191)] + [f"code-contests {n}" for n in (4, 7, 8, 13, 18, "8 (C++)")]


def test_solutions_pass(code_pool: VerifierPool, rows: list[CodeRow]) -> None:
    some = [row for row in rows if row.name in SOME]
    assert len(some) == len(SOME)
    assert refused(code_pool, some) == []


@pytest.mark.full
def test_every_solution_passes(code_pool: VerifierPool, rows: list[CodeRow]) -> None:
    assert refused(code_pool, [row for row in rows if row.source not in ("HumanEval", "MBPP")]) == []


@pytest.mark.parametrize("every", [40, pytest.param(4, marks=pytest.mark.full)])
def test_mutants_are_judged_as_the_rows_own_tests_judge_them(
    code_pool: VerifierPool, rows: list[CodeRow], every: int
) -> None:
    changed = [job for job in jobs_of(rows, 2, seed=1, every=every) if job.change]
    truths = [truth(rows[job.row], job.text, time_s=5.0) for job in changed]
    counted = [(job, true) for job, true in zip(changed, truths, strict=True) if true.accepted is not None]
    assert sum(true.accepted is False for _, true in counted) >= 1000 // (2 * every)
    found = verdicts(code_pool, [(rows[job.row], job.text) for job, _ in counted])
    apart = [
        (rows[job.row].name, job.change, true.why, said.status, said.reason)
        for (job, true), said in zip(counted, found, strict=True)
        if not agrees(bool(true.accepted), said.status)
    ]
    assert apart == []


def test_checkers_accept_the_outputs_of_their_rows(rows: list[CodeRow]) -> None:
    from verifiers.code.rows import code_contests

    for number in (4, 7, 13):  # the outputs of 11 are no transcripts of a game
        row = next(row for row in rows if row.name == f"code-contests {number}")
        check = checker(number)
        for test in code_contests(row.sample("")).tests:
            assert check(test.input, test.output, test.output) is True, (number, test.input)


def checker(number: int) -> Any:
    names: dict[str, Any] = {}
    exec((SOLUTIONS / f"code_contests_{number:02}_checker.py").read_text(), names)
    return names["check"]


PAIRS = "3\n17 18\n15 24\n12 15\n"
BOXES = "3 5\n5 1 2 3 4 5\n2 1 2\n2 3 4\n"
PATH = "4 3\n1 2\n2 3\n3 4\n"
ONE = "1 2\n1\n"
TWO = "2 2\n1\n2\n"
CHECKED: list[tuple[int, str, str, str, bool]] = [
    (4, PAIRS, "6", "6", True),
    (4, PAIRS, "6", "3\n", True),
    (4, PAIRS, "6", "2", True),
    (4, PAIRS, "6", "4", False),
    (4, PAIRS, "6", "1", False),
    (4, PAIRS, "6", "-1", False),
    (4, PAIRS, "6", "0", False),
    (4, PAIRS, "6", "-6", False),
    (4, PAIRS, "6", "6 6", False),
    (4, PAIRS, "6", "", False),
    (4, PAIRS, "6", "six", False),
    (4, "2\n10 16\n7 17\n", "-1", "-1", True),
    (4, "2\n10 16\n7 17\n", "-1", "2", False),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "2\n1 2 5\n1 3 1\n", True),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "2\n1 2 5\n1 2 3\n", False),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "2\n1 2 1\n1 3 1\n", False),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "2\n2 1 5\n1 3 1\n", False),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "2\n1 4 5\n1 3 1\n", False),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "3\n1 2 5\n2 1 5\n1 3 1\n", False),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "2\n1 2 5\n", False),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "", False),
    (7, BOXES, "2\n1 3 5\n1 2 3\n", "2\n1 2 x\n1 3 1\n", False),
    (13, PATH, "Yes\n1 2 3 1", "Yes\n3 2 1 3", True),
    (13, PATH, "Yes\n1 2 3 1", "Yes\n1 2 3 2", False),
    (13, PATH, "Yes\n1 2 3 1", "Yes\n1 2 4 1", False),
    (13, PATH, "Yes\n1 2 3 1", "Yes\n1 2 3", False),
    (13, PATH, "Yes\n1 2 3 1", "No", False),
    (13, PATH, "Yes\n1 2 3 1", "", False),
    (13, "4 3\n1 2\n1 3\n1 4\n", "No", "No\n", True),
    (13, "4 3\n1 2\n1 3\n1 4\n", "No", "No 1", False),
    (13, "4 3\n1 2\n1 3\n1 4\n", "No", "Yes\n1 2 3 3", False),
    (11, ONE, "", "!\n0 1000000000000000000\n", True),
    (11, ONE, "", "? 1 7\n!\n0 1000000000000000000\n", True),
    (11, ONE, "", "!\n0 5\n", False),
    (11, ONE, "", "? 1 7\n!\n7 1000000000000000000\n", False),
    (11, ONE, "", "!\n", False),
    (11, ONE, "", "0 1000000000000000000\n", False),
    (11, ONE, "", "? 2 7\n!\n0 1000000000000000000\n", False),
    (11, ONE, "", "what\n!\n0 1000000000000000000\n", False),
    (11, TWO, "", "? 1 5\n? 2 5\n!\n5 1000000000000000000\n0 5\n", True),
    (11, TWO, "", "? 1 5\n? 2 5\n!\n5 1000000000000000000\n0 6\n", False),
    (11, TWO, "", "? 1 5\n? 2 5\n!\n0 5\n5 1000000000000000000\n", False),
    (11, TWO, "", "? 1 5\n!\n5 1000000000000000000\n0 5\n", False),
    (11, TWO, "", "? 1 5\n? 2 6\n!\n5 1000000000000000000\n0 5\n", True),
    (11, "2 2\n1\n9\n", "", "? 1 5\n? 1 6\n!\n5 5\n0 5\n", True),
]


@pytest.mark.parametrize(("number", "given", "wanted", "output", "expected"), CHECKED)
def test_checkers(number: int, given: str, wanted: str, output: str, expected: bool) -> None:
    assert checker(number)(given, wanted, output) is expected
