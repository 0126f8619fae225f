"""Units by their spellings, the prefixes that they take, and those that are made of others. Tables only."""

from __future__ import annotations


def _spellings(table: dict[str, str]) -> dict[str, str]:
    return {name: normal for normal, spellings in table.items() for name in spellings.split()}


UNITS = _spellings(
    {
        "in": "inch inches in", "ft": "ft foot feet", "yd": "yd yard yards", "mi": "mi mile miles",
        "lb": "lb lbs pound pounds", "oz": "oz ounce ounces", "t": "t ton tons tonne tonnes",
        "min": "min mins minute minutes", "h": "h hr hrs hour hours", "d": "d day days", "week": "week weeks",
        "month": "month months", "year": "yr yrs year years", "decade": "decade decades",
        "century": "century centuries", "night": "night nights", "gal": "gal gallon gallons",
        "qt": "qt quart quarts", "pt": "pt pint pints", "cup": "cup cups", "nmi": "nmi", "knot": "knot knots kn",
        "rpm": "rpm", "rad": "rad radian radians", "sr": "sr steradian steradians", "dB": "dB decibel decibels",
        "atm": "atm atmosphere atmospheres", "psi": "psi", "torr": "torr Torr", "mmHg": "mmHg", "hp": "hp horsepower",
        "ly": "ly lightyear lightyears light-year light-years", "AU": "AU", "pc": "pc parsec parsecs",
        "Å": "angstrom angstroms", "u": "amu Da", "C": "C celsius Celsius", "F": "F fahrenheit Fahrenheit",
        "ha": "ha hectare hectares", "acre": "acre acres", "unit": "unit units", "kWh": "kWh", "M": "M molar",
        "A": "A amp amps",
    }
)  # fmt: skip
"""Spelling to normal unit, of what takes no prefix. Two answers that name different units differ."""
_PREFIXED = {
    "m": "m meter meters metre metres", "g": "g gram grams gramme grammes", "s": "s sec secs second seconds",
    "l": "l L liter liters litre litres", "N": "N newton newtons", "J": "J joule joules", "W": "W watt watts",
    "V": "V volt volts", "A": "ampere amperes", "Pa": "Pa pascal pascals", "Hz": "Hz hertz", "K": "K kelvin kelvins",
    "mol": "mol mols mole moles", "ohm": "ohm ohms", "eV": "eV electronvolt electronvolts", "T": "T tesla teslas",
    "cal": "cal calorie calories", "bar": "bar bars", "Wb": "Wb weber webers", "lm": "lm lumen lumens",
    "lx": "lx lux", "Bq": "Bq becquerel becquerels", "Sv": "Sv sievert sieverts", "Gy": "Gy", "F": "farad farads",
    "C": "coulomb coulombs", "H": "H henry henries henrys", "B": "byte bytes", "bit": "bit bits", "M": "",
}  # fmt: skip
_SHORT = {
    "p": "p", "n": "n", "u": "u", "µ": "u", "m": "m", "c": "c", "d": "d", "k": "k", "M": "M", "G": "G", "T": "T",
    "f": "f", "h": "h",
}  # fmt: skip
_LONG = {
    "pico": "p", "nano": "n", "micro": "u", "milli": "m", "centi": "c", "deci": "d", "kilo": "k", "mega": "M",
    "giga": "G", "tera": "T", "femto": "f", "hecto": "h",
}  # fmt: skip
_SYMBOLS = ("m", "g", "s", "l", "L", "N", "J", "W", "V", "A", "Pa", "Hz", "K", "mol", "ohm", "eV", "T", "cal", "bar",
            "Wb", "lm", "lx", "Bq", "Sv", "Gy", "F", "C", "H", "B", "M")  # fmt: skip
UNITS |= {
    short + symbol: prefix + ("l" if symbol == "L" else symbol)
    for short, prefix in _SHORT.items()
    for symbol in _SYMBOLS
    if short + symbol not in UNITS and short + symbol not in ("as", "pm", "am")
}
UNITS |= {
    long + name: prefix + normal
    for normal, spellings in _PREFIXED.items()
    for name in spellings.split()
    if len(name) > 2
    for long, prefix in _LONG.items()
}
UNITS |= _spellings({normal: spellings for normal, spellings in _PREFIXED.items() if spellings}) | {"pm": "pm"}
UNITS |= {"kgs": "kg", "cc": "cc", "KB": "kB", "KM": "km", "Km": "km", "Kg": "kg", "KG": "kg", "CM": "cm", "Cm": "cm"}
COMPOSED = {
    "mph": {"mi": 1, "h": -1}, "kmh": {"km": 1, "h": -1}, "kph": {"km": 1, "h": -1}, "kmph": {"km": 1, "h": -1},
    "fps": {"ft": 1, "s": -1}, "cc": {"cm": 3},
}  # fmt: skip
UNITS |= {name: name for name in COMPOSED}
_BARE = (
    "m g s l L h t d N J W V K C F in ft yd mi lb oz hr yr mm cm km mg kg ms ml mL kJ kW Pa Hz eV dB nm kV mV mA kN MW "
    "mW MJ GW dm"
)
BARE_UNITS = frozenset(name for name in UNITS if len(name) > 2) | frozenset(_BARE.split())
"""Those that may follow a numeral without a text command: `5M` may be five million, `5kT` is a product."""
