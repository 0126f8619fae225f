"""The quantity verifier as tables: units in every spelling, exact conversions, and text that pint must not see."""

from typing import Any

import pint
import pytest

from verifiers import Sample, Status
from verifiers.answers import units
from verifiers.answers.quantity import quantity_verifier
from verifiers.answers.unit_names import BY_SYMBOL, BY_WORD
from verifiers.base import Verdict


def judge(answer: str, reference: str, **config: Any) -> Verdict:
    outcome = quantity_verifier(Sample("", f"so \\boxed{{{answer}}}.", reference), **config)
    assert isinstance(outcome, Verdict)
    return outcome


SAME = [
    ("5 m", "5 m"),
    ("5m", "5 m"),
    ("5 meters", "5 m"),
    ("5 Metres", "500 cm"),
    (r"5\text{ m}", "5 m"),
    (r"5\,\mathrm{m}", "5 m"),
    ("0.005 km", "5 m"),
    ("1/2 m", "50 cm"),
    (r"\frac{1}{2}\text{ m}", "50 cm"),
    ("5e3 mm", "5 m"),
    (r"5 \times 10^{3}\ \mathrm{mm}", "5 m"),
    ("1,000 m", "1 km"),
    ("d = 5 m", "5 m"),
    ("(5 m)", "5 m"),
    ("5 µm", "5 μm"),
    ("5 um", "5 μm"),
    (r"5\ \mu\mathrm{m}", "5e-6 m"),
    ("5 microns", "5 μm"),
    ("5 m/s^2", "5 m s^-2"),
    (r"5\ \mathrm{m\,s^{-2}}", "5 m/s^2"),
    (r"5\ \frac{\text{m}}{\text{s}^2}", "5 m/s^2"),
    ("5 m·s⁻²", "5 m/s²"),
    ("5 m s-2", "5 m/s^2"),
    ("5 m/s/s", "5 m/s^2"),
    ("5 m/s2", "5 m/s**2"),
    ("5 meters per second squared", "5 m/s^2"),
    ("5 meters per second per second", "5 m/s^2"),
    ("5 N/kg", "5 m/s^2"),
    (r"1\,\mathrm{kg\,m^2/s^2}", "1 J"),
    (r"1\,\mathrm{kg}\cdot\mathrm{m}^2\cdot\mathrm{s}^{-2}", "1 J"),
    ("1 N m", "1 J"),
    ("1 N·m", "1 N*m"),
    ("1 N.m", "1 J"),
    ("1 N-m", "1 J"),
    ("1 W s", "1 J"),
    ("3.6 MJ", "1 kWh"),
    ("1 kW-h", "1 kilowatt hour"),
    ("36 km/h", "10 m/s"),
    ("36 kph", "10 m/s"),
    ("36 km/hr", "10 m/s"),
    ("1 mph", "1.609344 km/h"),
    ("4.2 J/(g K)", "4200 J/kg/K"),
    ("4.2 J/g K", "4.2 J/(g·K)"),
    ("4.2 J/g·K", "4.2 J/(g K)"),
    ("4.2 J/(g °C)", "4.2 J/(g K)"),
    ("4.2 J g^{-1} K^{-1}", "4.2 J/(g K)"),
    ("6 W/m^2*m^2", "6 W"),
    ("3 square meters", "3 m^2"),
    ("3 sq. ft", "432 in^2"),
    ("3 cubic centimeters", "3 mL"),
    ("3 cm3", "3 cc"),
    ("3 cu in", "3 in^3"),
    ("5 ft.", "60 in"),
    ("5 feet", "5 foot"),
    ("2 lbs", "32 oz"),
    ("1 gal", "4 qt"),
    ("8 fl oz", "1 cup"),
    ("1 h", "3600 s"),
    ("90 mins", "1.5 hrs"),
    ("1 day", "24 hours"),
    ("1 ha", "10000 m^2"),
    ("1 kHz", "1000 1/s"),
    ("5 /s", "5 Hz"),
    ("5 per second", "5 Hz"),
    ("5 Bq", "5 1/s"),
    ("1 mol/L", "1 M"),
    ("1 atm", "101325 Pa"),
    ("1 bar", "100 kPa"),
    ("1 eV", "1.602176634e-19 J"),
    ("1 kcal", "4184 J"),
    ("1 Å", "0.1 nm"),
    (r"1\ \AA", "1 angstrom"),
    ("1 kΩ", "1000 ohms"),
    (r"1\ \mathrm{k}\Omega", "1 kΩ"),
    ("1 Ω", "1 Ω"),
    ("1 MB", "8000000 bits"),
    ("1 KiB", "1024 bytes"),
    ("5 amps", "5 A"),
    ("90°", "90 degrees"),
    (r"90^\circ", "90°"),
    ("1 rev", "360°"),
    ("60 rpm", "1 revolution per second"),
    ("5%", "5 percent"),
    ("5 per cent", r"5\%"),
    ("7", "7"),
    (r"\$5", "5 dollars"),
    ("-$5", "-5 USD"),
    ("$-5$ dollars", "-5 USD"),
    ("USD 5", "5 US dollars"),
    ("US$5", "5 $"),
    ("5€", "€5"),
    ("$3/kg", "3 dollars per kg"),
    ("20°C", "293.15 K"),
    (r"20^{\circ}\mathrm{C}", "68 °F"),
    ("20 ° C", "20 degrees Celsius"),
    ("20℃", "20 degC"),
    ("20 degrees C", "20 celsius"),
    ("-40 °F", "-40 °C"),
    ("0 K", "-459.67 °F"),
    ("0.29315 kK", "20 °C"),
    ("9 Δ°F", "5 Δ°C"),
    ("5 Δ°C", "5 delta_degC"),
]


@pytest.mark.parametrize(("answer", "reference"), SAME)
def test_the_same_quantity_is_correct_both_ways(answer: str, reference: str) -> None:
    assert judge(answer, reference) == Verdict.correct(answer)
    assert judge(reference, answer).status is Status.CORRECT


DIFFERENT = [
    ("6 m", "5 m", "differs"),
    ("5 cm", "5 m", "differs"),
    ("5 Mm", "5 mm", "differs"),
    ("5", "5 m", "has no unit"),
    ("5 m", "5", "another dimension"),
    ("5 s", "5 m", "another dimension"),
    ("5 m^2", "5 m", "another dimension"),
    ("5 ms^{-1}", "5 m/s", "another dimension"),  # ms is a millisecond
    ("5 J/kg*K", "5 J/(kg K)", "another dimension"),
    ("5 rad/s", "5 Hz", "another dimension"),
    ("5 dollars", "5 euros", "another dimension"),
    ("500 cents", "5 dollars", "another dimension"),
    ("5%", "0.5", "differs"),
    ("20 K", "20 °C", "differs"),
    ("20 °C", "68 °C", "differs"),
    ("20 Δ°C", "20 °C", "difference of temperatures"),
    ("180°", "3.14159265 rad", "differs"),
    ("5 apples", "5 m", "no unit is called 'apples'"),
    ("5 Nms", "5 N", "no unit is called 'Nms'"),
    ("5 kkm", "5 km", "no unit is called 'kkm'"),
    ("5 м", "5 m", "no unit is called 'м'"),  # Cyrillic
    ("5 M", "5 m", "another dimension"),
    ("5 __class__", "5 m", "no part of a unit"),
    ("5 m or 6 m", "5 m", "names several quantities: 5 m | 6 m"),
    ("5 m, 6 m", "5 m", "names several quantities"),
    (r"5 \pm 1 m", "5 m", "names several quantities"),
    ("5 m 6", "5 m", "a number within the unit"),
    ("5 m (about)", "5 m", "no unit is called 'about'"),
    ("5 m / 2", "5 m", "a number within the unit"),
    ("5 m /", "5 m", "a unit is missing"),
    ("5 (m", "5 m", "a parenthesis that is not closed"),
    ("5 m)", "5 m", "')' is in the wrong place"),
    ("5 m^2^3", "5 m", "'3' is in the wrong place"),
    ("5 m^9999999999", "5 m", "a power beyond 12"),
    ("5 (m^12)^12", "5 m", "a power beyond 12"),
    ("5 " + "(" * 50 + "m" + ")" * 50, "5 m", "nested deeper"),
    ("5 " + "m " * 4000, "5 m", "a unit of"),
    ("9**9**9", "9 m", "in the wrong place"),
    ("9^9^9^9 m", "9 m", "in the wrong place"),
    ("5 import os", "5 m", "no unit is called 'import'"),
    ("5 m; __import__('os')", "5 m", "no part of a unit"),
]


@pytest.mark.parametrize(("answer", "reference", "reason"), DIFFERENT)
def test_another_quantity_is_wrong_and_says_why(answer: str, reference: str, reason: str) -> None:
    verdict = judge(answer, reference)
    assert (verdict.status, verdict.score) == (Status.WRONG, 0.0)
    assert reason in verdict.reason


UNPARSED = [
    "[" * 199_990,
    "[" * 9_000,
    "~5 m",
    "not=5 m",
    "5\u0336 m",
    "five m",
    "m",
    "",
    "about 5 m",
    "x m",
    "1e999999999 m",
    "9" * 5000 + " m",
    "{" * 3000 + "}" * 3000,
    "5" * 20_000,
]


@pytest.mark.parametrize("answer", UNPARSED, ids=lambda text: text[:12])
def test_what_begins_with_no_number_is_unparsed(answer: str) -> None:
    assert judge(answer, "5 m").status is Status.UNPARSED


def test_no_text_reaches_pints_parsers(monkeypatch: pytest.MonkeyPatch) -> None:
    units.load()
    units._worth.cache_clear()
    known = {*BY_SYMBOL.values(), *BY_WORD.values()}

    def refuse(*arguments: object, **_: object) -> None:
        raise AssertionError(f"pint was asked to parse {arguments[1:]!r}")

    for parser in ("parse_expression", "parse_units", "parse_units_as_container", "parse_pattern"):
        monkeypatch.setattr(pint.UnitRegistry, parser, refuse, raising=False)
    asked: list[str] = []
    real = pint.UnitRegistry.get_root_units

    def record(registry: Any, container: Any, *rest: Any) -> Any:
        asked.extend(container)
        return real(registry, container, *rest)

    monkeypatch.setattr(pint.UnitRegistry, "get_root_units", record)
    for answer, reference, *_ in (*SAME, *DIFFERENT):
        judge(answer, reference)
    assert asked
    assert set(asked) <= known


POLICY = [
    ({"unit": "optional"}, "5", "5 m", Status.CORRECT),
    ({"unit": "optional"}, "5 m", "5 m", Status.CORRECT),
    ({"unit": "optional"}, "500", "5 m", Status.WRONG),
    ({}, "50%", "0.5", Status.CORRECT),
    ({}, "0.5", "50%", Status.WRONG),
    ({"unit": "optional"}, "5", "5%", Status.CORRECT),
    ({"unit": "optional"}, "20", "20 °C", Status.CORRECT),
    ({"unit": "forbidden"}, "5", "5 m", Status.CORRECT),
    ({"unit": "forbidden"}, "5 m", "5 m", Status.WRONG),
    ({"conversion": "refused"}, "5 m", "5 meters", Status.CORRECT),
    ({"conversion": "refused"}, "500 cm", "5 m", Status.WRONG),
    ({"conversion": "refused"}, "293.15 K", "20 °C", Status.WRONG),
    ({"conversion": "refused"}, "5 mL", "5 cm^3", Status.CORRECT),
    ({"temperature": "difference"}, "5 °C", "5 K", Status.CORRECT),
    ({"temperature": "difference"}, "9 °F", "5 °C", Status.CORRECT),
    ({"temperature": "difference"}, "41 °F", "5 °C", Status.WRONG),
    ({"temperature": "difference"}, "5 Δ°C", "5 °C", Status.CORRECT),
    ({"names": ["apples"]}, "5 apples", "5 apples", Status.CORRECT),
    ({"names": ["apples"]}, "1 apple", "1 apples", Status.CORRECT),
    ({"names": ["apples", "pears"]}, "5 pears", "5 apples", Status.WRONG),
    ({"names": ["apples"]}, "5 apples/day", "35 apples per week", Status.CORRECT),
    ({"names": ["ice cream cone"]}, "5 ice cream cones", "5 ice cream cone", Status.CORRECT),
    ({"separators": "european"}, "1.234,5 m", "1234,5 m", Status.CORRECT),
    ({"relative_tolerance": 0.01}, "101 cm", "1 m", Status.CORRECT),
    ({"relative_tolerance": 0.01}, "101.1 cm", "1 m", Status.WRONG),
    ({"relative_tolerance": 0.01}, "20.2 °C", "20 °C", Status.CORRECT),
    ({"relative_tolerance": 0.01}, "20.3 °C", "20 °C", Status.WRONG),
    ({"absolute_tolerance": 0.5}, "68.9 °F", "20 °C", Status.CORRECT),
    ({"absolute_tolerance": 0.5}, "69 °F", "20 °C", Status.WRONG),
    ({"relative_tolerance": 1e-9}, "180°", "3.14159265359 rad", Status.CORRECT),
    ({"significant_figures": 2}, "9.81 m/s^2", "9.8 m/s^2", Status.CORRECT),
    ({"decimals": 1}, "981 cm/s^2", "9.8 m/s^2", Status.CORRECT),
    ({"figures": "reference"}, "981 cm/s^2", "9.8 m/s^2", Status.CORRECT),
    ({"figures": "reference"}, "986 cm/s^2", "9.8 m/s^2", Status.WRONG),
]


@pytest.mark.parametrize(("config", "answer", "reference", "status"), POLICY)
def test_policies(config: dict[str, Any], answer: str, reference: str, status: Status) -> None:
    assert judge(answer, reference, **config).status is status


BAD = [
    ({"unit": "maybe"}, "unit: found 'maybe'; write one of required"),
    ({"conversion": "no"}, "write one of allowed, refused"),
    ({"temperature": "kelvin"}, "write one of point, difference"),
    ({"separators": "dutch"}, "write one of english, european"),
    ({"names": ["5"]}, "write words that stand for themselves"),
    ({"names": ["a b c d"]}, "write words that stand for themselves"),
    ({"decimals": 1, "figures": "reference"}, "decimals and figures: each is a rule"),
]


@pytest.mark.parametrize(("config", "advice"), BAD)
def test_bad_settings_say_what_to_write(config: dict[str, Any], advice: str) -> None:
    assert quantity_verifier.prepare is not None
    with pytest.raises(ValueError, match=advice):
        quantity_verifier.prepare(**config)


@pytest.mark.parametrize("reference", ["five m", "5 apples", "5 m or 6 m", "m", "", "5 m^99"])
def test_a_reference_that_is_no_quantity_is_an_error_of_the_data(reference: str) -> None:
    with pytest.raises(ValueError, match=r"the reference .* is no quantity"):
        judge("5 m", reference)


GOLDS: list[tuple[str, dict[str, Any]]] = [
    ("5 m/s^2", {}),
    ("20 °C", {"extract": "last_line"}),
    (r"\$5", {"extract": "answer_tag"}),
    ("5 m", {"unit": "forbidden"}),
    ("$5", {"unit": "forbidden"}),
    (r"\frac{1}{2}\ \mathrm{m}", {"unit": "forbidden"}),
    ("5%", {"unit": "optional"}),
]


@pytest.mark.parametrize(("reference", "config"), GOLDS)
def test_its_own_gold_answer_is_accepted(reference: str, config: dict[str, Any]) -> None:
    response = quantity_verifier.gold(Sample("", "", reference), config)
    assert isinstance(response, str)
    verdict = quantity_verifier(Sample("", response, reference), **config)
    assert isinstance(verdict, Verdict)
    assert verdict.status is Status.CORRECT
