"""The canonical form of an extracted answer, by which samples vote: equal numbers are one vote, however written.

It is made of text alone, by rules of bounded cost, and never asks a verifier: a vote must not know the gold answer.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

MOST_CHARS = 1000
_MOST_DIGITS = 60
_PASSES = 20
_SPACING = re.compile(r"\\[,;:! ]|\\(?:quad|qquad|displaystyle|left|right|limits)(?![A-Za-z])|[$\s]+")
_LOOSE_SPACE = re.compile(r"(?<!\w) +| +(?!\w)")
_TEXT = re.compile(r"\\(?:text|mathrm|mathbf|textbf|mbox|operatorname)\{([^{}]*)\}")
_SHORT_FRACTION = re.compile(r"\\frac(\d)(\d)")
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_DECIMAL = re.compile(r"([+-]?)(\d*)\.?(\d*)")
_RATIO = re.compile(r"([+-]?)(?:\\frac\{([+-]?\d+)\}\{(\d+)\}|(\d+)/(\d+))")


def vote_of(extracted: str | None) -> str | None:
    """The canonical answer, None where there is none. `vote_of(vote_of(text)) == vote_of(text)`."""
    previous, current = None, extracted or ""
    for _ in range(_PASSES):  # what is left may be plainer still: a mark that was dropped had stood between two others
        if current == previous:
            break
        previous, current = current, _once(current)
    return current or None


def _once(extracted: str) -> str:
    text = unicodedata.normalize("NFKC", extracted.strip()[:MOST_CHARS]).strip()
    for command, plain in (("\\dfrac", "\\frac"), ("\\tfrac", "\\frac"), ("−", "-"), ("\\%", ""), ("%", "")):
        text = text.replace(command, plain)
    text = text.replace("{,}", ",").replace("\\$", "")
    # A space stays between two words or numbers: 1 2 3 is not 12 3, nor 2 1/2 21/2.
    text = _LOOSE_SPACE.sub("", _SPACING.sub(" ", _TEXT.sub(r"\1", text)))
    text = _SHORT_FRACTION.sub(r"\\frac{\1}{\2}", text).rstrip(".")
    number = _number(_THOUSANDS.sub("", text))
    return str(number) if number is not None else text.casefold()


def _number(text: str) -> Fraction | None:
    """The exact value of an integer, a decimal or a ratio of integers; None for anything else."""
    if not text or len(text) > _MOST_DIGITS or not text.isascii():
        return None
    if ratio := _RATIO.fullmatch(text):
        sign, top, bottom, plain_top, plain_bottom = ratio.groups()
        below = int(bottom or plain_bottom)
        value = Fraction(int(top or plain_top), below) if below else None
        return -value if value is not None and sign == "-" else value
    decimal = _DECIMAL.fullmatch(text)
    if decimal is None or not (decimal[2] or decimal[3]):
        return None
    value = Fraction(int(decimal[2] or "0")) + Fraction(int(decimal[3] or "0"), 10 ** len(decimal[3]))
    return -value if decimal[1] == "-" else value
