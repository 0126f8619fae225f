"""Expressions: what they must be made of, and what they must be worth."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from verifiers.logic.grammar.arithmetic import evaluate
from verifiers.logic.grammar.text import Unreadable, one_line, shown
from verifiers.logic.rule import RIGHT, Entry, Judged, Rule, right_if, wrong
from verifiers.logic.rules import derivatives
from verifiers.logic.rules.algebras import Exact, Made, Polynomial, Polynomials, derivative

MAX_CHARS = 2000
"""Of an answer that is an expression; or twice as many as the entry's own has, where that is longer."""


def _short(text: str, entry: Entry) -> str:
    limit = max(MAX_CHARS, 2 * len(entry.answer or ""))
    if len(text) > limit:
        raise Unreadable(f"an expression of {len(text)} characters; at most {limit} are read")
    return text


def _made(text: str, target: int, entry: Entry) -> Made:
    """An expression; `= TARGET` may stand after it, or `TARGET =` before."""
    line = one_line(_short(text, entry))
    sides = [side.strip() for side in line.split("=")]
    if len(sides) == 2 and str(target) in sides:
        line = sides[1 - sides.index(str(target))] if sides[1] != str(target) else sides[0]
    return evaluate(line, Exact())


def _uses(value: Made, target: int, numbers: list[int]) -> Judged:
    if sorted(value.numbers) != sorted(map(Fraction, numbers)):
        return wrong("other numbers than those given, each used once")
    return right_if(value.value == target, f"it is worth {value.value}" if value.value.denominator < 1000 else "off")


def _countdown(value: Made, entry: Entry) -> Judged:
    return _uses(value, entry["target"], entry["numbers"])


def _puzzle24(value: Made, entry: Entry) -> Judged:
    allowed = set(entry.settings.get("operators", "+-*/"))
    if not value.operators <= allowed:
        return wrong(f"an operator that is not allowed; allowed are {' '.join(sorted(allowed))}")
    return _uses(value, 24, entry["numbers"])


COUNTDOWN = Rule(lambda text, entry: _made(text, entry["target"], entry), _countdown)
PUZZLE24 = Rule(lambda text, entry: _made(text, 24, entry), _puzzle24)


def _polynomial(text: str, entry: Entry) -> Polynomial:
    names = sorted(entry["variables"])
    return evaluate(_short(text, entry), Polynomials(names), names)


def _product(value: Polynomial, entry: Entry) -> Judged:
    names = sorted(entry["variables"])
    wanted = entry.readable(lambda text: evaluate(text, Polynomials(names), names))
    if value.terms != wanted.terms:
        return wrong("another polynomial")
    return right_if(value.expanded, "not multiplied out")


PRODUCT = Rule(_polynomial, _product)


def _antiderivative(text: str, entry: Entry) -> Polynomial:
    names = _variable_and_constant(entry)
    return evaluate(_right_side(text, entry), Polynomials(names), names)


def _right_side(text: str, entry: Entry) -> str:
    """Without `F(x) =` before it, and with any of the usual letters as the constant at the end."""
    variable, constant = _variable_and_constant(entry)
    line = re.sub(rf"^[A-Za-z] ?\( ?{re.escape(variable)} ?\) ?=", "", one_line(_short(text, entry)))
    letters = "".join({*"CcKk"} - {variable})
    return re.sub(rf"(?<=[+-])( ?)[{letters}]$", rf"\g<1>{constant}", line)


def _variable_and_constant(entry: Entry) -> list[str]:
    return [entry["variable"], "c" if entry["variable"] == "C" else "C"]


def _integrates(value: Polynomial, entry: Entry) -> Judged:
    names = _variable_and_constant(entry)
    integrand = entry.readable(lambda text: evaluate(text, Polynomials(names), names), entry["integrand"])
    return right_if(derivative(value, 0) == integrand.terms, "its derivative is not the integrand")


POLYNOMIAL_INTEGRAL = Rule(_antiderivative, _integrates)


@dataclass(frozen=True, slots=True)
class Function:
    """Values and derivatives of an answer at points that are its own."""

    at: tuple[Any, ...]
    pairs: derivatives.Pairs


def _function(text: str, entry: Entry) -> Function:
    at = derivatives.points(f"{entry['integrand']} {text}")
    line = re.sub(r"\|([^|]{1,200})\|", r"(abs(\1))", _right_side(text, entry))
    names = {*_variable_and_constant(entry), *derivatives.CONSTANTS}
    algebra = derivatives.Differentiated(entry["variable"], at)
    return Function(at, evaluate(line, algebra, names, derivatives.FUNCTIONS))


def _is_integral(value: Function, entry: Entry) -> Judged:
    algebra = derivatives.Differentiated(entry["variable"], value.at)
    names = {entry["variable"], *derivatives.CONSTANTS}
    wanted = entry.readable(lambda line: evaluate(line, algebra, names, derivatives.FUNCTIONS), entry["integrand"])
    return right_if(derivatives.agree(value.pairs, wanted), "its derivative is not the integrand")


def _integrated(entry: Entry) -> str | None:
    """None where sympy has left an integral as it is."""
    return None if "Integral" in entry.gold else entry.gold


INTEGRAL = Rule(_function, _is_integral, _integrated)


_FACTOR = re.compile(
    r"\s*([0-9]{1,60})(?:\s*(?:\^|\*\*)\s*(?:\{\s*([0-9]{1,4})\s*\}|([0-9]{1,4})))?\s*(?:(×|·|\*|x|X|,)|$)"
)


def _factors(text: str, entry: Entry) -> list[int]:
    """`2 × 2 × 41`, `2^4 \\cdot 41`, `2, 2, 2`."""
    line = one_line(_short(text, entry))
    found: list[int] = []
    position = 0
    while position < len(line) or not found:
        factor = _FACTOR.match(line, position)
        if factor is None or (factor.end() == len(line)) is (factor[4] is not None):
            raise Unreadable(f"found {shown(line)}, which is no product of numbers")
        count = int(factor[2] or factor[3] or 1)
        if len(found) + count > 400:
            raise Unreadable("more than 400 factors")
        found += [int(factor[1])] * count
        position = factor.end()
    return sorted(found)


def _prime_factors(value: list[int], entry: Entry) -> Judged:
    wanted = sorted(entry["factors"])
    if value == wanted:
        return RIGHT
    product = 1
    for factor in value:
        product *= factor
        if product > entry["number"]:
            break
    return wrong("not all of them primes" if product == entry["number"] else "another product")


FACTORS = Rule(_factors, _prime_factors)

_PAIR = re.compile(r"\s*[\"']?([A-Z])[\"']?\s*[=:]\s*([0-9])\s*(?:[,;]|$)")


def _mapping(text: str, entry: Entry) -> dict[str, int]:
    """`A=1,B=2`, or the same as a JSON object."""
    line = one_line(_short(text, entry))
    line = line[1:-1] if line.startswith("{") and line.endswith("}") else line
    found: dict[str, int] = {}
    position = 0
    while position < len(line) or not found:
        pair = _PAIR.match(line, position)
        if pair is None or pair[1] in found:
            raise Unreadable(f"found {shown(line[position:])} where a letter and its digit should stand, as in A=1")
        found[pair[1]] = int(pair[2])
        position = pair.end()
    return found


def _cryptarithm(value: dict[str, int], entry: Entry) -> Judged:
    words, result = entry["words_letters"], entry["result_letters"]
    letters = {letter for word in (*words, result) for letter in word}
    if set(value) != letters or len(set(value.values())) != len(value):
        return wrong("not one digit of its own for every letter")
    if not entry["allow_leading_zero"] and any(value[word[0]] == 0 for word in (*words, result)):
        return wrong("a leading zero")
    numbers = [int("".join(str(value[letter]) for letter in word)) for word in (*words, result)]
    return right_if(sum(numbers[:-1]) == numbers[-1], "the sum does not hold")


CRYPTARITHM = Rule(_mapping, _cryptarithm)
