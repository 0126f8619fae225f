"""`quantity`: a number with a unit, converted exactly to the reference's unit and compared there.

Units are read by a grammar of our own and looked up one by one; no text reaches pint's parser. Tolerances are in the
reference's unit: 1% of 20 °C is 0.2 °C.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from verifiers.answers import units
from verifiers.answers.extraction import answer_of, written
from verifiers.answers.numerals import (
    SEPARATORS,
    NotANumberError,
    Number,
    bare,
    leading_number,
    number,
    several,
    unnamed,
)
from verifiers.answers.plain import TooDeepError, plain
from verifiers.answers.tolerance import HALF_UP, Tolerance, tolerance
from verifiers.answers.unit_grammar import UnitError
from verifiers.answers.unit_names import BY_CURRENCY
from verifiers.answers.units import DIFFERENCE, NO_UNIT, POINT, Unit, converted
from verifiers.base import Sample, Verdict
from verifiers.registry import verifier
from verifiers.verifier import clip

UNIT = ("required", "optional", "forbidden")
CONVERSION = ("allowed", "refused")
_CURRENCY_FIRST = re.compile(r"([+-]? ?)(US\$|[$€£¥₹₩₽]|[A-Za-z]{3} ?(?=[0-9]))(?= ?[+-]?[0-9.,]) ?")
_NAME = re.compile(r"[^\W\d_]{1,30}(?: [^\W\d_]{1,30}){0,2}")


@dataclass(frozen=True, slots=True)
class Rules:
    """What is read and how it is compared: see the options of the spec."""

    separators: str
    unit: str
    conversion: str
    temperature: str
    names: tuple[str, ...]
    tolerance: Tolerance


@dataclass(frozen=True, slots=True)
class Quantity:
    """unit: None where none was written."""

    number: Number
    unit: Unit | None


def gold_response(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    separators: str = "english",
    unit: str = "required",
    **_config: Any,
) -> str | None:
    """The reference, where the answer is looked for; its number alone where a unit is forbidden."""
    assert sample.reference is not None
    text = sample.reference.strip()
    return written(_split(_shown(text), separators)[0] if unit == "forbidden" else text, extract, answer_tag)


def _prepare(
    separators: str = "english",
    unit: str = "required",
    conversion: str = "allowed",
    temperature: str = POINT,
    names: Sequence[str] = (),
    **config: Any,
) -> None:
    near = {key: value for key, value in config.items() if key not in ("extract", "answer_tag", "think_close")}
    _checked(Rules(separators, unit, conversion, temperature, tuple(names), tolerance(**near)))


@verifier(
    "quantity",
    summary="a number with a unit, converted and compared exactly or within a stated tolerance",
    gold_response=gold_response,
    warm_up=units.load,
    prepare=_prepare,
)
def quantity_verifier(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    think_close: str = "</think>",
    separators: str = "english",
    unit: str = "required",
    conversion: str = "allowed",
    temperature: str = POINT,
    names: Sequence[str] = (),
    relative_tolerance: float = 0.0,
    absolute_tolerance: float = 0.0,
    significant_figures: int = 0,
    decimals: int = -1,
    figures: str = "exact",
    rounding: str = HALF_UP,
) -> Verdict:
    """Compare the quantity that the answer is with the reference's."""
    near = tolerance(relative_tolerance, absolute_tolerance, significant_figures, decimals, figures, rounding)
    rules = _checked(Rules(separators, unit, conversion, temperature, tuple(names), near))
    gold = _gold(sample, rules)
    answer = answer_of(sample.response, extract, answer_tag, think_close)
    if isinstance(answer, Verdict):
        return answer
    shown = clip(answer)
    try:
        candidates = several(plain(answer), separators)
        if candidates:
            return Verdict.wrong(shown, f"names several quantities: {clip(' | '.join(candidates), 80)}")
        reason = _difference(read(answer, rules), gold, rules)
    except (NotANumberError, TooDeepError) as problem:
        return Verdict.unparsed(f"the answer is no quantity: {problem}")
    except UnitError as problem:
        return Verdict.wrong(shown, str(problem))
    return Verdict.correct(shown) if reason is None else Verdict.wrong(shown, reason)


def read(text: str, rules: Rules) -> Quantity:
    """The quantity that `text` is. Raises NotANumberError, UnitError, TooDeepError."""
    numeral, unit = _split(_shown(text), rules.separators)
    return Quantity(number(numeral, rules.separators), units.unit(unit, rules.temperature, rules.names))


def _shown(text: str) -> str:
    return bare(unnamed(plain(text)))


def _split(shown: str, separators: str) -> tuple[str, str]:
    """The texts of number and unit; a currency's sign before the number belongs to the unit."""
    before = _CURRENCY_FIRST.match(shown)
    currency = before[2].strip() if before and before[2].strip().lower() in BY_CURRENCY else ""
    if before and currency:
        shown = before[1] + shown[before.end() :]
    _, rest = leading_number(shown, separators)
    return shown[: len(shown) - len(rest)].strip(), f"{currency} {rest}".strip()


def _difference(found: Quantity, gold: Quantity, rules: Rules) -> str | None:
    """Why it is not the reference's quantity, or None. Raises UnitError."""
    target = gold.unit or NO_UNIT
    if found.unit is not None and rules.unit == "forbidden":
        return "has a unit, and none is to be written (unit: forbidden)"
    if found.unit is None and gold.unit is not None and rules.unit == "required":
        return "has no unit (unit: required)"
    source = found.unit or target
    if source.dimensions != target.dimensions:
        return "a unit of another dimension than the reference's"
    if rules.conversion == "refused" and (source.factor, source.scale) != (target.factor, target.scale):
        return "another unit than the reference's (conversion: refused)"
    value = converted(found.number.value, source, target)
    return None if rules.tolerance.accepts(value, gold.number) else "differs from the reference"


def _gold(sample: Sample, rules: Rules) -> Quantity:
    assert sample.reference is not None
    try:
        return read(sample.reference, rules)
    except ValueError as problem:
        raise ValueError(f"the reference {clip(sample.reference, 80)!r} is no quantity: {problem}") from problem


def _checked(rules: Rules) -> Rules:
    """Raises ValueError, naming the key, for a value that it does not take."""
    for key, found, allowed in (
        ("separators", rules.separators, tuple(SEPARATORS)),
        ("unit", rules.unit, UNIT),
        ("conversion", rules.conversion, CONVERSION),
        ("temperature", rules.temperature, (POINT, DIFFERENCE)),
    ):
        if found not in allowed:
            raise ValueError(f"{key}: found {found!r}; write one of {', '.join(allowed)}")
    if not all(isinstance(name, str) and _NAME.fullmatch(name) for name in rules.names):
        raise ValueError(f"names: found {list(rules.names)!r}; write words that stand for themselves, e.g. [apples]")
    return rules
