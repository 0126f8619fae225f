"""The verifier: where the answer is looked for, what its metadata must hold, which samples are forked, and the pool."""

import json

import pytest

from tests.verifiers.logic.entries import made, of
from verifiers import Sample, Status
from verifiers.logic.tasks import EXCLUDED, TASKS
from verifiers.logic.verifier import MAX_ANSWER_CHARS, fault, gold_response, logic_verifier, prepare, screen
from verifiers.pool import VerifierPool
from verifiers.pool.slot import VerifierLoadError

GCD = of("gcd", "5")
SINE = of("intermediate_integration", "sin(x)**2/2 + C", variable="x", integrand="sin(x)*cos(x)")


def sample(response: str, metadata: dict = GCD) -> Sample:
    return Sample("", response, None, metadata)


ANSWERS = [
    ("\\boxed{5}", {}, Status.CORRECT, 1.0),
    ("\\boxed{6}", {}, Status.WRONG, 0.0),
    ("\\boxed{6} no, \\boxed{5}", {}, Status.CORRECT, 1.0),
    ("\\boxed{5 or 6}", {}, Status.UNPARSED, 0.0),
    ("5", {}, Status.UNPARSED, 0.0),
    ("<think>\\boxed{5}</think>", {}, Status.UNPARSED, 0.0),
    ("<think>\\boxed{6}</think>\\boxed{5}", {}, Status.CORRECT, 1.0),
    ("[/think]\\boxed{5}", {"think_close": "[/think]"}, Status.CORRECT, 1.0),
    ("<answer> 5 </answer>", {"extract": "answer_tag"}, Status.CORRECT, 1.0),
    ("<result>5</result>", {"extract": "answer_tag", "answer_tag": "result"}, Status.CORRECT, 1.0),
    ("\\boxed{5}", {"extract": "answer_tag"}, Status.UNPARSED, 0.0),
    ("so\n5\n", {"extract": "last_line"}, Status.CORRECT, 1.0),
    ("", {"extract": "last_line"}, Status.UNPARSED, 0.0),
    ("\\boxed{nan}", {}, Status.UNPARSED, 0.0),
    ("\\boxed{" + "5" * (MAX_ANSWER_CHARS + 1) + "}", {}, Status.UNPARSED, 0.0),
]


@pytest.mark.parametrize(("response", "config", "status", "score"), ANSWERS)
def test_where_the_answer_is_looked_for(response: str, config: dict, status: Status, score: float) -> None:
    verdict = screen(sample(response), **config)
    assert verdict is not None
    assert (verdict.status, verdict.score) == (status, score)


def test_an_unparsed_verdict_says_what_was_found_and_what_is_wanted() -> None:
    verdict = screen(sample("\\boxed{five}"))
    assert verdict is not None
    assert verdict.reason == "found 'five', which is not a number; gcd wants a whole number"


def test_only_what_computes_at_length_is_left_to_the_fork() -> None:
    assert [task.name for task in TASKS.values() if task.forked] == ["intermediate_integration"]
    assert screen(sample("\\boxed{sin(x)^2/2}", SINE)) is None
    assert screen(sample("no box", SINE)) is not None
    assert logic_verifier.function(sample("\\boxed{sin(x)^2/2}", SINE)).status is Status.CORRECT
    assert logic_verifier.isolated


BAD_METADATA = [
    ({}, "metadata.task: found None; write a task that `rlhf list verifiers logic` names"),
    ({"task": "no_such_task", "entry": GCD["entry"]}, "found 'no_such_task'"),
    ({"task": ["gcd"], "entry": GCD["entry"]}, "metadata.task"),
    ({"task": "gcd"}, "metadata.entry"),
    ({"task": "gcd", "entry": {"answer": "5"}}, "metadata.entry"),
    (of("gcd"), "judged by its answer, which is null"),
    (of("gcd", "five"), "its own 'five' cannot be read"),
    (of("sudoku", "1"), "judged by its metadata.puzzle, which is missing"),
    *(({"task": task, "entry": GCD["entry"]}, f"{task} is excluded: {reason}") for task, reason in EXCLUDED.items()),
]


@pytest.mark.parametrize(("metadata", "problem"), BAD_METADATA)
def test_a_fault_of_the_data_is_an_error_that_says_what_to_write(metadata: dict, problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("(", "\\(")):
        logic_verifier.function(sample("\\boxed{5}", metadata))


def test_the_gold_response_is_written_where_the_answer_is_looked_for() -> None:
    assert gold_response(sample("")) == "\\boxed{5}"
    assert gold_response(sample(""), extract="answer_tag", answer_tag="a") == "<a>5</a>"
    assert gold_response(sample(""), extract="last_line") == "5"
    assert gold_response(sample("", of("rush_hour"))) is None
    assert gold_response(sample("", of("ab", "")), extract="last_line") is None
    assert gold_response(sample("", of("jugs", '["No solution"]'))) is None
    unsolved = of("intermediate_integration", "Integral(f(x), x) + C", variable="x", integrand="x")
    assert gold_response(sample("", unsolved)) is None


@pytest.mark.parametrize("tolerance", [-0.1, 1.0, float("nan"), float("inf")])
def test_a_tolerance_that_is_none_is_refused(tolerance: float) -> None:
    with pytest.raises(ValueError, match=r"tolerance: found .*; write a relative error"):
        prepare(tolerance=tolerance)


def test_most_questions_have_an_answer() -> None:
    assert fault(GCD) is None


TOGETHER = (
    "chain_sum",
    "countdown",
    "n_queens",
    "arc_1d",
    "rearc",
    "codeio",
    "sudoku",
    "mahjong_puzzle",
    "intermediate_integration",
)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return [sample("\\boxed{junk}", made(task, 1, 12)[0]) for task in TOGETHER]


def test_in_the_pool_right_answers_are_accepted(pool: VerifierPool, samples: list[Sample]) -> None:
    report = pool.check_gold("logic", {}, samples)
    assert (report.checked, report.uncheckable, report.refused) == (len(TOGETHER), 0, ())


def test_in_the_pool_junk_is_unparsed_and_no_process_is_lost(pool: VerifierPool, samples: list[Sample]) -> None:
    before = pool.worker_pids()
    assert {v.status for v in pool.verify("logic", {}, samples)} == {Status.UNPARSED}
    assert pool.worker_pids() == before


def test_in_the_pool_words_are_looked_up_behind_the_walls(pool: VerifierPool) -> None:
    ladder = of("word_ladder", None, start_word="COLD", end_word="WORD")
    verdicts = pool.verify(
        "logic", {}, [sample(f"\\boxed{{{a}}}", ladder) for a in ("COLD,CORD,WORD", "COLD,XOLD,WOLD,WORD")]
    )
    assert [v.status for v in verdicts] == [Status.CORRECT, Status.WRONG]


def test_in_the_pool_a_fault_of_the_data_is_an_error_and_settings_are_checked(pool: VerifierPool) -> None:
    (verdict,) = pool.verify("logic", {}, [sample("\\boxed{1}", of("sudoku", "1"))])
    assert verdict.status is Status.ERROR
    assert "logic raised ValueError: metadata.entry: sudoku is judged by its metadata.puzzle" in verdict.reason
    with pytest.raises(VerifierLoadError, match=r"tolerance: found 2\.0"):
        pool.prepare("logic", {"tolerance": 2.0})


def test_in_the_pool_a_tolerance_reaches_the_rule(pool: VerifierPool) -> None:
    decimal = json.loads(json.dumps(of("decimal_chain_sum", "8.19")))
    strict = pool.verify("logic", {}, [sample("\\boxed{8.2}", decimal)])[0]
    granted = pool.verify("logic", {"tolerance": 0.01}, [sample("\\boxed{8.2}", decimal)])[0]
    assert (strict.status, granted.status) == (Status.WRONG, Status.CORRECT)
