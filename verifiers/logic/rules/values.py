"""Numbers: compared exactly, or as rounded as the task asks."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, ROUND_HALF_UP, Context, Decimal
from fractions import Fraction
from functools import partial

from verifiers.logic.grammar import grid
from verifiers.logic.grammar.arithmetic import evaluate
from verifiers.logic.grammar.numbers import complex_number, decimal, exact, fraction, in_base, integer
from verifiers.logic.grammar.text import Unreadable, one_line, shown
from verifiers.logic.rule import RIGHT, Entry, Judged, Rule, right_if, same, wrong
from verifiers.logic.rules.algebras import Exact

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


def close(value: Decimal | Fraction, wanted: Fraction, tolerance: Fraction) -> bool:
    """Equal; or within the recipe's tolerance, relative to what is wanted."""
    found = Fraction(value)
    return found == wanted or abs(found - wanted) <= tolerance * abs(wanted)


def rounds(value: Decimal, wanted: Fraction, places: int, trusted: int = 9) -> bool:
    """Whether `value` is `wanted` rounded to the places that it gives, at least `places` of them (missing zeros count),
    at most the `trusted` ones that `wanted` itself is good for. Halves may go either way."""
    given = -int(value.as_tuple().exponent)
    unit = Fraction(1, 10 ** min(max(given, places), trusted))
    return abs(Fraction(value) - wanted) <= unit / 2


def significant(value: Fraction, digits: int) -> set[Decimal]:
    """`value` to so many significant digits, halves to even and halves up."""
    ways = (Context(prec=digits, rounding=how) for how in (ROUND_HALF_EVEN, ROUND_HALF_UP))
    return {way.divide(Decimal(value.numerator), Decimal(value.denominator)) for way in ways}


INTEGER = same(integer)


def _equation_root(text: str, entry: Entry) -> int:
    """`95`, or `u = 95` for the variable that was asked for."""
    line = one_line(text)
    name, equals, value = line.partition("=")
    return integer(value if equals and name.strip() == entry["variable"] else line)


ROOT = Rule(_equation_root, INTEGER.judge)


def _exact_decimal(text: str, entry: Entry) -> Decimal:
    return decimal(text)


def _same_decimal(value: Decimal, entry: Entry) -> Judged:
    wanted = Fraction(entry.readable(decimal))
    return right_if(close(value, wanted, entry.tolerance), "another value")


DECIMAL = Rule(_exact_decimal, _same_decimal)


def _angle(text: str, entry: Entry) -> Decimal:
    return decimal(re.sub(r"\s*(?:°|degrees)$", "", one_line(text)))


ANGLE = Rule(_angle, _same_decimal)


def _digits(text: str, entry: Entry) -> int:
    return in_base(text, int(entry["target_base"]))


def _same_digits(value: int, entry: Entry) -> Judged:
    return right_if(value == entry["decimal_value"], "another value")


BASED = Rule(_digits, _same_digits)
HEXADECIMAL = same(partial(in_base, base=16, prefixed=True))


def _reduced(value: tuple[int, int], entry: Entry) -> Judged:
    wanted = entry.readable(fraction)
    if Fraction(*value) != Fraction(*wanted):
        return wrong("another value")
    return right_if(value == wanted, "not in its lowest terms")


REDUCED_FRACTION = Rule(lambda text, entry: fraction(text), _reduced)


def _probability(value: Fraction | Decimal, entry: Entry) -> Judged:
    """The exact value; or a decimal that is it to 10 significant digits or more, as the entry's own answer is."""
    wanted = Fraction(entry["rational"]["numerator"], entry["rational"]["denominator"])
    if close(value, wanted, entry.tolerance):
        return RIGHT
    digits = len(value.normalize().as_tuple().digits) if isinstance(value, Decimal) else 0
    near = isinstance(value, Decimal) and any(value in significant(wanted, n) for n in {10, max(10, min(digits, 50))})
    return right_if(near, "another value")


PROBABILITY = Rule(lambda text, entry: exact(text), _probability)


def _complex(value: tuple[Decimal, Decimal], entry: Entry) -> Judged:
    parts = [Fraction(part) for part in entry["result"]]
    near = all(close(found, part, entry.tolerance) for found, part in zip(value, parts, strict=True))
    return right_if(near, "another value")


COMPLEX = Rule(lambda text, entry: complex_number(text), _complex)


def _significant_digits(question: str) -> int:
    found = re.search(r"maximum of ([0-9]{1,3}) significant digits", question)
    if not found:
        raise ValueError("metadata.entry: the question does not say to how many significant digits")
    return int(found[1])


def _to_significant_digits(value: Decimal, entry: Entry) -> Judged:
    """Within one unit of the last asked-for digit of the exact value, or of the entry's own answer, which is rounded
    after every operation."""
    digits = _significant_digits(entry.question)
    expression = entry.question.rpartition("\n")[2].removesuffix(" = ?")
    true = entry.readable(lambda text: evaluate(text, Exact()).value, expression)
    for wanted in (true, Fraction(entry.readable(decimal))):
        unit = Fraction(10) ** (_magnitude(wanted) - digits + 1)
        if close(value, wanted, entry.tolerance) or abs(Fraction(value) - wanted) <= unit:
            return RIGHT
    return wrong("another value")


def _magnitude(value: Fraction) -> int:
    """The power of ten of the first significant digit."""
    if value == 0:
        return -1000
    return Context(prec=60).divide(Decimal(abs(value.numerator)), Decimal(value.denominator)).adjusted()


SIGNIFICANT = Rule(_exact_decimal, _to_significant_digits)


def _three_digits(value: Decimal, entry: Entry) -> Judged:
    """Equal to the true power where both are rounded to three significant digits."""
    base, exponent = Fraction(str(entry["base"])), int(entry["exponent"])
    true = base**exponent
    if close(value, true, entry.tolerance):
        return RIGHT
    both = significant(Fraction(value), 3) & significant(true, 3)
    return right_if(bool(both), "another value to three significant digits")


POWER = Rule(_exact_decimal, _three_digits)


def _picked(value: Decimal, entry: Entry) -> Judged:
    """The number that was wanted, as it was written in the question (a float's digits), or as the answer gives it."""
    candidates = zip(entry["candidates"], entry["formatted_candidates"], strict=True)
    written = [Fraction(decimal(text)) for number, text in candidates if number == entry["solution"]]
    return right_if(Fraction(value) in [*written, Fraction(entry.readable(decimal))], "another number")


PICKED = Rule(_exact_decimal, _picked)


def _geometry(text: str, entry: Entry) -> tuple[Decimal, ...]:
    line = one_line(text)
    if entry["task_type"] == "angle_measure":
        return (_angle(line, entry),)
    if entry["task_type"] == "incircle_radius":
        return (decimal(line),)
    if not (line.startswith("(") and line.endswith(")")):
        raise Unreadable(f"found {shown(line)}, which is not of the form (x, y)")
    parts = line[1:-1].split(",")
    if len(parts) != 2:
        raise Unreadable(f"found {len(parts)} coordinates, not 2")
    return tuple(decimal(part) for part in parts)


def _measured(value: tuple[Decimal, ...], entry: Entry) -> Judged:
    """The true value (a float of the metadata) to the places that are given: 2 or more of an angle, else 3 or more."""
    kind = entry["task_type"]
    keys = {"angle_measure": "angle_ABC_degrees", "incircle_radius": "incircle_radius_approx"}
    true = entry["orthocenter_approx"] if kind == "orthocenter" else [entry[keys[kind]]]
    places = 2 if kind == "angle_measure" else 3
    for found, number in zip(value, true, strict=True):
        wanted = Fraction(number)
        if not rounds(found, wanted, places) and not close(found, wanted, entry.tolerance):
            return wrong("another value")
    return RIGHT


GEOMETRY = Rule(_geometry, _measured)


def _pooled(value: list[list[str]], entry: Entry) -> Judged:
    """Every cell is the true one to the places that it gives, at least 2."""
    wanted = entry["solution"]
    if [len(row) for row in value] != [len(row) for row in wanted]:
        return wrong("a matrix of another size")
    for row, true in zip(value, wanted, strict=True):
        for cell, number in zip(row, true, strict=True):
            found, exactly = Decimal(cell), Fraction(number)
            if not rounds(found, exactly, 2) and not close(found, exactly, entry.tolerance):
                return wrong("another value in a cell")
    return RIGHT


POOLED = Rule(lambda text, entry: grid.grid(text, grid.DECIMAL_CELL), _pooled)
