"""How one task's answers are judged: a parser for their shape, and what makes the parsed value right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Generic, TypeVar

from verifiers.logic.grammar.text import Unreadable

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Entry:
    """A question as reasoning-gym generated it, after JSON. settings: the task's, where they are not the defaults.

    tolerance: the relative error that the recipe grants to decimals.
    """

    task: str
    question: str
    answer: str | None
    metadata: Mapping[str, Any]
    settings: Mapping[str, Any] = field(default_factory=dict)
    tolerance: Fraction = Fraction(0)

    def __getitem__(self, key: str) -> Any:
        if key not in self.metadata:
            raise ValueError(f"metadata.entry: {self.task} is judged by its metadata.{key}, which is missing")
        return self.metadata[key]

    @property
    def gold(self) -> str:
        if self.answer is None:
            raise ValueError(f"metadata.entry: {self.task} is judged by its answer, which is null")
        return self.answer

    def readable(self, read: Callable[[str], T], text: str | None = None) -> T:
        """The entry's own answer (or another text of it), read; what cannot be read is a fault of the data."""
        found = self.gold if text is None else text
        try:
            return read(found)
        except Unreadable as problem:
            raise ValueError(f"metadata.entry: its own {found[:80]!r} cannot be read: {problem}") from problem


@dataclass(frozen=True, slots=True)
class Judged:
    """score: 1 is right. Less than 1 and more than 0 is paid only for a part of the work that a guess does not do."""

    score: float
    reason: str = ""


RIGHT = Judged(1.0)


def wrong(reason: str, score: float = 0.0) -> Judged:
    return Judged(score, reason)


def right_if(holds: bool, reason: str) -> Judged:
    return RIGHT if holds else wrong(reason)


def own_answer(entry: Entry) -> str | None:
    return entry.answer


def no_fault(entry: Entry) -> str | None:
    return None


@dataclass(frozen=True, slots=True)
class Rule(Generic[T]):
    """read: the answer's text into a value, or Unreadable. judge: that value. gold: an answer that must be right; None
    where none is known. fault: why the question has no answer; None where it has."""

    read: Callable[[str, Entry], T]
    judge: Callable[[T, Entry], Judged]
    gold: Callable[[Entry], str | None] = own_answer
    fault: Callable[[Entry], str | None] = no_fault


def same(read: Callable[[str], T], key: Callable[[T], Any] = lambda value: value) -> Rule[T]:
    """Right is what reads as the entry's own answer does. key: of what counts of a value."""

    def judge(value: T, entry: Entry) -> Judged:
        return right_if(key(value) == key(entry.readable(read)), "another value")

    return Rule(lambda text, entry: read(text), judge)
