"""Which groups are worth learning from. By accuracy, never by the shaped reward: a length penalty gives a group of
right answers a spread that says nothing about being right."""

from __future__ import annotations

from collections.abc import Sequence


def accuracy_reason(correct_G: Sequence[bool]) -> str | None:
    """Why a group is left out under dynamic sampling (DAPO 2503.14476, eq. 11); None: 0 < right < all."""
    if all(correct_G):
        return "all_correct"
    if not any(correct_G):
        return "none_correct"
    return None
