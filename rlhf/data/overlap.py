"""Which training prompts are held out too, by normalised text.

Normalised: Unicode NFKC, case folded, dashes and quotes unified, sentence punctuation and spacing dropped.
Operators stay, because they are the question: `4 - 1`, `4 / 1` and `4.1` must not become one text, nor two
mazes that are drawn with `#` and `.`. So `.`, `,`, `;`, `:`, `!` and `?` go only where they end a word, and
spaces only beside something that is no letter or digit.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-"))
_QUOTES = re.compile("[\"'`´‘’‚“”„«»$]")
_WORD_END = re.compile(r"(?<=\w)[.,;:!?…]+(?=\s|$)")
_TEXT_END = re.compile(r"[\s.,;:!?…]+$")
_BESIDE_SYMBOL = re.compile(r"\s+(?=[^\w\s])|(?<=[^\w\s])\s+")
_SPACE = re.compile(r"\s+")


def normalise(text: str) -> str:
    """`normalise(normalise(t)) == normalise(t)`. A text of nothing but punctuation stays as it is."""
    previous, current = None, text
    while current != previous:  # dropping a mark may bring the next one to the end of a word
        previous, current = current, _once(current)
    return current


def _once(text: str) -> str:
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    text = _QUOTES.sub("", text.translate(_DASHES))
    text = _WORD_END.sub("", text)
    text = _TEXT_END.sub("", text) or text
    text = _BESIDE_SYMBOL.sub("", text)
    return _SPACE.sub(" ", text).strip()


def fingerprint(text: str) -> bytes:
    """16 bytes that stand for the normalised text: what is kept in memory instead of it."""
    return hashlib.blake2b(normalise(text).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def count_duplicates(fingerprints: Iterable[bytes]) -> int:
    """How many have an equal one before them."""
    seen: set[bytes] = set()
    total = 0
    for total, mark in enumerate(fingerprints, start=1):  # noqa: B007
        seen.add(mark)
    return total - len(seen)
