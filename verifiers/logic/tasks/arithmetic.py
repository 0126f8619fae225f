"""Numbers and expressions."""

from __future__ import annotations

from verifiers.logic.tasks.table import Task

_INTEGER = "a whole number"
_DECIMAL = "a decimal"


def _integer(name: str, note: str = "") -> Task:
    return Task(name, _INTEGER, "gold", "values:INTEGER", note)


TASKS = (
    _integer("aiw", "few values: a guess is right 1 time in 6"),
    _integer("basic_arithmetic"),
    _integer("binary_alternation", "few values"),
    _integer("chain_sum"),
    _integer("count_bits", "few values"),
    _integer("count_primes"),
    _integer("gcd", "often 1"),
    _integer("gsm_symbolic"),
    _integer("largest_island", "few values"),
    _integer("lcm"),
    _integer("leg_counting"),
    _integer("letter_counting", "few values"),
    _integer("maze", "few values: the length of a path, not the path"),
    _integer("number_sequence"),
    _integer("products"),
    _integer("rectangle_count", "few values; the scorer paid near misses"),
    _integer("rotten_oranges", "few values"),
    _integer("self_reference", "few values, mostly 1 to 3"),
    Task("simple_equations", _INTEGER, "gold", "values:ROOT", "`u = 95` where u was asked for"),
    Task("base_conversion", "digits in a base", "own", "values:BASED"),
    Task("bitwise_arithmetic", "a hexadecimal number, 0x…", "gold", "values:HEXADECIMAL"),
    Task("decimal_chain_sum", _DECIMAL, "gold", "values:DECIMAL"),
    Task(
        "decimal_arithmetic",
        _DECIMAL,
        "own",
        "values:SIGNIFICANT",
        "to one unit of the last digit asked for, of the exact value or of the answer, which is rounded at every step; "
        "the scorer allowed 0.001",
    ),
    Task("number_format", _DECIMAL, "own", "values:PICKED", "the candidate itself; the scorer allowed 0.01"),
    Task("power_function", _DECIMAL, "own", "values:POWER", "the true power, both to 3 significant digits"),
    Task("simple_geometry", "a decimal, in degrees", "gold", "values:ANGLE"),
    Task(
        "advanced_geometry",
        "a decimal (degrees), or (x, y)",
        "own",
        "values:GEOMETRY",
        "the true value to the places given, at least 3, of an angle 2",
    ),
    Task(
        "coin_flip",
        "a decimal, fraction or percentage",
        "own",
        "values:PROBABILITY",
        "exact, or to 10 significant digits; the scorer took 0 for small ones",
    ),
    Task("dice", "a fraction", "gold", "values:REDUCED_FRACTION", "in its lowest terms"),
    Task(
        "fraction_simplification",
        "a fraction",
        "gold",
        "values:REDUCED_FRACTION",
        "in its lowest terms; the scorer paid any text",
    ),
    Task(
        "complex_arithmetic",
        "a + bi",
        "own",
        "values:COMPLEX",
        "both parts exactly; the scorer paid nan and near misses",
    ),
    Task("pool_matrix", "rows of decimals", "own", "values:POOLED", "each cell to 2 places; the scorer allowed 1%"),
    Task(
        "countdown",
        "an expression of + - * / ( )",
        "own",
        "algebra:COUNTDOWN",
        "uses every number once, is worth the target; the scorer evaluated text",
    ),
    Task(
        "puzzle24",
        "an expression of + - * / ( )",
        "own",
        "algebra:PUZZLE24",
        "uses every number once, is worth 24; the scorer evaluated text and took any four numbers",
    ),
    Task(
        "polynomial_multiplication",
        "a polynomial",
        "own",
        "algebra:PRODUCT",
        "equal and multiplied out; the scorer evaluated text",
    ),
    Task(
        "polynomial_equations",
        "decimals with commas, or nothing",
        "own",
        "corrected:ROOTS",
        "all real roots, worked out here, each to 0.0001 (rounded or cut); answers may lack some",
    ),
    Task(
        "simple_integration",
        "a polynomial",
        "own",
        "algebra:POLYNOMIAL_INTEGRAL",
        "its derivative is the integrand; the scorer evaluated text",
    ),
    Task(
        "intermediate_integration",
        "an expression of elementary functions",
        "own",
        "algebra:INTEGRAL",
        "its derivative is the integrand, to 25 digits at points that depend on the answer; the scorer evaluated text",
        forked=True,
    ),
    Task(
        "prime_factorization",
        "numbers with × between",
        "own",
        "algebra:FACTORS",
        "the primes; the scorer raised on other text and paid the number itself",
    ),
    Task("cryptarithm", "A=1,B=2,…", "own", "algebra:CRYPTARITHM", "any digits under which the sum holds"),
    Task(
        "calendar_arithmetic",
        "a weekday, a number, or Yes or No",
        "gold",
        "text:CALENDAR",
        "a guess is right 1 time in 7, or in 2; the scorer paid any number",
    ),
    Task(
        "time_intervals",
        "D days, HH:MM:SS.mmm, as asked",
        "own",
        "corrected:DURATION",
        "worked out here where the answer drops the time of day, or loses a millisecond; the scorer paid near misses",
    ),
)
