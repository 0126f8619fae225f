"""Recorded answers, judged by the real verifiers as the table configures them: the scores are those worked out by hand.

Each answer stands with the verdict that a person gives it: C correct, W wrong, U nothing to be read.
"""

from collections.abc import Iterator, Sequence

import pytest

from rlhf.evaluation.benchmarks import Loaded
from rlhf.evaluation.estimators import avg_at_n, majority_at_n, pass_at_k
from rlhf.evaluation.run.voting import vote_of
from tests.evaluation.benchmarks.rows import GPQA, GSM8K, HUMANEVAL, MATH500, load, write_lines
from verifiers import Sample, Verdict
from verifiers.pool import VerifierPool
from verifiers.sandbox.probe import probe
from verifiers.sandbox.sandbox import Level

Recorded = Sequence[Sequence[tuple[str, str]]]


@pytest.fixture(scope="module")
def pool() -> Iterator[VerifierPool]:
    with VerifierPool(1, timeout_s=30, isolation="process_only") as pool:
        yield pool


def judged(pool: VerifierPool, loaded: Loaded, recorded: Recorded) -> list[list[Verdict]]:
    """[P][S], after a look that every verdict is the person's."""
    benchmark = loaded.benchmark
    verdicts = []
    for problem, answers in zip(loaded.problems, recorded, strict=True):
        samples = [Sample(problem.question, text, problem.reference, problem.metadata) for _, text in answers]
        of_it = pool.verify(benchmark.verifier, dict(benchmark.config), samples)
        letters = [{"correct": "C", "wrong": "W", "unparsed": "U"}.get(v.status, v.reason) for v in of_it]
        assert letters == [letter for letter, _ in answers], [(v.extracted, v.reason) for v in of_it]
        verdicts.append(of_it)
    return verdicts


def correct(verdicts: list[list[Verdict]]) -> list[list[bool]]:
    return [[v.status == "correct" for v in of_it] for of_it in verdicts]


def votes(verdicts: list[list[Verdict]]) -> list[list[str | None]]:
    return [[vote_of(v.extracted) for v in of_it] for of_it in verdicts]


def test_minerva_answers_of_two_formulas_are_judged_as_one(pool, tmp_path):
    golds = [
        "x_{0} \\cos (\\omega t)+$ $v_{0} \\sin (\\omega t) / \\omega",
        "x_{0} \\cos (\\omega t)+$\n$\\dot{x}_{0} \\sin (\\omega t) / \\omega",
    ]
    write_lines(tmp_path / "minerva_math.jsonl", [{"question": "Where is it at t?", "answer": gold} for gold in golds])
    answers = [
        [
            ("C", "\\boxed{x_{0} \\cos (\\omega t) + \\frac{v_{0}}{\\omega} \\sin (\\omega t)}"),
            ("C", "$\\boxed{v_0 \\sin(\\omega t)/\\omega + x_0 \\cos(\\omega t)}$"),
            ("W", "\\boxed{x_{0} \\cos (\\omega t)}"),
            ("W", "\\boxed{v_{0} \\sin (\\omega t) / \\omega}"),
        ],
        [
            ("C", "\\boxed{x_{0} \\cos (\\omega t)+\\dot{x}_{0} \\sin (\\omega t)/\\omega}"),
            ("W", "\\boxed{x_{0} \\cos (\\omega t)}"),
        ],
    ]
    judged(pool, load("minerva_math", tmp_path), answers)


GSM8K_ANSWERS = [
    [
        ("C", "3 nets of 6 are $\\boxed{18}$ balls."),
        ("C", "3 * 6 = 18. The answer is 18."),
        ("U", "3 * 6 = 18\n#### 18"),
        ("W", "\\boxed{81}"),
    ],
    [("C", "\\boxed{1,125}"), ("C", "\\boxed{1125}"), ("W", "\\boxed{1124}"), ("W", "\\boxed{1125} or \\boxed{1000}")],
    [("C", "2 - 5 = \\boxed{-3}"), ("W", "\\boxed{3}"), ("W", "\\boxed{3.0}"), ("U", "<think>It is \\boxed{-3}")],
    [("C", "\\boxed{\\$20}"), ("W", "\\boxed{9}"), ("U", ""), ("U", "Twenty dollars.")],
]
"""Correct of four: 2, 2, 1, 1. Votes: 18 twice and 81; 1125 twice, 1124, 1000; -3 and 3 twice; 20 and 9."""


def test_gsm8k(pool, tmp_path):
    write_lines(tmp_path / "gsm8k_test.jsonl", GSM8K)
    verdicts = judged(pool, load("gsm8k", tmp_path), GSM8K_ANSWERS)
    assert avg_at_n(correct(verdicts)).value == pytest.approx(6 / 16)
    of_two, of_one = 1 - 1 / 6, 1 - 3 / 6  # 1 - C(2,2)/C(4,2), 1 - C(3,2)/C(4,2)
    assert pass_at_k(correct(verdicts), 2).value == pytest.approx((2 * of_two + 2 * of_one) / 4)
    assert pass_at_k(correct(verdicts), 4).value == pytest.approx(1.0)
    majority = majority_at_n(votes(verdicts), correct(verdicts))
    assert majority is not None
    assert majority.value == pytest.approx((1 + 1 + 0 + 0.5) / 4)


GPQA_ANSWERS = [
    [("C", "So it is \\boxed{C}."), ("C", "\\boxed{\\text{C) the right one 0}}")],
    [("W", "\\boxed{B}"), ("C", "The final answer is C.")],
    [("C", "\\boxed{the right one 2}"), ("W", "\\boxed{C \\text{ or } D}")],
    [("U", "D"), ("W", "\\boxed{A, D}")],
]
"""The right letters are C, C, D, D. Correct of two: 2, 1, 1, 0."""


def test_gpqa_diamond(pool, tmp_path):
    write_lines(tmp_path / "gpqa_diamond.jsonl", GPQA[:4])
    loaded = load("gpqa_diamond", tmp_path)
    assert [p.reference for p in loaded.problems] == ["C", "C", "D", "D"]
    verdicts = judged(pool, loaded, GPQA_ANSWERS)
    assert avg_at_n(correct(verdicts)).value == pytest.approx(4 / 8)
    assert pass_at_k(correct(verdicts), 2).value == pytest.approx(3 / 4)


MATH500_ANSWERS = [
    [("C", "\\boxed{0.5}"), ("C", "\\boxed{\\tfrac{2}{4}}")],
    [("C", "\\boxed{(3,\\pi)}"), ("W", "\\boxed{(\\pi, 3)}")],
]


def test_math500(pool, tmp_path):
    write_lines(tmp_path / "math500_test.jsonl", MATH500)
    verdicts = judged(pool, load("math500", tmp_path), MATH500_ANSWERS)
    assert avg_at_n(correct(verdicts)).value == pytest.approx(3 / 4)
    assert pass_at_k(correct(verdicts), 2).value == pytest.approx(1.0)


HUMANEVAL_ANSWERS = [
    [
        ("C", "Twice n is n + n.\n```python\ndef double(n):\n    return n + n\n```"),
        ("W", "```python\ndef double(n):\n    return n ** 2\n```"),
    ],
    [
        ("U", "def root(n): return int(n ** 0.5)"),
        ("W", "```python\ndef root(n):\n    return n ** 0.5\n```"),
    ],
    [
        ("W", "```python\ndef root(n) return\n```"),
        ("C", "```python\nfrom math import isqrt\n\ndef root(n: int) -> int:\n    return isqrt(n)\n```\nThat is it."),
    ],
]


@pytest.fixture
def sandbox() -> None:
    report = probe(Level.BWRAP)
    if report.problem:
        pytest.skip(f"{report.line()}; runs where bubblewrap may make namespaces")


def test_humaneval(pool, sandbox, tmp_path):
    write_lines(tmp_path / "HumanEval.jsonl.gz", [*HUMANEVAL, {**HUMANEVAL[1], "task_id": "HumanEval/2"}])
    verdicts = judged(pool, load("humaneval", tmp_path), HUMANEVAL_ANSWERS)
    assert avg_at_n(correct(verdicts)).value == pytest.approx(2 / 6)
    assert pass_at_k(correct(verdicts), 2).value == pytest.approx(2 / 3)


LIVECODEBENCH = {
    "question_id": "sum",
    "question_content": "Read two numbers and print their sum.",
    "starter_code": "",
    "difficulty": "easy",
    "public_test_cases": '[{"input": "1 2\\n", "output": "3\\n", "testtype": "stdin"}]',
    "private_test_cases": '[{"input": "-1 1\\n", "output": "0\\n", "testtype": "stdin"}]',
    "metadata": "{}",
}
CALLED = {
    **LIVECODEBENCH,
    "question_id": "called",
    "starter_code": "class Solution:\n    def totalOf(self, a: int, b: int) -> int:\n        ",
    "public_test_cases": '[{"input": "1\\n2", "output": "3", "testtype": "functional"}]',
    "private_test_cases": '[{"input": "-1\\n1", "output": "0", "testtype": "functional"}]',
    "metadata": '{"func_name": "totalOf"}',
}
LIVECODEBENCH_ANSWERS = [
    [
        ("C", "```python\nprint(sum(map(int, input().split())))\n```"),
        ("W", "```python\na, b = map(int, input().split())\nprint(abs(a) + b)\n```"),
    ],
    [
        ("C", "```python\nclass Solution:\n    def totalOf(self, a: int, b: int) -> int:\n        return a + b\n```"),
        ("W", "```python\nclass Solution:\n    def totalOf(self, a, b):\n        return 3\n```"),
    ],
]


def test_livecodebench(pool, sandbox, tmp_path):
    write_lines(tmp_path / "test6.jsonl", [LIVECODEBENCH, CALLED])
    verdicts = judged(pool, load("livecodebench", tmp_path), LIVECODEBENCH_ANSWERS)
    assert avg_at_n(correct(verdicts)).value == pytest.approx(2 / 4)
    assert majority_at_n([[None] * 2] * 2, correct(verdicts)) is None
