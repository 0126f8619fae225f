"""How near is near enough, between exact numbers: the one rule that a recipe states, equality where it states none."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction

from verifiers.answers.numerals import Number

HALF_UP, HALF_EVEN = "half_up", "half_even"


@dataclass(frozen=True, slots=True)
class Tolerance:
    """At most one of these is set; none: the two values are equal.

    relative: |answer - reference| <= relative * |reference|. absolute: the same in the reference's unit.
    significant: both, rounded to so many significant figures, are equal. decimals: to so many places after the point.
    shown: the answer, rounded to the last digit that the reference shows, is the reference.
    rounding: of a half, away from zero (`half_up`) or to the even digit (`half_even`).
    """

    relative: Fraction | None = None
    absolute: Fraction | None = None
    significant: int | None = None
    decimals: int | None = None
    shown: bool = False
    rounding: str = HALF_UP

    def accepts(self, answer: Fraction, reference: Number) -> bool:
        """Raises ValueError where `shown` is set and the reference shows no digits, being a fraction."""
        gold = reference.value
        if self.relative is not None:
            return abs(answer - gold) <= self.relative * abs(gold)
        if self.absolute is not None:
            return abs(answer - gold) <= self.absolute
        if self.significant is not None:
            return self._figures(answer, self.significant) == self._figures(gold, self.significant)
        if self.decimals is not None:
            return self._rounded(answer, -self.decimals) == self._rounded(gold, -self.decimals)
        if self.shown:
            if reference.place is None:
                raise ValueError("figures: reference, but the reference is a fraction; write it as a decimal number")
            return self._rounded(answer, reference.place) == gold
        return answer == gold

    def _figures(self, value: Fraction, figures: int) -> Fraction:
        """`value` to so many significant figures; 9.96 to two is 10."""
        return self._rounded(value, magnitude(value) - figures + 1) if value else value

    def _rounded(self, value: Fraction, place: int) -> Fraction:
        """`value` to a multiple of 10^place."""
        unit = Fraction(10) ** place
        if self.rounding == HALF_EVEN:
            return round(value / unit) * unit
        size = math.floor(abs(value) / unit + Fraction(1, 2)) * unit
        return -size if value < 0 else size


def magnitude(value: Fraction) -> int:
    """The power of ten of the first digit of `value`, which is not 0."""
    value = abs(value)
    found = int((value.numerator.bit_length() - value.denominator.bit_length()) * math.log10(2))
    while value >= Fraction(10) ** (found + 1):
        found += 1
    while value < Fraction(10) ** found:
        found -= 1
    return found


def tolerance(
    relative_tolerance: float = 0.0,
    absolute_tolerance: float = 0.0,
    significant_figures: int = 0,
    decimals: int = -1,
    figures: str = "exact",
    rounding: str = HALF_UP,
) -> Tolerance:
    """From a recipe's settings. Raises ValueError, naming the key, for one out of range or a second that is set."""
    for key, share in (("relative_tolerance", relative_tolerance), ("absolute_tolerance", absolute_tolerance)):
        if not 0.0 <= share < float("inf"):
            raise ValueError(f"{key}: found {share!r}; write a finite number of at least 0")
    if relative_tolerance >= 1.0:
        raise ValueError(f"relative_tolerance: found {relative_tolerance!r}; write a share below 1, e.g. 0.01 for 1%")
    if not 0 <= significant_figures <= 100:
        raise ValueError(f"significant_figures: found {significant_figures!r}; write 1 to 100, or 0 for off")
    if not -1 <= decimals <= 100:
        raise ValueError(f"decimals: found {decimals!r}; write 0 to 100, or -1 for off")
    if figures not in ("exact", "reference"):
        raise ValueError(f"figures: found {figures!r}; write exact or reference")
    if rounding not in (HALF_UP, HALF_EVEN):
        raise ValueError(f"rounding: found {rounding!r}; write {HALF_UP} or {HALF_EVEN}")
    chosen = {
        "relative_tolerance": relative_tolerance > 0.0,
        "absolute_tolerance": absolute_tolerance > 0.0,
        "significant_figures": significant_figures > 0,
        "decimals": decimals >= 0,
        "figures": figures == "reference",
    }
    if sum(chosen.values()) > 1:
        both = " and ".join(key for key, is_set in chosen.items() if is_set)
        raise ValueError(f"{both}: each is a rule of its own for how near is near enough; write one of them")
    # The decimal that the recipe shows: 0.1 is a tenth, not the nearest binary fraction.
    return Tolerance(
        Fraction(repr(relative_tolerance)) if relative_tolerance > 0.0 else None,
        Fraction(repr(absolute_tolerance)) if absolute_tolerance > 0.0 else None,
        significant_figures or None,
        decimals if decimals >= 0 else None,
        figures == "reference",
        rounding,
    )
