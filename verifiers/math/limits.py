"""What an answer may cost, decided before anything is computed. Every bound is a size, none is a time.

Text is bounded before it is read (characters, nesting, digits); values are bounded while they are evaluated, operation
by operation, before the operation is done (bits of a power, arguments of factorials). sympy sees only what has passed
both.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Any

MAX_WRITTEN = 20_000
"""Characters of an answer as it stands in its box; MAX_CHARS is of what normalisation leaves of it."""
MAX_CHARS = 2000
MAX_DEPTH = 30
MAX_RECURSION = 150
MAX_TREE_DEPTH = 100
MAX_DIGITS = 1000
MAX_ITEMS = 200
MAX_NODES = 5000
MAX_ENTRIES = 400
MAX_DETERMINANT = 4
MAX_BITS = 1 << 17
MAX_FACTORIAL = 1000
MAX_BRANCHES = 64
MAX_DEGREE = 100

_LONG_NUMBER = re.compile(rf"\d{{{MAX_DIGITS + 1}}}")


class RefusedError(Exception):
    """Beyond a bound; the message names it."""


class UnreadableError(Exception):
    """Not in the grammar; the message says what was found."""


def check_text(text: str) -> None:
    """Raise RefusedError on text that is too long to be read. Linear, and the first thing that is done to it."""
    if len(text) > MAX_CHARS:
        raise RefusedError(f"longer than {MAX_CHARS} characters")
    if _LONG_NUMBER.search(text):
        raise RefusedError(f"a number of more than {MAX_DIGITS} digits")


def check_depth(depth: int, most: int = MAX_DEPTH) -> None:
    """depth: of brackets, of the parser's recursion, or of a tree."""
    if depth > most:
        raise RefusedError(f"nested deeper than {most}")


def check_bits(bits: float | Fraction, what: str = "a number") -> None:
    """bits: an upper bound on the size of what would be computed, as a logarithm to base 2."""
    if bits > MAX_BITS:
        raise RefusedError(f"{what} of more than {MAX_BITS} bits")


def check_factorial(argument: Any) -> None:
    """argument: a number of any kind, mpmath's among them."""
    if argument > MAX_FACTORIAL:
        raise RefusedError(f"a factorial or binomial above {MAX_FACTORIAL}")
