"""`repetition`: how much of a response repeats what it said before, or is a loop at its end. Linear time and memory.

`ngrams`: the share of its n-grams that occurred before (Yeo et al. 2502.03373, appendix C.2). `loop`: the share of it
that is one sequence of words over and over, to the end or nearly, three times or more.
"""

from __future__ import annotations

import itertools
import operator
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.registry import verifier
from verifiers.shape.parts import PARTS, part_of, words_of

MEASURES = ("ngrams", "loop")
LOOPS = 3
LAST_WORDS = 20
"""A loop may be followed by so many words, and still be one to the end."""
WORDS_PER_NUMBER = 10
"""Where there are so many words to a number or more, numbers are alike: a loop with a counter is a loop. Where numbers
are denser, as in a table of values, they are what is said."""
_FEW_WORDS = 2000
_BELOW_ONE = 1.0 - 1e-9
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Words:
    """Words as numbers. alike: the same with all digits alike. has_digit: of each, whether it holds one."""

    exact: Sequence[int]
    alike: Sequence[int]
    has_digit: Sequence[bool]

    @classmethod
    def of(cls, text: str) -> Words:
        """In lower case."""
        numbers: dict[str, int] = {}
        words = words_of(text.lower())
        masked = [_DIGITS.sub("0", word) for word in words]
        exact, alike = ([numbers.setdefault(word, len(numbers)) for word in of] for of in (words, masked))
        return cls(exact, alike, ["0" in word for word in masked])


def repeated_ngrams(words: Sequence[int], n: int) -> float:
    """Share of the n-grams of `words` that are not their first occurrence; 0 where there are none."""
    total = len(words) - n + 1
    return 1.0 - len(set(_ngrams(words, n))) / total if total > 0 else 0.0


def _ngrams(words: Sequence[int], n: int) -> Iterator[tuple[int, ...]]:
    return zip(*(itertools.islice(words, i, None) for i in range(n)), strict=False)


def repeated(words: Words, n: int) -> float:
    """As `repeated_ngrams`, where n-grams with few numbers may differ in their digits."""
    total = len(words.exact) - n + 1
    if total <= 0 or not any(words.has_digit):
        return repeated_ngrams(words.exact, n)
    held = [0, *itertools.accumulate(map(int, words.has_digit))]
    few = [held[i + n] - held[i] <= n // WORDS_PER_NUMBER for i in range(total)]
    distinct = len(set(itertools.compress(_ngrams(words.alike, n), few)))
    return 1.0 - (distinct + len(set(itertools.compress(_ngrams(words.exact, n), map(operator.not_, few))))) / total


def final_loop(words: Sequence[int]) -> float:
    """Share of `words` in the longest end that is LOOPS or more of the same sequence, the first perhaps cut off."""
    return _loop(words)[0] / len(words) if words else 0.0


def _loop(words: Sequence[int]) -> tuple[int, int]:
    """How many words that end has, and after how many it repeats itself.

    The prefix function of the reversed words (Knuth, Morris, Pratt 1977): of their first k, the shortest period is
    k - border[k].
    """
    backwards = words[::-1]
    border, longest, period = [0] * (len(words) + 1), 0, 0
    held = 0
    for end in range(2, len(words) + 1):
        while held and backwards[end - 1] != backwards[held]:
            held = border[held]
        held += backwards[end - 1] == backwards[held]
        border[end] = held
        if held and (end - held) * LOOPS <= end:
            longest, period = end, end - held
    return longest, period


def looped(words: Words) -> float:
    """As `final_loop`, but that up to LAST_WORDS may follow the loop, and that a loop with few numbers may differ in
    their digits."""
    total, longest = len(words.exact), 0
    ends = range(LAST_WORDS + 1) if total <= _FEW_WORDS else (0, LAST_WORDS)
    for of in (words.exact, words.alike) if any(words.has_digit) else (words.exact,):
        for left in ends:
            end = total - left
            length, period = _loop(of[: max(end, 0)])
            start = end - length
            while length and end < total and of[end] == of[end - period]:
                end += 1
            if of is words.exact or sum(words.has_digit[start:end]) * WORDS_PER_NUMBER <= end - start:
                longest = max(longest, end - start)
    return longest / total if total else 0.0


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
    words = Words.of(part_of(sample.response, part, think_close))
    if not words.exact:
        return Verdict.unparsed(f"no words in the {part}")
    share = repeated(words, n) if measure == "ngrams" else looped(words)
    reason = f"{share:.1%} of its {len(words.exact):,} words {_SAID[measure].format(n=n)}"
    if share <= allowed:
        return Verdict.correct(reason=reason)
    return Verdict.wrong(reason=reason, score=min(1.0 - share, _BELOW_ONE))


_SAID = {"ngrams": "begin {n} that stood before", "loop": "are a loop to its end"}
