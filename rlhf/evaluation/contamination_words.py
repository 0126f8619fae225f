"""The words that contamination is judged by: the same for two texts that differ only in how they are put.

A word is a run of letters or a run of digits (so `5x` is two), in scripts written without spaces a single character.
Case, spacing, punctuation and markup do not count: Unicode NFKC, case folded; apostrophes, invisible characters and
the commas of thousands leave no gap, all else that is no letter or digit is one. Of LaTeX, Greek letters (`\\pi` is
`π`) and names of functions (`\\sin`) are words; other commands draw symbols or lay out, so that `\\dfrac{1}{2}`,
`\\frac12` and `1/2` are the words 1, 2. `[asy]` drawings are left out.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

_GREEK = (
    "alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma tau upsilon phi "
    "chi psi omega"
)
_FUNCTIONS = (
    "sin cos tan cot sec csc arcsin arccos arctan sinh cosh tanh log ln lg exp max min gcd lcm lim sup inf det deg "
    "dim ker arg mod pmod bmod"
)
_SIGN_COMMANDS = {
    "times": "*", "cdot": "*", "div": "÷", "pm": "±", "mp": "∓", "sqrt": "√",
    "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥", "ne": "≠", "neq": "≠", "lt": "<", "gt": ">",
}  # fmt: skip
_COMMANDS = {
    **{name: unicodedata.lookup(f"GREEK SMALL LETTER {name.replace('lambda', 'lamda')}") for name in _GREEK.split()},
    "varepsilon": "ε",
    "vartheta": "θ",
    "varphi": "φ",
    "varrho": "ρ",
    **{name: name for name in _FUNCTIONS.split()},
    **_SIGN_COMMANDS,
}

_NO_SPACES = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Chinese and Japanese
_WORD = re.compile(rf"[^\W\d_{_NO_SPACES}]+|\d+|[{_NO_SPACES}]")
_ASCII_WORD = re.compile(r"[a-z]+|[0-9]+")
_DRAWING, _DRAWN = "[asy]", "[/asy]"
_ENVIRONMENT = re.compile(r"\\(?:begin|end)\s*\{[a-z*]*\}(?:\{[clr|\s]*\})?")
_BARE_FRACTION = re.compile(r"\\[dtc]?frac\s*(\d)(?=\d)")
_COMMAND = re.compile(r"\\(?:([a-z]+)|.)?", re.DOTALL)
_THOUSANDS = re.compile(r"(?<=\d)(?:,\\!|,|\{,\}|\\,)(?=\d{3}(?!\d))")
_APOSTROPHES = re.compile("['’‘ʼ`´]")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")

# ASCII texts, most of all, need no pattern: bytes are mapped to lower-case letters, digits and spaces, and to the shape
# that tells whether a pattern would find anything: a for a letter, 0 for a digit, commas and backslashes as they are.
_QUOTES = b"'`"
_LETTERS = bytes(ord(c.lower()) if c.isascii() and c.isalnum() else 32 for c in map(chr, range(256)))
_SHAPE = bytes(
    97 if c.isalpha() else 48 if c.isdigit() else ord(c) if c in ",\\" else 32 for c in map(chr, range(128))
) + bytes(128)

_SIGNS = "+-*÷=<>≤≥≠±∓√"
_TAG = re.compile(r"</?([a-z][a-z0-9]*) ?/?>")  # of HTML: no comparison
_SIGN_FORMS = str.maketrans({"−": "-", "–": "-", "—": "-", "‐": "-", "‑": "-", "‒": "-", "×": "*", "·": "*", "⋅": "*"})


def words_of(text: str) -> list[str]:
    """The words of a text, in order. `words_of(" ".join(words_of(t))) == words_of(t)`."""
    if text.isascii() and "{,}" not in text and "[" not in text:
        raw = text.encode()
        shape = raw.translate(_SHAPE, _QUOTES)
        if not (b"\\" in shape or b"a0" in shape or b"0a" in shape or b"0,0" in shape):
            return raw.translate(_LETTERS, _QUOTES).decode().split()
    return _searched(text)


def _searched(text: str) -> list[str]:
    """The words of any text."""
    clean = _clean(text)
    return (_ASCII_WORD if clean.isascii() else _WORD).findall(clean)


def normalise(text: str) -> str:
    """The words with a space between them."""
    return " ".join(words_of(text))


def signed_words(text: str) -> list[str]:
    """`words_of`, with the arithmetic signs before a word of digits or of one letter put in front of it.

    In a short question the signs are what is asked: `4 - 1` is not `4 + 1`. Fraction bars and powers are left out,
    as they are written in ways (`½`, `x²`) that do not tell them.
    """
    clean = _TAG.sub(r" \1 ", _clean(text).translate(_SIGN_FORMS))
    found, end = [], 0
    for match in _WORD.finditer(clean):
        word, gap = match[0], clean[end : match.start()].replace("**", "")
        counts = len(word) == 1 or word[0].isdigit()
        found.append("".join(c for c in gap if c in _SIGNS) + word if counts else word)
        end = match.end()
    return found


def _clean(text: str) -> str:
    """Case folded and without LaTeX commands: what words can be picked from."""
    if not text.isascii():
        text = _folded(text)
    text = text.lower()
    if _DRAWING in text:
        text = _without_drawings(text)
    if "," in text:
        text = _THOUSANDS.sub("", text)
    if "\\" in text:
        text = _BARE_FRACTION.sub(r" \1 ", _ENVIRONMENT.sub(" ", text))
        text = _COMMAND.sub(lambda match: f" {_COMMANDS.get(match[1], '')} ", text)
    return text.replace("'", "").replace("`", "")


def _folded(text: str) -> str:
    """NFKC, case folded, without apostrophes and invisible characters: repeated, as each may make way for another."""
    previous = None
    while text != previous:
        previous = text
        text = _INVISIBLE.sub("", _APOSTROPHES.sub("", text))
        text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    return text


def _without_drawings(text: str) -> str:
    """Searched by hand: a pattern takes quadratic time on a text of nothing but beginnings."""
    kept, end = [], 0
    while (start := text.find(_DRAWING, end)) >= 0 and (stop := text.find(_DRAWN, start)) >= 0:
        kept.append(text[end:start])
        end = stop + len(_DRAWN)
    return " ".join([*kept, text[end:]])


def excerpt(text: str, start: int, stop: int, around: int = 8, longest: int = 40) -> tuple[str, str, str]:
    """(before, matched, after): words start…stop of a text as it is written there, with some words on either side.

    A matched part of more than `longest` words is shortened in its middle. Where the text cannot be cut at its spaces
    without changing its words (a LaTeX drawing across lines, say), the normalised words are shown instead.
    """
    pieces, place = _cut(text)
    first, last = place[start], place[stop - 1] + 1
    before = pieces[place[max(start - around, 0)] : first]
    after = pieces[last : place[min(stop + around, len(place)) - 1] + 1]
    matched = pieces[first:last]
    if len(matched) > longest:
        matched = [*matched[: longest // 2], "[…]", *matched[-(longest // 2) :]]
    return " ".join(before), " ".join(matched), " ".join(after)


def _cut(text: str) -> tuple[Sequence[str], Sequence[int]]:
    """The text cut at spaces, and for every word the number of the piece it stands in."""
    text = _without_drawings(text)
    pieces = text.split()
    words = [words_of(piece) for piece in pieces]
    whole = words_of(text)
    if [word for part in words for word in part] != whole:
        return whole, range(len(whole))
    return pieces, [number for number, part in enumerate(words) for _ in part]
