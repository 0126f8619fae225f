"""Whether two answers are equal: as text, as numbers, part by part, and what is left by algebra."""

from __future__ import annotations

import re
from itertools import pairwise

from verifiers.base import Verdict
from verifiers.math.expression import Collection, collection, expression
from verifiers.math.symbolic import same_by_algebra
from verifiers.math.text import normalise, refusal, same_by_text
from verifiers.verifier import clip

_NAME = r"(?:[A-Za-z]|\\[a-zA-Z]+|[A-Z]{2,4})(?:_(?:\{[^{}]*\}|[A-Za-z0-9]))?(?:\([^()=]*\))?"
_ASSIGNED = re.compile(rf"({_NAME}|\({_NAME}(?:,{_NAME})+\)) ?(?:=|\\in(?![a-z])) ?([^=<>]+)")
_MAX_ITEMS = 100


def equivalent(answer: str, gold: str) -> bool:
    """Of two expressions, LaTeX or plain, as a whole line of text may hold them (see expression.py).

    Run it where it can be killed: what it hands to sympy is bounded in size, not in time.
    """
    return _equal(normalise(expression(answer)), normalise(expression(gold)))


def compare(answer: str, gold: str) -> Verdict:
    """The verdict on the content of a box, given the gold answer: both LaTeX or plain text."""
    shown, answer, gold = clip(answer), normalise(answer), normalise(gold)
    same = same_by_text(answer, gold)
    if same is None:
        if (reason := refusal(answer)) is not None:
            return Verdict.unparsed(f"the boxed answer was not evaluated: {reason}")
        if (reason := hedge(answer, gold)) is not None:
            return Verdict.wrong(shown, reason)
        same = _equal(answer, gold)
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


def _equal(answer: str, gold: str) -> bool:
    """Of normalised expressions."""
    known = same_by_text(answer, gold)
    if known is not None:
        return known
    if refusal(answer) is not None or refusal(gold) is not None:
        return False
    left, right = collection(_value(answer)), collection(_value(gold))
    if left is not None and right is not None and (parts := _by_parts(left, right)) is not None:
        return parts
    return same_by_algebra(answer, gold) or (
        (_value(answer), _value(gold)) != (answer, gold) and _equal(_value(answer), _value(gold))
    )


def _value(text: str) -> str:
    """What is said of a name: `5` of `x=5`."""
    found = _ASSIGNED.fullmatch(text)
    return found[2].strip() if found else text


def _by_parts(answer: Collection, gold: Collection) -> bool | None:
    """Item by item; None where the two are of different kinds, which algebra must judge."""
    if len(answer.items) != len(gold.items) or len(gold.items) > _MAX_ITEMS:
        return None
    if answer.ordered and gold.ordered:
        if (answer.opening, answer.closing) != (gold.opening, gold.closing):
            return None
        return all(_equal(a, g) for a, g in zip(answer.items, gold.items, strict=True))
    if answer.ordered or gold.ordered:
        return None
    return _matched(list(answer.items), list(gold.items))


def _matched(answers: list[str], golds: list[str]) -> bool:
    """Each of one to each of the other; equality being transitive, the first that fits may be taken."""
    for gold in golds:
        fit = next((a for a in answers if _equal(a, gold)), None)
        if fit is None:
            return False
        answers.remove(fit)
    return True
