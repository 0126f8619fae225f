"""What is no answer is paid nothing, whatever reasoning-gym's scorers pay for it."""

import pytest

from tests.verifiers.logic.entries import gold, judged, made
from verifiers.base import Status
from verifiers.logic.tasks import TASKS

JUNK = [
    "",
    "nan",
    "-nan",
    "inf",
    "Infinity",
    "None",
    "null",
    "NaN + 1i",
    "1e400",
    "-1e999",
    "1e999i",
    "٣",
    "５",
    "½",
    "<object object at 0x7f0000000000>",
    "{}",
    "[]",
    "[[]]",
    "[nan, nan]",
    '{"a": 1}',
    "0/0",
    "1/0",
    "answer",
    "the answer is correct",
    "\\boxed{}",
    "\\",
    "{",
    "}",
    "$$",
    "\x00",
    "...",
    "?",
    "x" * 5000,
    "1" * 3000,
    "Yes and No",
    "****",
    "****.",
    '""',
    "```\n\n```",
    "**nan**",
    '".".',
    "True, False",
    "on, off, undetermined",
    "Peng, Chi, Pass",
    "Monday, Tuesday, Wednesday",
    "0 or 1",
    "1 == 1",
    "all of them",
    "lambda: 1",
    "float('nan')",
    "Move disk 1",
    "R R R R R R R",
    "up",
    "A -> A -> A -> A -> A -> A -> A -> A -> A -> A -> A -> A -> A -> A -> A -> A",
]
REALLY_RIGHT = {("number_filtering", "[]"), ("ab", ""), ("polynomial_equations", "")}
"""An empty list of numbers may be the answer; a program may reduce to nothing; an equation may have no real root."""


@pytest.mark.parametrize("task", TASKS)
def test_junk_is_paid_nothing(task: str) -> None:
    samples = made(task, 4)
    for metadata in samples:
        for junk in [*JUNK, metadata["entry"]["question"], repr(metadata["entry"])]:
            verdict = judged(junk, metadata)
            assert verdict.status in (Status.UNPARSED, Status.WRONG), (junk, gold(metadata))
            assert verdict.score == 0.0 or (task, junk) in REALLY_RIGHT, (junk, verdict)


@pytest.mark.parametrize("task", sorted(task for task in TASKS if TASKS[task].scored == "gold"))
def test_the_answer_to_another_question_is_wrong(task: str) -> None:
    samples = made(task, 4)
    answers = [gold(metadata) for metadata in samples]
    for metadata, own in zip(samples, answers, strict=True):
        for other in answers:
            if other is not None and own is not None and other.casefold() != own.casefold():
                verdict = judged(other, metadata)
                assert verdict.status in (Status.WRONG, Status.UNPARSED), (other, own)
                assert verdict.score == 0.0


def test_hedging_is_no_answer() -> None:
    for task in TASKS:
        first, second, *_ = made(task, 4)
        one, other = gold(first), gold(second)
        if one and other:
            assert judged(f"{one} or {other}", first).score == 0.0 or task == "propositional_logic", task
