"""`math`: the last box of the response, equal in value to the reference.

Only the content of the last balanced box reaches math-verify, never the text around it, and only its LaTeX parser
(whose expression parser would call `eval`). Answers that agree or differ as plain text or numbers need no sympy.
"""

from __future__ import annotations

import logging
from itertools import pairwise
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.extract import after_thinking, balanced, last_boxed
from verifiers.math_text import normalise, refusal, same_by_text
from verifiers.registry import verifier
from verifiers.verifier import clip


def gold_response(sample: Sample, **_config: Any) -> str | None:
    """The reference, boxed."""
    return None if sample.reference is None else f"\\boxed{{{sample.reference}}}"


def warm_up() -> None:
    """Load sympy and math-verify, and the caches that a first comparison fills."""
    equivalent("\\frac{2}{4}", "\\frac{1}{2}")


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


def compare(answer: str, gold: str) -> Verdict:
    """The verdict on the content of a box, given the gold answer: both LaTeX or plain text."""
    shown, answer, gold = clip(answer), normalise(answer), normalise(gold)
    same = same_by_text(answer, gold)
    if same is None:
        if (reason := refusal(answer)) is not None:
            return Verdict.unparsed(f"the boxed answer was not evaluated: {reason}")
        if (reason := hedge(answer, gold)) is not None:
            return Verdict.wrong(shown, reason)
        same = equivalent(answer, gold)
    return Verdict.correct(shown) if same else Verdict.wrong(shown, "differs from the reference")


def hedge(answer: str, gold: str) -> str | None:
    """Why `answer` names more than one candidate where the gold does not, or contradicts itself; None if neither."""
    for mark, what in ((" or ", "'or'"), (";", "';'"), ("\\lor", "'or'")):
        if mark in answer.replace("\\text{or}", " or ") and mark not in gold.replace("\\text{or}", " or "):
            return f"names several answers, joined by {what}"
    sides = answer.replace("\\neq", "").split("=")
    known = [same_by_text(left, right) for left, right in pairwise(sides)]
    if False in known:
        return "an equality that does not hold"
    if known and (None not in known or (sides[0] == sides[-1] and "=" not in gold)):
        return "an equality that says nothing"
    return None


def equivalent(answer: str, gold: str) -> bool:
    """math-verify on two LaTeX expressions, without its time limits: run it where it can be killed.

    An expression that math-verify cannot take is not equal to anything. MemoryError passes through.
    """
    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns, at every start, that its limits are off
    from math_verify import LatexExtractionConfig, parse, verify

    config = [LatexExtractionConfig(boxed_match_priority=0)]

    def parsed(text: str) -> list[Any]:
        # first_match: if the box cannot be read as a whole, parts of it are not looked at
        found: list[Any] = parse(
            f"\\boxed{{{text}}}", config, extraction_mode="first_match", parsing_timeout=None, raise_on_error=True
        )
        return found

    gold_parsed = parsed(gold)
    try:
        return bool(verify(gold_parsed, parsed(answer), timeout_seconds=None, raise_on_error=True))
    except MemoryError:
        raise
    except Exception:  # noqa: BLE001 - sympy raises anything on expressions that it cannot take or compare
        return False
