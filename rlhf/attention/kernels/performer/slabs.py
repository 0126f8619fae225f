"""The chunks of a packed axis, some at a time: whole waves, so that a recurrence can go on from slab to slab."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

Index = tuple[slice, slice]
"""Of heads (all) and of chunks or sequences."""


@dataclass(frozen=True, slots=True)
class Slab:
    """waves: (first chunk, the one behind its last) of each."""

    waves: Sequence[tuple[int, int]]

    @property
    def chunks(self) -> Index:
        return slice(None), slice(self.waves[0][0], self.waves[-1][1])

    def each(self) -> Iterator[tuple[Index, Index]]:
        """Of every wave: its chunks within the slab, and its sequences."""
        start = self.waves[0][0]
        return (((slice(None), slice(a - start, b - start)), (slice(None), slice(b - a))) for a, b in self.waves)

    def back(self) -> Iterator[tuple[Index, Index]]:
        """The same, the last wave first."""
        return reversed(list(self.each()))


def slabs(waves: Sequence[int], chunks: int) -> list[Slab]:
    """As few waves to a slab as give it at least `chunks` chunks; the last one may have fewer."""
    found: list[Slab] = []
    gathered: list[tuple[int, int]] = []
    for wave in pairwise(accumulate(waves, initial=0)):
        gathered.append(wave)
        if wave[1] - gathered[0][0] >= chunks:
            found.append(Slab(gathered))
            gathered = []
    return [*found, Slab(gathered)] if gathered else found
