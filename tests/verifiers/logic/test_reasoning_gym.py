"""Scores of reasoning-gym's own scorers, made into verdicts; and the scorers that must be kept in check."""

import json

import pytest

from verifiers import Sample, Status
from verifiers.logic.reasoning_gym import EXCLUDED, from_score, gold_response, reasoning_gym_verifier, screen
from verifiers.pool import VerifierPool

SUM = {"question": "2 + 3 = ?", "answer": "5", "metadata": {}}


def of(task: str, entry: dict, response: str, **more: object) -> Sample:
    return Sample("", response, None, {"task": task, "entry": entry, **more})


ANSWERS = [
    ("\\boxed{5}", {}, Status.CORRECT, 1.0),
    ("\\boxed{6}", {}, Status.WRONG, 0.0),
    ("\\boxed{5 or 6}", {}, Status.WRONG, 1 / 6),
    ("5", {}, Status.UNPARSED, 0.0),
    ("<think>\\boxed{5}</think>", {}, Status.UNPARSED, 0.0),
    ("<answer> 5 </answer>", {"extract": "answer_tag"}, Status.CORRECT, 1.0),
    ("<result>5</result>", {"extract": "answer_tag", "answer_tag": "result"}, Status.CORRECT, 1.0),
    ("\\boxed{5}", {"extract": "answer_tag"}, Status.UNPARSED, 0.0),
    ("so\n5\n", {"extract": "last_line"}, Status.CORRECT, 1.0),
    ("", {"extract": "last_line"}, Status.UNPARSED, 0.0),
    ("\\boxed{nan}", {}, Status.WRONG, 0.0),
    ("\\boxed{-inf}", {}, Status.WRONG, 0.0),
    ("\\boxed{" + "5" * 20_001 + "}", {}, Status.UNPARSED, 0.0),
]


@pytest.mark.parametrize(("response", "config", "status", "score"), ANSWERS)
def test_answers_that_need_no_evaluation(response: str, config: dict, status: Status, score: float) -> None:
    verdict = screen(of("gcd", SUM, response), **config)
    assert verdict is not None
    assert verdict.status is status
    assert verdict.score == pytest.approx(score)


def test_an_answer_for_an_evaluating_scorer_is_left_to_the_fork() -> None:
    assert screen(of("countdown", SUM, "\\boxed{2 + 3}")) is None


def test_answers_that_overflow_to_nan_do_not_pay(pool: VerifierPool) -> None:
    """min(1.0, nan) is 1.0 in the scorer of complex_arithmetic."""
    entry = {"question": "", "answer": "1 + 2i", "metadata": {"result": [1, 2]}}
    junk = ["nan", "nan + 1i", "1e999", "1e999 - 1e999i"]
    verdicts = pool.verify("reasoning_gym", {}, [of("complex_arithmetic", entry, f"\\boxed{{{a}}}") for a in junk])
    assert [v.score for v in verdicts] == [0.0] * len(junk)
    assert pool.verify("reasoning_gym", {}, [of("complex_arithmetic", entry, "\\boxed{2i + 1}")])[0].status is not None


SCORES = [(1.0, Status.CORRECT, 1.0), (1, Status.CORRECT, 1.0), (0.99, Status.WRONG, 0.99), (0, Status.WRONG, 0.0)]
NOT_SCORES = [float("nan"), float("inf"), -1.0, 2.0, "1.0", None]


@pytest.mark.parametrize(("score", "status", "kept"), SCORES)
def test_only_a_score_of_one_is_correct(score: float, status: Status, kept: float) -> None:
    verdict = from_score(score, "x")
    assert (verdict.status, verdict.score) == (status, kept)


@pytest.mark.parametrize("score", NOT_SCORES)
def test_what_is_not_a_score_never_pays(score: object) -> None:
    assert (from_score(score, "x").status, from_score(score, "x").score) == (Status.WRONG, 0.0)


BAD_METADATA = [
    ({}, "metadata.entry"),
    ({"task": "gcd", "entry": {"answer": "5"}}, "metadata.entry"),
    ({"entry": SUM}, "metadata.task"),
    ({"task": "no_such_task", "entry": SUM}, "no task 'no_such_task'"),
    *(({"task": task, "entry": SUM}, "is excluded") for task in EXCLUDED),
]


@pytest.mark.parametrize(("metadata", "problem"), BAD_METADATA)
def test_bad_metadata_is_an_error_that_says_what_to_write(metadata: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        reasoning_gym_verifier(Sample("", "\\boxed{5}", None, metadata))


def test_a_scorer_that_raises_is_an_error_and_one_known_to_raise_on_junk_is_not(pool: VerifierPool) -> None:
    broken = of("complex_arithmetic", {"question": "", "answer": "x", "metadata": {}}, "\\boxed{1 + 2i}")
    primes = of("prime_factorization", {"question": "", "answer": "2 × 3", "metadata": {}}, "\\boxed{none}")
    no_entry = Sample("", "\\boxed{5}", None, {"task": "gcd"})
    verdicts = pool.verify("reasoning_gym", {}, [broken, primes, no_entry])
    assert [v.status for v in verdicts] == [Status.ERROR, Status.WRONG, Status.ERROR]
    assert "reasoning_gym raised KeyError: 'result' (complex_arithmetic.py:" in verdicts[0].reason
    assert "metadata.entry" in verdicts[2].reason


TASKS = (
    "chain_sum",
    "countdown",
    "n_queens",
    "arc_1d",
    "rearc",
    "sudoku",
    "prime_factorization",
    "knights_knaves",
    "maze",
)


@pytest.fixture(scope="module")
def entries() -> list[Sample]:
    from reasoning_gym.factory import create_dataset

    made = [(task, create_dataset(task, seed=11, size=1)[0]) for task in TASKS]
    return [of(task, json.loads(json.dumps(entry)), "\\boxed{junk}") for task, entry in made]


def test_every_task_accepts_its_own_answer_after_json(pool: VerifierPool, entries: list[Sample]) -> None:
    report = pool.check_gold("reasoning_gym", {}, entries)
    assert (report.checked, report.uncheckable, report.refused) == (len(TASKS), 0, ())


def test_every_task_refuses_junk(pool: VerifierPool, entries: list[Sample]) -> None:
    assert {v.status for v in pool.verify("reasoning_gym", {}, entries)} == {Status.WRONG}


def test_the_scorer_itself_accepts_boards_that_json_made_lists_of(pool: VerifierPool, entries: list[Sample]) -> None:
    rearc = entries[TASKS.index("rearc")]
    answer = rearc.metadata["entry"]["answer"]
    spaced = answer.replace("\n", "\n ")  # not the same text: the scorer must parse it
    verdict = pool.verify("reasoning_gym", {}, [of("rearc", rearc.metadata["entry"], f"\\boxed{{{spaced}}}")])[0]
    assert (verdict.status, verdict.score) == (Status.CORRECT, 1.0)


def test_the_gold_response_is_written_where_the_answer_is_looked_for() -> None:
    sample = of("gcd", SUM, "")
    assert gold_response(sample) == "\\boxed{5}"
    assert gold_response(sample, extract="answer_tag", answer_tag="a") == "<a>5</a>"
    assert gold_response(sample, extract="last_line") == "5"
    assert gold_response(of("rush_hour", {**SUM, "answer": None}, "")) is None
