"""`number`: an integer, decimal, fraction or numeral in scientific notation, compared exactly with the reference.

No expression is evaluated: `2+3`, `\\sqrt{4}` and `2^{10}` are `unparsed` (`math` is for those).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verifiers.answers.extraction import answer_of, written
from verifiers.answers.numerals import SEPARATORS, NotANumberError, Number, number, several, unnamed
from verifiers.answers.plain import TooDeepError, plain
from verifiers.answers.tolerance import HALF_UP, Tolerance, tolerance
from verifiers.base import Sample, Verdict
from verifiers.registry import verifier
from verifiers.verifier import clip

PERCENT = ("same", "fraction", "ignore")
_PERCENT_SIGNS = ("%", "percent", "per cent", "pct")


@dataclass(frozen=True, slots=True)
class Reading:
    """How numerals are read: see the options of the spec."""

    separators: str
    percent: str
    ignore: tuple[str, ...]


def gold_response(sample: Sample, extract: str = "boxed", answer_tag: str = "answer", **_config: Any) -> str | None:
    """The reference, where the answer is looked for."""
    return None if sample.reference is None else written(sample.reference.strip(), extract, answer_tag)


def _prepare(separators: str = "english", percent: str = "same", ignore: Sequence[str] = (), **config: Any) -> None:
    _reading(separators, percent, ignore)
    tolerance(**{key: value for key, value in config.items() if key not in ("extract", "answer_tag", "think_close")})


@verifier(
    "number", summary="a number, exactly or within a stated tolerance", gold_response=gold_response, prepare=_prepare
)
def number_verifier(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    think_close: str = "</think>",
    separators: str = "english",
    percent: str = "same",
    ignore: Sequence[str] = (),
    relative_tolerance: float = 0.0,
    absolute_tolerance: float = 0.0,
    significant_figures: int = 0,
    decimals: int = -1,
    figures: str = "exact",
    rounding: str = HALF_UP,
) -> Verdict:
    """Compare the number that the answer is with the reference's."""
    assert sample.reference is not None
    reading = _reading(separators, percent, ignore)
    rule = tolerance(relative_tolerance, absolute_tolerance, significant_figures, decimals, figures, rounding)
    gold, gold_percent = _gold(sample.reference, reading)
    answer = answer_of(sample.response, extract, answer_tag, think_close)
    if isinstance(answer, Verdict):
        return answer
    try:
        found, found_percent = read(answer, reading)
    except (NotANumberError, TooDeepError) as problem:
        return _unread(answer, str(problem), separators)
    return _compared(clip(answer), (found, found_percent), (gold, gold_percent), rule, percent)


def read(text: str, reading: Reading) -> tuple[Number, bool]:
    """The number that `text` is, and whether a percent sign follows it. Raises NotANumberError, TooDeepError."""
    shown = unnamed(_without(plain(text), reading.ignore))
    sign = next((sign for sign in _PERCENT_SIGNS if shown.lower().endswith(sign)), "")
    return number(shown[: len(shown) - len(sign)].strip() if sign else shown, reading.separators), bool(sign)


def _compared(
    shown: str, answer: tuple[Number, bool], gold: tuple[Number, bool], rule: Tolerance, percent: str
) -> Verdict:
    (found, found_percent), (wanted, gold_percent) = answer, gold
    if percent == "same" and found_percent != gold_percent:
        has, lacks = ("answer", "reference") if found_percent else ("reference", "answer")
        return Verdict.wrong(shown, f"the {has} is a percentage and the {lacks} is not (percent: same)")
    scale = Fraction(1)
    if percent == "fraction":
        # In units of the reference's own numeral, whose digits count.
        scale = Fraction(1, 100) ** (int(found_percent) - int(gold_percent))
    same = rule.accepts(found.value * scale, wanted)
    return Verdict.correct(shown) if same else Verdict.wrong(shown, "differs from the reference")


def _unread(answer: str, problem: str, separators: str) -> Verdict:
    try:
        candidates = several(plain(answer), separators)
    except TooDeepError:
        candidates = []
    if candidates:
        return Verdict.wrong(clip(answer), f"names several numbers: {clip(' | '.join(candidates), 80)}")
    return Verdict.unparsed(f"the answer is no number: {problem}")


def _gold(reference: str, reading: Reading) -> tuple[Number, bool]:
    try:
        return read(reference, reading)
    except ValueError as problem:
        raise ValueError(f"the reference {clip(reference, 80)!r} is no number: {problem}") from problem


def _reading(separators: str, percent: str, ignore: Sequence[str]) -> Reading:
    if separators not in SEPARATORS:
        raise ValueError(f"separators: found {separators!r}; write one of {', '.join(SEPARATORS)}")
    if percent not in PERCENT:
        raise ValueError(f"percent: found {percent!r}; write one of {', '.join(PERCENT)}")
    words = tuple(ignore)
    if not all(isinstance(word, str) and word.strip() and not re.search(r"\d", word) for word in words):
        raise ValueError(
            f"ignore: found {list(words)!r}; write words that may stand beside a number, e.g. [$, dollars]"
        )
    return Reading(separators, percent, words)


def _without(text: str, words: Sequence[str]) -> str:
    """`text` without one of the words at either end, a sign before it kept; a longer word is tried first."""
    sign = text[:1] if text[:1] in ("-", "+") else ""
    text = text[len(sign) :].strip()
    longest_first = sorted(words, key=len, reverse=True)
    for word in longest_first:
        if text.lower().startswith(word.lower()) and not (word[-1].isalpha() and text[len(word) :][:1].isalpha()):
            text = text[len(word) :].strip()
            break
    for word in longest_first:
        rest = text[: len(text) - len(word)]
        if text.lower().endswith(word.lower()) and not (word[0].isalpha() and rest[-1:].isalpha()):
            text = rest.strip()
            break
    return sign + text
