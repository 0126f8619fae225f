"""The table of units, and the grammar of what is made of them."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from verifiers.answers import units
from verifiers.answers.unit_grammar import MAX_POWER, Factor, UnitError, factors
from verifiers.answers.unit_names import BY_CURRENCY, BY_SYMBOL, BY_WORD, UNITS


@pytest.mark.parametrize("name", sorted({*BY_SYMBOL.values(), *BY_WORD.values()}))
def test_pint_knows_every_unit_of_the_table_exactly(name: str) -> None:
    worth, dimensions = units._worth(name)
    assert isinstance(worth, Fraction)
    assert worth > 0
    assert all(isinstance(power, int) for _, power in dimensions)


def test_each_spelling_names_one_unit() -> None:
    symbols = [symbol for unit in UNITS for symbol in unit.symbols]
    words = [word for unit in UNITS for word in {*unit.words}]
    assert sorted(symbols) == sorted(set(symbols))
    assert sorted(words) == sorted(set(words))
    assert not {*BY_CURRENCY} & {*BY_WORD}


CANONICAL = [
    ("amps", "ampere"),
    ("kmph", "kilometer_per_hour"),
    ("AU", "astronomical_unit"),
    ("kt", "knot"),
    ("min", "minute"),
    ("cd", "candela"),
]


@pytest.mark.parametrize(("name", "pint_name"), CANONICAL)
def test_names_that_pint_reads_otherwise(name: str, pint_name: str) -> None:
    assert (BY_SYMBOL.get(name) or BY_WORD[name]) == pint_name


GRAMMAR = [
    ("m", [("m", 1)]),
    ("m/s", [("m", 1), ("s", -1)]),
    ("m s^-2", [("m", 1), ("s", -2)]),
    ("J/kg K", [("J", 1), ("kg", -1), ("K", -1)]),
    ("J/kg*K", [("J", 1), ("kg", -1), ("K", 1)]),
    ("(m/s)^2", [("m", 2), ("s", -2)]),
    ("a/(b/c)", [("a", 1), ("b", -1), ("c", 1)]),
    ("square m per s squared", [("m", 2), ("s", -2)]),
    ("/s", [("s", -1)]),
    ("m^0", [("m", 0)]),
    ("", []),
]


@pytest.mark.parametrize(("text", "expected"), GRAMMAR)
def test_the_grammar_of_units(text: str, expected: list[tuple[str, int]]) -> None:
    assert factors(text, lambda name: " " not in name, 3) == tuple(Factor(*pair) for pair in expected)


@given(
    st.lists(
        st.sampled_from(
            [
                "m",
                "s",
                "kg",
                " ",
                "/",
                "per ",
                "^2",
                "^",
                "-",
                "(",
                ")",
                "*",
                "·",
                "2",
                "squared",
                "sq ",
                "°C",
                "$",
                ".",
            ]
        ),
        max_size=25,
    )
)
def test_any_mixture_is_a_unit_or_says_why_not(parts: list[str]) -> None:
    try:
        found = units.unit("".join(parts))
    except UnitError as problem:
        assert str(problem)
    else:
        assert found is None or found.factor > 0
        assert found is None or all(abs(power) <= MAX_POWER * 25 for _, power in found.dimensions)


@given(
    st.fractions(min_value=-1000, max_value=1000),
    st.sampled_from([("m", "ft"), ("km/h", "m/s"), ("°C", "°F"), ("K", "°C"), ("J", "eV"), ("kWh", "cal")]),
)
def test_there_and_back_is_the_same(value: Fraction, pair: tuple[str, str]) -> None:
    source, target = (units.unit(name) for name in pair)
    assert source is not None
    assert target is not None
    assert units.converted(units.converted(value, source, target), target, source) == value
