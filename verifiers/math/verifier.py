"""`math`: the last box of the response, equal in value to the reference.

Only the content of the last balanced box reaches math-verify, never the text around it, and only its LaTeX parser
(whose expression parser would call `eval`). Answers that agree or differ as plain text or numbers need no sympy.
"""

from __future__ import annotations

from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.extract import after_thinking, balanced, last_boxed
from verifiers.math.compare import compare
from verifiers.math.symbolic import same_by_algebra
from verifiers.registry import verifier
from verifiers.verifier import clip


def gold_response(sample: Sample, **_config: Any) -> str | None:
    """The reference, boxed."""
    return None if sample.reference is None else f"\\boxed{{{sample.reference}}}"


def warm_up() -> None:
    """Load sympy and math-verify, and the caches that a first comparison fills."""
    same_by_algebra("\\frac{2}{4}", "\\frac{1}{2}")


@verifier(
    "math",
    summary="the last \\boxed{}, equal in value to the reference",
    gold_response=gold_response,
    warm_up=warm_up,
)
def math_verifier(sample: Sample, think_close: str = "</think>") -> Verdict:
    """Compare the content of the last box after the thinking part with the reference."""
    assert sample.reference is not None
    box = last_boxed(after_thinking(sample.response, think_close))
    if not box:
        return Verdict.unparsed("no closed \\boxed{} in the response" if box is None else "the last \\boxed{} is empty")
    reference = sample.reference.strip()
    gold = (last_boxed(reference) if reference.startswith("\\boxed") else None) or reference
    if not gold:
        return Verdict.error("the reference is empty; write the gold answer")
    if not balanced(gold):
        return Verdict.error(f"the braces of the reference do not balance: {clip(gold, 80)}")
    return compare(box, gold)
