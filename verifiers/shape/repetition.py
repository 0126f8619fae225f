"""`repetition`: how much of a response repeats what it said before, or is a loop at its end. Linear time and memory.

`ngrams`: the share of its n-grams that occurred before (Yeo et al. 2502.03373, appendix C.2). `loop`: the share of it
that is one sequence of words over and over, to the end, three times or more.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.registry import verifier
from verifiers.shape.parts import PARTS, part_of, words_of

MEASURES = ("ngrams", "loop")
LONGEST_WORD = 16
"""Characters; a longer run without spaces is cut into words of this length, so that `aaaa…` repeats itself too."""
LOOPS = 3
_BELOW_ONE = 1.0 - 1e-9


def repeated_ngrams(words: Sequence[int], n: int) -> float:
    """Share of the n-grams of `words` that are not their first occurrence; 0 where there are none."""
    total = len(words) - n + 1
    if total <= 0:
        return 0.0
    distinct = len(set(zip(*(itertools.islice(words, i, None) for i in range(n)), strict=False)))
    return 1.0 - distinct / total


def final_loop(words: Sequence[int]) -> float:
    """Share of `words` in the longest end of it that is LOOPS or more of the same sequence, the first perhaps cut off.

    The prefix function of the reversed words (Knuth, Morris, Pratt 1977): of their first k, the shortest period is
    k - border[k].
    """
    backwards = words[::-1]
    border, longest = [0] * (len(words) + 1), 0
    held = 0
    for end in range(2, len(words) + 1):
        while held and backwards[end - 1] != backwards[held]:
            held = border[held]
        held += backwards[end - 1] == backwards[held]
        border[end] = held
        if held and (end - held) * LOOPS <= end:
            longest = end
    return longest / len(words) if words else 0.0


def _check(measure: str, n: int, allowed: float, part: str) -> None:
    if measure not in MEASURES:
        raise ValueError(f"measure: found {measure!r}; write one of {', '.join(MEASURES)}")
    if not 1 <= n <= 100:
        raise ValueError(f"n: found {n}; write 1 to 100")
    if not 0.0 <= allowed < 1.0:
        raise ValueError(f"allowed: found {allowed!r}; write a share from 0.0 to below 1.0")
    if part not in PARTS:
        raise ValueError(f"part: found {part!r}; write one of {', '.join(PARTS)}")


def _prepare(
    measure: str = "ngrams", n: int = 20, allowed: float = 0.1, part: str = "response", **_config: Any
) -> None:
    _check(measure, n, allowed, part)


@verifier("repetition", summary="little of the response repeats what it said", needs_reference=False, prepare=_prepare)
def repetition_verifier(
    sample: Sample,
    measure: str = "ngrams",
    n: int = 20,
    allowed: float = 0.1,
    part: str = "response",
    think_close: str = "</think>",
) -> Verdict:
    """Correct where the share is at most `allowed`; else wrong, with 1 - share as partial credit."""
    _check(measure, n, allowed, part)
    words = _numbered(part_of(sample.response, part, think_close))
    if not words:
        return Verdict.unparsed(f"no words in the {part}")
    share = repeated_ngrams(words, n) if measure == "ngrams" else final_loop(words)
    reason = f"{share:.1%} of its {len(words):,} words {_SAID[measure].format(n=n)}"
    if share <= allowed:
        return Verdict.correct(reason=reason)
    return Verdict.wrong(reason=reason, score=min(1.0 - share, _BELOW_ONE))


_SAID = {"ngrams": "begin {n} that stood before", "loop": "are a loop to its end"}


def _numbered(text: str) -> list[int]:
    """Its words in lower case, each as a number: long ones in pieces."""
    numbers: dict[str, int] = {}
    pieces = (
        word[start : start + LONGEST_WORD]
        for word in words_of(text.lower())
        for start in range(0, len(word), LONGEST_WORD)
    )
    return [numbers.setdefault(piece, len(numbers)) for piece in pieces]
