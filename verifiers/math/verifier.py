"""`math`: the last box of the response, equal in value to the reference.

Only the content of the last balanced box is read, never the text around it, by a parser of this package that evaluates
nothing. Answers that agree or differ as text, as exact numbers or at a point need no sympy.
"""

from __future__ import annotations

from typing import Any

from verifiers.base import RowError, Sample, Verdict
from verifiers.extract import after_thinking, balanced, final_answer, formulas, last_boxed
from verifiers.math.compare import compare
from verifiers.math.fallback import same_by_math_verify
from verifiers.math.nodes import Symbol, add, integer, multiply
from verifiers.math.policy import Policy
from verifiers.math.symbolic import proven_equal
from verifiers.registry import verifier
from verifiers.verifier import clip


def gold_response(sample: Sample, **_config: Any) -> str | None:
    """The reference, boxed."""
    return None if sample.reference is None else f"\\boxed{{{sample.reference}}}"


def warm_up() -> None:
    """Load sympy and math-verify, and the caches that a first comparison fills."""
    x = Symbol("x")
    proven_equal(multiply(add(x, integer(1)), add(x, integer(-1))), add(multiply(x, x), integer(-1)))
    same_by_math_verify(integer(3), "3", "\\sum_{k=1}^{2} k")


@verifier(
    "math",
    summary="the last \\boxed{}, equal in value to the reference",
    gold_response=gold_response,
    warm_up=warm_up,
)
def math_verifier(
    sample: Sample,
    extract: str = "boxed",
    think_close: str = "</think>",
    units: str = "optional",
    currency: str = "optional",
    percent: str = "either",
    intervals: str = "either",
    rounded_digits: int = 3,
) -> Verdict:
    """Compare the last box after the thinking part with the reference; see Policy for what may be left out."""
    if extract not in ("boxed", "final_answer"):
        raise ValueError(f"math, setting 'extract': found {extract!r}, write boxed or final_answer")
    policy = Policy(units, currency, percent, intervals, rounded_digits)
    assert sample.reference is not None
    gold = _gold(sample.reference.strip())
    text = after_thinking(sample.response, think_close)
    answer = last_boxed(text)
    if answer is None and extract == "final_answer":
        answer = final_answer(text)
    if not answer:
        return Verdict.unparsed(_nothing(answer, extract))
    return compare(answer, gold, policy)


def _gold(reference: str) -> str:
    """The reference's expression: what it boxes, or the formula that it is, else all of it."""
    gold = (last_boxed(reference) if reference.startswith("\\boxed") else None) or reference
    if not gold:
        raise RowError("the reference is empty; write the gold answer")
    if not balanced(gold):
        raise RowError(f"the braces of the reference do not balance: {clip(gold, 80)}")
    held = formulas(gold)
    return held[0][2] if len(held) == 1 and held[0][:2] == (0, len(gold)) else gold


def _nothing(answer: str | None, extract: str) -> str:
    if answer is not None:
        return "the last \\boxed{} is empty"
    return "no closed \\boxed{} in the response" + (", and no final answer" if extract == "final_answer" else "")
