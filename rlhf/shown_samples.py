"""Which samples of a large group a page shows; of the others no tokens need be kept."""

from __future__ import annotations

from collections.abc import Sequence

SAMPLES_PER_GROUP = 8


def both_outcomes(correct: Sequence[bool], most: int = SAMPLES_PER_GROUP) -> list[int]:
    """At most so many indices in order, correct ones and others among them where there are both."""
    if len(correct) <= most:
        return list(range(len(correct)))
    sides = sorted(([i for i, flag in enumerate(correct) if flag is side] for side in (True, False)), key=len)
    few = sides[0][: most // 2]
    return sorted([*few, *sides[1][: most - len(few)]])
