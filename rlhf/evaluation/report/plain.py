"""What a file holds, as plain values that the page can rely on: nothing here trusts its input."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from rlhf.evaluation.report.page import data_block
from rlhf.shown_samples import SAMPLES_PER_GROUP

TEXT_CHARS = 6_000
NAME_CHARS = 200
RUNGS = ((SAMPLES_PER_GROUP, TEXT_CHARS), (8, 3_000), (4, 4_000), (4, 2_000), (2, 2_000), (2, 800), (2, 200), (1, 60))
"""Samples and characters of each text, for a group that is too large for its share of the page: from most to least."""

T = TypeVar("T")


def number(value: Any) -> float | int | None:
    """A finite number, else None."""
    if type(value) is int:
        return value
    return value if isinstance(value, float) and value - value == 0.0 else None


def cut(text: str, limit: int = TEXT_CHARS, of: int = 0) -> str:
    """The text, or its ends with a remark between them. of: characters that it had, where `text` is only its ends."""
    of = max(of, len(text))
    if of <= limit:
        return text
    half = max(1, limit // 2)
    return f"{text[:half]}\n[… {of - 2 * half:,} characters cut …]\n{text[-half:]}"


def verdict(found: Mapping[str, Any], limit: int = 500) -> dict[str, Any]:
    return {
        "score": number(found.get("score")),
        "status": cut(str(found.get("status", "")), NAME_CHARS),
        "extracted": None if found.get("extracted") is None else cut(str(found["extracted"]), min(500, limit)),
        "reason": cut(str(found.get("reason", "")), min(500, limit)),
    }


def in_turn(correct: Sequence[bool]) -> list[int]:
    """All indices: a correct one, another, a correct one…"""
    right = [i for i, flag in enumerate(correct) if flag]
    other = [i for i, flag in enumerate(correct) if not flag]
    return [i for pair in _pairs(right, other) for i in pair]


def _pairs(right: list[int], other: list[int]) -> list[list[int]]:
    return [right[i : i + 1] + other[i : i + 1] for i in range(max(len(right), len(other)))]


def size(value: Any) -> int:
    """Bytes that it takes in the page."""
    return len(data_block(value).encode())


def fitting(make: Callable[[int, int], T], room: int) -> tuple[T, int] | None:
    """What `make(samples, characters of a text)` gives, the most of it that fits; and the characters.

    None where not even the least fits.
    """
    for samples, chars in RUNGS:
        made = make(samples, chars)
        if size(made) <= room:
            return made, chars
    return None
