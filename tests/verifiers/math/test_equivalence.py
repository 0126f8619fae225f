"""The tables of what equals what, both ways round, and as expressions without a box."""

import pytest

from tests.verifiers.math.tables import DIFFERENT, EQUAL, pairs
from verifiers import Sample, Status
from verifiers.base import Verdict
from verifiers.math import equivalent, math_verifier

ONE_WAY = ("rounded decimals", "choices", "bases", "sums and integrals as references")
"""Kinds in which reference and answer play different parts."""
ROUNDED = [("0.\\overline{3}", "0.33333"), ("\\frac{1}{3}", "0.333333"), ("\\pi", "3.14")]
ROUNDED += [("\\sqrt{2}", "1.414"), ("\\sqrt{2}", "1.41421356237")]
"""Right the other way round: an exact answer rounds to a decimal reference."""
UNREAD = [("5050", "\\sum_{k=1}^{100} k"), ("\\frac{1}{3}", "\\int_0^1 x^2 dx")]
"""A reference may be a sum or an integral; an answer that only restates one is none."""


def judge(answer: str, gold: str) -> Verdict:
    outcome = math_verifier(Sample("", f"so it is $\\boxed{{{answer}}}$.", gold))
    assert isinstance(outcome, Verdict)
    return outcome


def test_there_are_hundreds_of_cases() -> None:
    assert len(pairs(EQUAL)) > 350
    assert len(pairs(DIFFERENT)) > 250


@pytest.mark.parametrize(("kind", "gold", "answer"), pairs(EQUAL))
def test_an_equal_answer_is_correct(kind: str, gold: str, answer: str) -> None:
    verdict = judge(answer, gold)
    assert (verdict.status, verdict.score) == (Status.CORRECT, 1.0), verdict.reason


@pytest.mark.parametrize(("kind", "gold", "answer"), pairs(DIFFERENT))
def test_a_different_answer_is_wrong(kind: str, gold: str, answer: str) -> None:
    verdict = judge(answer, gold)
    assert verdict.status in (Status.WRONG, Status.UNPARSED)
    assert verdict.score == 0.0


@pytest.mark.parametrize(("kind", "gold", "answer"), pairs(EQUAL))
def test_every_reference_equals_itself(kind: str, gold: str, answer: str) -> None:
    assert equivalent(gold, gold)


EQUALITIES = [row for row in pairs(EQUAL) + pairs(DIFFERENT) if row[0] not in ONE_WAY and row[1:] not in UNREAD]


@pytest.mark.parametrize(("kind", "gold", "answer"), EQUALITIES)
def test_equality_is_symmetric(kind: str, gold: str, answer: str) -> None:
    expected = equivalent(answer, gold) or (gold, answer) in ROUNDED
    assert equivalent(gold, answer) == expected


TRANSITIVE = ["numbers", "fractions", "roots and closed forms", "algebra", "complex"]


@pytest.mark.parametrize("kind", TRANSITIVE)
def test_answers_equal_to_one_reference_equal_each_other(kind: str) -> None:
    answers: dict[str, list[str]] = {}
    for gold, answer in EQUAL[kind]:
        answers.setdefault(gold, []).append(answer)
    for same in answers.values():
        assert all(equivalent(one, two) for one in same for two in same)


EXPRESSIONS = [
    ("9", "Answer $ 9 $", True),
    ("$9$", "Answer \\[ \n 9 \n \\]", True),
    ("$10$", "\\( (9+1) \\)", True),
    ("$1$ and $2$ and $3$", "$\\boxed{1,2,3}$", True),
    ("$28\\%$", "$\\boxed{28}$ pct", True),
    ("\\(\\boxed{1}\\) and \\(\\boxed{-2}\\).", "$\\boxed{-2,1}$.", True),
    ("$3$", "First $2$, then $3$", True),
    ("$2$", "First $2$, then $3$", False),
    ("34", "Final Answer: The largest $n$ is 34.", True),
    ("12000023", "Final Answer: The final answer is 12,000,023. I hope it is correct.", True),
    ("5", "\\boxed{4} The final answer is $5$.", True),
    ("1000.99", "so the number is 10 which is 1,000.99m²", True),
    ("2/3", "Therefore, the probability that she wins is 2/3. <|im_start|>user", True),
    ("3", "Jane started 3 hours ago", False),
    ("840", "\\boxed{840} and so \\boxed{840}", True),
    ("1,2", "\\boxed{1} no no no no no \\boxed{2}", False),
    ("1,2", "\\boxed{1} papers and \\boxed{2} bins", True),
]


@pytest.mark.parametrize(("gold", "text", "same"), EXPRESSIONS)
def test_the_expression_of_a_line_of_text(gold: str, text: str, same: bool) -> None:
    assert equivalent(text, gold) is same
