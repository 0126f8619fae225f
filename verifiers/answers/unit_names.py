"""The names of units that an answer may use, each with pint's name for it. What is not here is no unit.

pint itself would take far more: `amps` is attometres per second to it, `kmph` a thousand miles per hour, `Nm` a textile
measure, `pH` a picohenry, and every physical constant a unit.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_METRIC = {"f": "femto", "p": "pico", "n": "nano", "\u03bc": "micro", "u": "micro", "m": "milli", "c": "centi"}
_METRIC |= {"d": "deci", "da": "deca", "h": "hecto", "k": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta"}
_THOUSANDS = {"k": "kilo", "M": "mega", "G": "giga", "T": "tera", "P": "peta"}
_BINARY = {"Ki": "kibi", "Mi": "mebi", "Gi": "gibi", "Ti": "tebi"}
_NO_PREFIX: Mapping[str, str] = {}


@dataclass(frozen=True, slots=True)
class UnitName:
    """pint: its name there. symbols: as they are written. words: in any case. prefixes: by symbol, pint's names."""

    pint: str
    symbols: tuple[str, ...]
    words: tuple[str, ...]
    prefixes: Mapping[str, str]


def _unit(pint: str, symbols: str, words: str = "", prefixes: Mapping[str, str] = _NO_PREFIX) -> UnitName:
    """symbols: apart by spaces. words: apart by commas, singular; with a slash before another plural than with -s."""
    pairs = [word.strip().partition("/") for word in words.split(",") if word.strip()]
    both = [spelling for one, _, many in pairs for spelling in (one, many or f"{one}s")]
    return UnitName(pint, tuple(symbols.split()), tuple(both), prefixes)


_SI = (
    _unit("meter", "m", "meter, metre", _METRIC),
    _unit("gram", "g", "gram, gramme", _METRIC),
    _unit("second", "s sec", "second, sec", _METRIC),
    _unit("ampere", "A", "ampere, amp", _METRIC),
    _unit("kelvin", "K", "kelvin, degree kelvin/degrees kelvin", _METRIC),
    _unit("mole", "mol", "mole", _METRIC),
    _unit("candela", "cd", "candela", _METRIC),
    _unit("hertz", "Hz", "hertz/hertz", _METRIC),
    _unit("newton", "N", "newton", _METRIC),
    _unit("pascal", "Pa", "pascal", _METRIC),
    _unit("joule", "J", "joule", _METRIC),
    _unit("watt", "W", "watt", _METRIC),
    _unit("coulomb", "C", "coulomb", _METRIC),
    _unit("volt", "V", "volt", _METRIC),
    _unit("farad", "F", "farad", _METRIC),
    _unit("ohm", "\u03a9", "ohm", _METRIC),
    _unit("siemens", "S", "siemens/siemens", _METRIC),
    _unit("weber", "Wb", "weber", _METRIC),
    _unit("tesla", "T", "tesla", _METRIC),
    _unit("henry", "H", "henry/henries", _METRIC),
    _unit("lumen", "lm", "lumen", _METRIC),
    _unit("lux", "lx", "lux/lux", _METRIC),
    _unit("becquerel", "Bq", "becquerel", _METRIC),
    _unit("gray", "Gy", "gray", _METRIC),
    _unit("sievert", "Sv", "sievert", _METRIC),
    _unit("katal", "kat", "katal", _METRIC),
    _unit("radian", "rad", "radian", _METRIC),
    _unit("steradian", "sr", "steradian", _METRIC),
    _unit("kilogram", "Kg KG"),
    _unit("kilohertz", "KHz"),
)
_BESIDE_SI = (
    _unit("minute", "min mins", "minute"),
    _unit("hour", "h hr hrs", "hour"),
    _unit("day", "d", "day"),
    _unit("week", "wk", "week"),
    _unit("month", "mo", "month"),
    _unit("year", "yr yrs", "year"),
    _unit("degree", "° deg", "degree"),
    _unit("arcminute", "arcmin", "arcminute, arc minute"),
    _unit("arcsecond", "arcsec", "arcsecond, arc second"),
    _unit("turn", "rev", "revolution, turn"),
    _unit("revolutions_per_minute", "rpm RPM"),
    _unit("liter", "L l ℓ", "liter, litre", _METRIC),
    _unit("cubic_centimeter", "cc"),
    _unit("metric_ton", "t", "tonne, metric ton", _THOUSANDS),
    _unit("hectare", "ha", "hectare"),
    _unit("bar", "bar", "bar", _METRIC),
    _unit("standard_atmosphere", "atm", "atmosphere"),
    _unit("torr", "Torr torr", "torr"),
    _unit("millimeter_Hg", "mmHg"),
    _unit("electron_volt", "eV", "electronvolt, electron volt", _METRIC),
    _unit("calorie", "cal", "calorie", _METRIC),
    _unit("watt_hour", "Wh", "", _METRIC),
    _unit("erg", "erg", "erg"),
    _unit("dyne", "dyn", "dyne"),
    _unit("angstrom", "\u00c5", "angstrom"),
    _unit("micron", "", "micron"),
    _unit("astronomical_unit", "AU au", "astronomical unit"),
    _unit("light_year", "ly", "lightyear, light year"),
    _unit("parsec", "pc", "parsec", _METRIC),
    _unit("unified_atomic_mass_unit", "u amu", "atomic mass unit"),
    _unit("dalton", "Da", "dalton", _METRIC),
    _unit("molar", "M", "molar", _METRIC),
    _unit("curie", "Ci", "curie", _METRIC),
    _unit("speed_of_light", "c"),
    _unit("byte", "B", "byte", _THOUSANDS | _BINARY),
    _unit("bit", "", "bit", _THOUSANDS | _BINARY),
    _unit("percent", "%", "percent/percent"),
    _unit("permille", "‰", "permille"),
    _unit("ppm", "ppm"),
)
_CUSTOMARY = (
    _unit("inch", "in", "inch/inches"),
    _unit("foot", "ft", "foot/feet"),
    _unit("yard", "yd yds", "yard"),
    _unit("mile", "mi", "mile"),
    _unit("nautical_mile", "nmi", "nautical mile"),
    _unit("acre", "ac", "acre"),
    _unit("pound", "lb lbs", "pound"),
    _unit("ounce", "oz", "ounce"),
    _unit("ton", "", "ton, short ton"),
    _unit("slug", "", "slug"),
    _unit("pound_force", "lbf", "pound force/pounds force"),
    _unit("pound_force_per_square_inch", "psi"),
    _unit("gallon", "gal", "gallon"),
    _unit("quart", "qt", "quart"),
    _unit("pint", "pt", "pint"),
    _unit("cup", "", "cup"),
    _unit("fluid_ounce", "", "fl oz/fl. oz, fluid ounce"),
    _unit("tablespoon", "tbsp", "tablespoon"),
    _unit("teaspoon", "tsp", "teaspoon"),
    _unit("mile_per_hour", "mph MPH"),
    _unit("kilometer_per_hour", "kph kmh kmph"),
    _unit("knot", "kn kt kts", "knot"),
    _unit("horsepower", "hp", "horsepower"),
    _unit("british_thermal_unit", "BTU Btu"),
)
CELSIUS, FAHRENHEIT, RANKINE = "degree_Celsius", "degree_Fahrenheit", "degree_Rankine"
_TEMPERATURES = (
    _unit(
        CELSIUS,
        "°C degC",
        "celsius/celsius, degree celsius/degrees celsius, degree c/degrees c, deg c/° c, centigrade/degrees centigrade",
    ),
    _unit(
        FAHRENHEIT,
        "°F degF",
        "fahrenheit/fahrenheit, degree fahrenheit/degrees fahrenheit, degree f/degrees f, deg f/° f",
    ),
    _unit(RANKINE, "°R degR", "rankine/rankine, degree rankine/degrees rankine"),
    _unit("delta_degree_Celsius", "\u0394°C delta_degC"),
    _unit("delta_degree_Fahrenheit", "\u0394°F delta_degF"),
)

WITH_DIFFERENCE: Mapping[str, str] = {
    CELSIUS: "delta_degree_Celsius",
    FAHRENHEIT: "delta_degree_Fahrenheit",
}
"""Units whose zero is not that of kelvin, and those of their differences."""

CURRENCIES: Mapping[str, tuple[str, ...]] = {
    "dollar": ("$", "us$", "usd", "dollar", "dollars", "us dollar", "us dollars"),
    "cent": ("¢", "cent", "cents"),
    "euro": ("€", "eur", "euro", "euros"),
    "pound sterling": ("£", "gbp", "pound sterling", "pounds sterling"),
    "yen": ("¥", "jpy", "yen"),
    "yuan": ("元", "cny", "rmb", "yuan"),
    "rupee": ("₹", "inr", "rupee", "rupees"),
    "won": ("₩", "krw", "won"),
    "ruble": ("₽", "rub", "ruble", "rubles", "rouble", "roubles"),
}
"""Spellings in lower case. A currency is compared by name: no rates, and a cent is no part of a dollar."""

UNITS: tuple[UnitName, ...] = (*_SI, *_BESIDE_SI, *_CUSTOMARY, *_TEMPERATURES)


def _by_symbol() -> dict[str, str]:
    """Whole symbols come before those with a prefix: `kt` is a knot and no thousand tonnes."""
    plain = {symbol: unit.pint for unit in UNITS for symbol in unit.symbols}
    prefixed = {
        mark + symbol: prefix + unit.pint
        for unit in UNITS
        for symbol in unit.symbols
        for mark, prefix in unit.prefixes.items()
    }
    return prefixed | plain


def _by_word() -> dict[str, str]:
    plain = {word: unit.pint for unit in UNITS for word in unit.words}
    prefixed = {
        prefix + word: prefix + unit.pint for unit in UNITS for word in unit.words for prefix in unit.prefixes.values()
    }
    return prefixed | plain


BY_SYMBOL: Mapping[str, str] = _by_symbol()
"""pint's name of a unit, by symbol."""
BY_WORD: Mapping[str, str] = _by_word()
"""pint's name of a unit, by word in lower case."""
BY_CURRENCY: Mapping[str, str] = {spelling: name for name, spellings in CURRENCIES.items() for spelling in spellings}
MAX_WORDS = max(word.count(" ") + 1 for word in (*BY_WORD, *BY_CURRENCY))
"""Of the longest name that has spaces in it."""
