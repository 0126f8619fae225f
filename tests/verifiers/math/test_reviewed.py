"""What a hostile reading found: answers that were paid and must not be, and right ones that stood beside them."""

import pytest

from tests.verifiers.math.reviewed_paid import PAID
from tests.verifiers.math.reviewed_refused import REFUSED
from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.math import math_verifier


def rows(tables: dict[str, str]) -> list[tuple[str, str, str]]:
    """kind, answer, gold of every line `answer ;; gold`."""
    lines = [(kind, line.split(" ;; ")) for kind, text in tables.items() for line in text.strip().splitlines()]
    return [(kind, answer.strip(), gold.strip()) for kind, (answer, gold) in lines]


def judge(answer: str, gold: str) -> Verdict:
    outcome = math_verifier(Sample("", f"so it is $\\boxed{{{answer}}}$.", gold))
    assert isinstance(outcome, Verdict)
    return outcome


@pytest.mark.parametrize(("kind", "answer", "gold"), rows(REFUSED))
def test_what_only_looks_like_the_reference_is_wrong(kind: str, answer: str, gold: str) -> None:
    verdict = judge(answer, gold)
    assert verdict.status in (Status.WRONG, Status.UNPARSED)
    assert verdict.score == 0.0


@pytest.mark.parametrize(("kind", "answer", "gold"), rows(PAID))
def test_what_says_the_same_is_correct(kind: str, answer: str, gold: str) -> None:
    verdict = judge(answer, gold)
    assert (verdict.status, verdict.score) == (Status.CORRECT, 1.0), verdict.reason
