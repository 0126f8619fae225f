"""The real files: all problems are read, and the verifier accepts every gold answer.

They are read from $LONGTHOUGHT_DATA, else from ../shared/data beside the repository; nothing of them is here.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from rlhf.evaluation.benchmarks import Loaded
from rlhf.evaluation.contamination import scan
from rlhf.evaluation.contamination_index import build_index
from rlhf.evaluation.problem import Problem
from tests.evaluation.benchmarks.rows import load
from verifiers import Sample
from verifiers.pool import VerifierPool
from verifiers.sandbox.probe import probe
from verifiers.sandbox.sandbox import Level

DATA = Path(os.environ.get("LONGTHOUGHT_DATA") or Path(__file__).resolve().parents[4] / "shared" / "data")
COUNTS = {
    "gsm8k": 1319,
    "math500": 500,
    "aime24": 30,
    "aime25": 30,
    "amc23": 40,
    "humaneval": 164,
    "mbpp": 257,
    "livecodebench": 3,
}
MATHS = ("gsm8k", "math500", "aime24", "aime25", "amc23")

pytestmark = pytest.mark.skipif(
    not (DATA / "gsm8k_test.jsonl").is_file(),
    reason=f"no benchmark files in {DATA}; runs where LONGTHOUGHT_DATA names their folder",
)


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    with VerifierPool(1, timeout_s=30, isolation="process_only") as pool:
        yield pool


def refused(pool: VerifierPool, loaded: Loaded, problems: Sequence[Problem]) -> object:
    samples = [Sample(p.question, "", p.reference, p.metadata) for p in problems]
    report = pool.check_gold(loaded.benchmark.verifier, dict(loaded.benchmark.config), samples)
    assert report.checked == len(problems)
    return report.refused


@pytest.mark.parametrize("name", COUNTS)
def test_all_problems_are_read(name: str) -> None:
    loaded = load(name, DATA)
    assert len(loaded.problems) == COUNTS[name]
    assert all(problem.question.strip() for problem in loaded.problems)
    assert (loaded.source.kind, Path(str(loaded.source.file)).parent) == ("file", DATA)


@pytest.mark.parametrize("name", MATHS)
def test_every_gold_is_accepted(pool: VerifierPool, name: str) -> None:
    loaded = load(name, DATA)
    assert refused(pool, loaded, loaded.problems) == ()


def test_math500_is_the_hubs_file_of_the_pinned_commit() -> None:
    """As public projects that pin the commit give the file's sha256."""
    assert load("math500", DATA).source.sha256 == "35dc41080a3680858b27fa7e0533d2d547825316fc5dafe5d316f4ccc5a06132"


@pytest.mark.parametrize(
    ("name", "errata", "changed"),
    [
        ("gsm8k", ["gsm8k-apples", "gsm8k-reports", "gsm8k-carnival"], {"454": "240", "952": "1800", "1309": "2180"}),
        ("aime24", ["aime24-385"], {}),
    ],
)
def test_errata_find_their_problems(name: str, errata: list[str], changed: dict[str, str]) -> None:
    before, after = load(name, DATA), load(name, DATA, errata)
    assert after.errata == tuple(errata)
    pairs = zip(before.problems, after.problems, strict=True)
    assert {new.id: new.reference for old, new in pairs if old != new} == changed


def test_the_answers_of_aime_are_three_digits() -> None:
    for name in ("aime24", "aime25"):
        assert all(0 <= int(str(p.reference)) <= 999 for p in load(name, DATA).problems)


@pytest.mark.parametrize(("name", "every"), [("humaneval", 20), ("mbpp", 40)])
def test_reference_programs_pass(pool: VerifierPool, name: str, every: int) -> None:
    require_sandbox()
    loaded = load(name, DATA)
    assert refused(pool, loaded, loaded.problems[::every]) == ()


@pytest.mark.full
@pytest.mark.parametrize("name", ["humaneval", "mbpp"])
def test_every_reference_program_passes(pool: VerifierPool, name: str) -> None:
    require_sandbox()
    loaded = load(name, DATA)
    assert refused(pool, loaded, loaded.problems) == ()


@pytest.mark.parametrize(("name", "found"), [("mbpp", 257), ("livecodebench", 3), ("humaneval", 164), ("gsm8k", 1319)])
def test_every_problem_is_found_whole_by_any_of_its_own_texts(name: str, found: int) -> None:
    problems = load(name, DATA).problems
    index = build_index({name: problems})
    for number in range(max(len(p.core) for p in problems) or 1):
        texts = [(p.id, (p.core or (p.question,))[number]) for p in problems]
        (benchmark,) = scan(texts, index).benchmarks
        assert (benchmark.judged, benchmark.whole, benchmark.shared) == (found, found, 0)


def require_sandbox() -> None:
    report = probe(Level.BWRAP)
    if report.problem:
        pytest.skip(f"{report.line()}; runs where bubblewrap may make namespaces")
