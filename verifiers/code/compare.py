"""Whether what a program wrote is what was wanted. `CHECKERS` is the table; a row may bring a checker of its own."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping

_TOLERANCE = 1e-6


def exact(found: str, wanted: str) -> bool:
    """Character by character, but for the end of the last line."""
    return found.rstrip("\n") == wanted.rstrip("\n")


def lines(found: str, wanted: str) -> bool:
    """Line by line, without blanks at the ends of lines and at the end of all."""
    return _lines(found) == _lines(wanted)


def tokens(found: str, wanted: str) -> bool:
    """Word by word, however they are spaced."""
    return found.split() == wanted.split()


def tokens_any_case(found: str, wanted: str) -> bool:
    return found.lower().split() == wanted.lower().split()


def floats(found: str, wanted: str) -> bool:
    """Word by word; where a number with a point or an exponent is wanted, within 1e-6, absolute or relative."""
    left, right = found.split(), wanted.split()
    return len(left) == len(right) and all(_near(a, b) for a, b in zip(left, right, strict=True))


def lines_any_order(found: str, wanted: str) -> bool:
    return Counter(_lines(found)) == Counter(_lines(wanted))


CHECKERS: Mapping[str, Callable[[str, str], bool]] = {
    check.__name__: check for check in (tokens, lines, exact, floats, tokens_any_case, lines_any_order)
}


def _lines(text: str) -> list[str]:
    return [line.rstrip() for line in text.rstrip().splitlines()]


def _near(found: str, wanted: str) -> bool:
    if found == wanted:
        return True
    if len(found) > 400 or len(wanted) > 400 or "_" in found or not set(".eE") & set(wanted):
        return False  # an integer is equal or is not
    try:
        left, right = float(found), float(wanted)
    except ValueError:
        return False
    return math.isfinite(left) and math.isclose(left, right, rel_tol=_TOLERANCE, abs_tol=_TOLERANCE)
