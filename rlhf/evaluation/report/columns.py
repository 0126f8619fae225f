"""The numbers of `metrics.jsonl` by metric, read row by row: a mixture of experts logs thousands of metrics a step."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import overload

from rlhf.metrics.jsonl import iter_metrics


class Recorded(Sequence[float | None]):
    """A metric's value at each step, None where a step has none. 9 bytes a step; a list of floats takes 32."""

    __slots__ = ("_held", "_values")

    def __init__(self) -> None:
        self._values = array("d")
        self._held = bytearray()

    def put(self, index: int, value: float) -> None:
        """The value of step `index`, which is later than those put before; the steps between have none."""
        self.fill(index)
        try:
            self._values.append(value)
        except OverflowError:  # an integer beyond the floats
            self._values.append(float("inf") if value > 0 else float("-inf"))
        self._held.append(1)

    def fill(self, length: int) -> None:
        """Adds steps without a value up to so many in all."""
        missing = length - len(self._values)
        self._values.extend([0.0] * missing)
        self._held.extend(bytes(max(0, missing)))

    def __len__(self) -> int:
        return len(self._values)

    @overload
    def __getitem__(self, index: int) -> float | None: ...
    @overload
    def __getitem__(self, index: slice) -> list[float | None]: ...
    def __getitem__(self, index: int | slice) -> float | list[float | None] | None:
        if isinstance(index, slice):
            pairs = zip(self._values[index], self._held[index], strict=True)
            return [value if held else None for value, held in pairs]
        return self._values[index] if self._held[index] else None

    def __iter__(self) -> Iterator[float | None]:
        return iter(self[:])


@dataclass(slots=True)
class Columns:
    """steps: of the rows. by_name: in the order in which metrics first appear, each as long as `steps`."""

    steps: list[int] = field(default_factory=list)
    by_name: dict[str, Recorded] = field(default_factory=dict)


def read_columns(path: Path, on_torn: Callable[[], None]) -> Columns:
    """What is no number is left out. Raises MetricsFileError for a malformed line, OSError; a torn last one is told."""
    columns = Columns()
    for row in iter_metrics(path, lambda _: on_torn()):
        for key, value in row.items():
            if key == "step" or not (value is None or type(value) in (int, float)):
                continue
            column = columns.by_name.get(key)
            if column is None:
                column = columns.by_name[key] = Recorded()
            if value is not None:
                column.put(len(columns.steps), value)
        columns.steps.append(row["step"])
    for column in columns.by_name.values():
        column.fill(len(columns.steps))
    return columns
