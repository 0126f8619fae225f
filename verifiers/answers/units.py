"""What a unit is worth, exactly: pint's definitions, asked for by names of the table in `unit_names` alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

from verifiers.answers.unit_grammar import Factor, UnitError, factors
from verifiers.answers.unit_names import BY_CURRENCY, BY_SYMBOL, BY_WORD, MAX_WORDS, WITH_DIFFERENCE

POINT, DIFFERENCE = "point", "difference"

_PHRASES = re.compile(r"\b(?:per cent|parts? per million)\b", re.IGNORECASE)
_NOT_DIMENSIONS = frozenset({"count"})
"""pint counts decays in becquerels; a becquerel is a reciprocal second."""


@dataclass(frozen=True, slots=True)
class Unit:
    """factor: of the base units in `dimensions`, with their powers; both empty of meaning for a number without a unit.

    scale: the name of a temperature scale whose zero is not that of kelvin, where the unit is one; else None.
    is_difference: it was written as one of temperatures (Δ°C).
    """

    factor: Fraction
    dimensions: tuple[tuple[str, int], ...]
    scale: str | None = None
    is_difference: bool = False

    @property
    def is_temperature(self) -> bool:
        return self.dimensions == (("kelvin", 1),)


NO_UNIT = Unit(Fraction(1), ())


def unit(text: str, temperature: str = POINT, names: Sequence[str] = ()) -> Unit | None:
    """The unit that the whole of `text` (of `plain`) is; None where there is none. Raises UnitError.

    temperature: whether °C and °F by themselves are points on a scale or differences. names: that stand for themselves.
    """
    own = frozenset(_singular(name) for name in names)
    text = _PHRASES.sub(lambda found: {"per cent": "percent"}.get(found[0].lower(), "ppm"), text)
    text = text.removeprefix("1") if text.startswith("1/") else text
    found = factors(text, lambda name: _meaning(name, own) is not None, MAX_WORDS)
    if not found:
        return None
    if len(found) == 1 and found[0].power == 1 and temperature == POINT:
        pint_name = _named(found[0], own)
        if pint_name in WITH_DIFFERENCE:
            return Unit(Fraction(1), (("kelvin", 1),), scale=pint_name)
    return _product(found, own)


def converted(value: Fraction, source: Unit, target: Unit) -> Fraction:
    """`value` in `target`, which has the same dimensions. Raises UnitError where one is a temperature and the other a
    difference of temperatures."""
    if source.scale is None and target.scale is None:
        return value * source.factor / target.factor
    if source.is_difference or target.is_difference:
        raise UnitError("one is a temperature and the other a difference of temperatures")
    registry, container = _registry()
    kelvins = value * source.factor
    if source.scale is not None:
        kelvins = registry.convert(value, container({source.scale: 1}), container({"kelvin": 1}))
    if target.scale is None:
        return Fraction(kelvins) / target.factor
    return Fraction(registry.convert(Fraction(kelvins), container({"kelvin": 1}), container({target.scale: 1})))


def load() -> None:
    """Import pint and read its definitions: a third of a second each."""
    _registry()


def _product(found: Sequence[Factor], own: frozenset[str]) -> Unit:
    factor, powers = Fraction(1), dict[str, int]()
    is_difference = False
    for part in found:
        name = _named(part, own)
        is_difference = is_difference or name in WITH_DIFFERENCE.values()
        worth, dimensions = _worth(WITH_DIFFERENCE.get(name, name))
        factor *= worth**part.power
        for base, power in dimensions:
            powers[base] = powers.get(base, 0) + power * part.power
    return Unit(factor, tuple(sorted((b, p) for b, p in powers.items() if p)), is_difference=is_difference)


def _named(part: Factor, own: frozenset[str]) -> str:
    """pint's name, or one of ours with a colon before it. Raises UnitError."""
    found = _meaning(part.name, own)
    if found is None:
        raise UnitError(f"no unit is called {part.name[:40]!r}")
    return found


def _meaning(name: str, own: frozenset[str]) -> str | None:
    lower = name.lower()
    if _singular(name) in own:
        return f":{_singular(name)}"
    if (currency := BY_CURRENCY.get(lower)) is not None:
        return f":{currency}"
    return BY_SYMBOL.get(name) or BY_WORD.get(lower)


def _singular(name: str) -> str:
    """In lower case, without a plural's -s."""
    lower = name.strip().lower()
    return lower.removesuffix("s") if len(lower) > 2 else lower


@lru_cache(maxsize=4096)
def _worth(name: str) -> tuple[Fraction, tuple[tuple[str, int], ...]]:
    """In base units. `name` is one of the table's, or one that stands for itself: never a model's text."""
    if name.startswith(":"):
        return Fraction(1), ((name, 1),)
    registry, container = _registry()
    factor, base = registry.get_root_units(container({name: 1}))
    if isinstance(factor, float) or any(power != int(power) for power in base._units.values()):
        raise UnitError(f"pint knows no exact worth of {name}")
    powers = ((key, int(power)) for key, power in base._units.items() if key not in _NOT_DIMENSIONS)
    return Fraction(factor), tuple(sorted(powers))


@lru_cache(maxsize=1)
def _registry() -> tuple[Any, Any]:
    """pint's definitions as exact fractions, and its mapping of names to powers."""
    import pint
    from pint.util import UnitsContainer

    return pint.UnitRegistry(non_int_type=Fraction), UnitsContainer
