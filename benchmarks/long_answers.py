"""What the sides of long_context answered: curves over length, tables of them, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.common import median
from benchmarks.curves import Curve, at, crossover, crossover_in_words, growth, ratio, seconds_each
from rlhf.recipe.attention_schema import SOFTMAX

MIB = 1 << 20
Table = tuple[str, Sequence[str], list[list[object]]]


@dataclass(frozen=True, slots=True)
class Quantity:
    title: str
    unit: str

    def __str__(self) -> str:
        return f"{self.title}, {self.unit}"


LEARN_SECONDS, LEARN_MEMORY, MEMORY = "learn_seconds", "learn_memory", "memory"
GENERATE_SECONDS, GENERATE_EACH = "generate_seconds", "generate_each"
GENERATE_CACHE, GENERATE_RESIDENT = "generate_cache", "generate_resident"
QUANTITIES: Mapping[str, Quantity] = {
    LEARN_SECONDS: Quantity("learn: time of a step", "seconds"),
    LEARN_MEMORY: Quantity("learn: peak memory of a step, above what is loaded", "MiB"),
    MEMORY: Quantity("memory: peak of a step, above what is loaded", "MiB"),
    GENERATE_SECONDS: Quantity("generate: time until that length", "seconds"),
    GENERATE_EACH: Quantity("generate: time a token of each sequence, at that length", "milliseconds"),
    GENERATE_CACHE: Quantity("generate: cache pages in use at that length", "MiB"),
    GENERATE_RESIDENT: Quantity("generate: resident memory of the engine's worker at that length", "MiB"),
}
COMPARED = (LEARN_SECONDS, LEARN_MEMORY, MEMORY, GENERATE_SECONDS, GENERATE_EACH, GENERATE_CACHE)


class Answers:
    """Every value by what it is (a key of QUANTITIES), by policy and variant, and by length; of several rounds, all."""

    def __init__(self, lengths: Sequence[int]) -> None:
        self.lengths = list(lengths)
        self._values: dict[str, dict[str, dict[int, list[float]]]] = {}
        self._rivals: dict[tuple[str, str], str] = {}

    def learnt(self, policy: str, words: str, answer: Mapping[str, Any]) -> None:
        for length, seconds in answer["seconds"].items():
            for each in seconds:
                self._add(LEARN_SECONDS, policy, words, int(length), each)
        for length, peak in answer["peak"].items():
            self._add(LEARN_MEMORY, policy, words, int(length), peak / MIB)

    def remembered(self, policy: str, variant: str, answer: Mapping[str, Any]) -> None:
        for length, peak in answer["peak"].items():
            self._add(MEMORY, policy, f", {variant}", int(length), peak / MIB)

    def generated(self, policy: str, batch: int, answer: Mapping[str, Any]) -> None:
        words, points = f", {batch} at a time", answer["points"]
        for length in self.lengths:
            self._add(GENERATE_SECONDS, policy, words, length, at(points, length))
            self._add(GENERATE_EACH, policy, words, length, 1e3 * seconds_each(points, length))
        for length, held in answer["held"].items():
            self._add(GENERATE_CACHE, policy, words, int(length), held["cache"] / MIB)
            self._add(GENERATE_RESIDENT, policy, words, int(length), held["resident"] / MIB)

    def _add(self, what: str, policy: str, words: str, length: int, value: float) -> None:
        row = f"{policy}{words}"
        self._values.setdefault(what, {}).setdefault(row, {}).setdefault(length, []).append(value)
        self._rivals[what, row] = f"{SOFTMAX}{words}"

    def curves(self, what: str) -> dict[str, Curve]:
        """By row; the medians of all rounds and repeats."""
        rows = self._values.get(what, {})
        return {name: {n: median(values) for n, values in sorted(row.items())} for name, row in rows.items()}

    def tables(self) -> list[Table]:
        found: list[Table] = []
        for what in self._values:
            rows: list[list[object]] = [
                [name, *(curve.get(n, "") for n in self.lengths), growth(curve)]
                for name, curve in self.curves(what).items()
            ]
            found.append((str(QUANTITIES[what]), ("", *(f"{n:,}" for n in self.lengths), "growth"), rows))
        return found

    def summary(self) -> tuple[Sequence[str], list[list[object]]]:
        """Of seconds and memory, each hybrid against softmax in the same variant."""
        rows: list[list[object]] = []
        for what in COMPARED:
            curves = self.curves(what)
            for name, curve in curves.items():
                rival = curves.get(self._rivals[what, name])
                if rival is not None and rival is not curve:
                    rows.append(
                        [f"{QUANTITIES[what].title}: {name}", crossover_in_words(rival, curve), _of(rival, curve)]
                    )
        return ("", "below softmax from", f"softmax / it at {max(self.lengths):,}"), rows

    def as_json(self) -> dict[str, Any]:
        """curves: [tokens, median] each; values: of every round; crossovers: tokens, null where there is none."""
        curves = {what: self.curves(what) for what in self._values}
        crossovers = {
            what: {
                name: crossover(rows[self._rivals[what, name]], curve)
                for name, curve in rows.items()
                if self._rivals[what, name] in rows and self._rivals[what, name] != name
            }
            for what, rows in curves.items()
            if what in COMPARED
        }
        return {
            "quantities": {what: asdict(QUANTITIES[what]) for what in curves},
            "curves": {w: {name: list(c.items()) for name, c in rows.items()} for w, rows in curves.items()},
            "values": self._values,
            "crossovers": crossovers,
        }


def _of(base: Curve, other: Curve) -> object:
    found = ratio(base, other)
    return "–" if found is None else found
