"""What a file holds, as plain values that the page can rely on: nothing here trusts its input."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rlhf.evaluation.report.page import data_block

TEXT_CHARS = 6_000
SAMPLES_PER_GROUP = 8


def number(value: Any) -> float | int | None:
    """A finite number, else None."""
    if type(value) is int:
        return value
    return value if isinstance(value, float) and value - value == 0.0 else None


def cut(text: str, limit: int = TEXT_CHARS) -> str:
    if len(text) <= limit:
        return text
    half = limit // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters cut …]\n{text[-half:]}"


def verdict(found: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "score": number(found.get("score")),
        "status": str(found.get("status", "")),
        "extracted": None if found.get("extracted") is None else cut(str(found["extracted"]), 500),
        "reason": cut(str(found.get("reason", "")), 500),
    }


def both_outcomes(correct: Sequence[bool], most: int = SAMPLES_PER_GROUP) -> list[int]:
    """At most so many indices in order, correct ones and others among them where there are both."""
    if len(correct) <= most:
        return list(range(len(correct)))
    sides = sorted(([i for i, flag in enumerate(correct) if flag is side] for side in (True, False)), key=len)
    few = sides[0][: most // 2]
    return sorted([*few, *sides[1][: most - len(few)]])


def in_turn(correct: Sequence[bool]) -> list[int]:
    """All indices: a correct one, another, a correct one…"""
    right = [i for i, flag in enumerate(correct) if flag]
    other = [i for i, flag in enumerate(correct) if not flag]
    return [i for pair in _pairs(right, other) for i in pair]


def _pairs(right: list[int], other: list[int]) -> list[list[int]]:
    return [right[i : i + 1] + other[i : i + 1] for i in range(max(len(right), len(other)))]


def size(value: Any) -> int:
    """Characters that it takes in the page."""
    return len(data_block(value))
