"""The word n-grams of benchmark questions, laid out so that a stream of training words can be looked up in them.

A window of words has a 64-bit hash: the sum of its words' hashes, each times a power of an odd number, modulo 2^64, so
that the windows of a whole batch of prompts are three operations on arrays (Karp and Rabin 1987). Equal hashes only
make a candidate: words decide.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rlhf.evaluation.contamination_words import signed_words, words_of
from rlhf.evaluation.problem import Problem

WordHash = Callable[[str], int]
Hashes = npt.NDArray[np.uint64]
Positions = npt.NDArray[np.int64]

SHORTEST = 6  # words of a question of fewer than n that can still be told from chance
TEMPLATE = 10  # an n-gram that more problems of a benchmark hold is its wording, none of them
_BASE = np.uint64(0x9E3779B97F4A7C15)
_INVERSE = np.uint64(pow(int(_BASE), -1, 2**64))
_SLOTS_PER_GRAM = 32
_MOST_SLOTS = 24  # bits: 16 MiB


@dataclass(frozen=True, slots=True)
class Question:
    """A text of a problem, as it is looked for. problem: number of that.

    length: words of its n-grams; all of its words where it has fewer than n. windows: how many n-grams it has, template
    ones left out; 0 where it is too short to judge or has only those.
    """

    benchmark: str
    id: str
    problem: int
    text: str
    words: list[str]
    length: int
    windows: int


@dataclass(frozen=True, slots=True)
class GramTable:
    """All n-grams of one length. Those of hash hashes_U[u] are entries starts_U[u] … starts_U[u + 1] - 1.

    question_E, position_E: where entry e stands. holders_E: problems of its benchmark, told apart by their words, that
    have these words. slots: which of the top bits of a hash occur at all.
    """

    length: int
    hashes_U: Hashes
    starts_U: Positions
    question_E: Positions
    position_E: Positions
    holders_E: Positions
    slots: npt.NDArray[np.bool_]
    shift: np.uint64

    def candidates(self, hashes: Hashes) -> tuple[Positions, Positions]:
        """(places in `hashes`, their u) of those that are in the table."""
        likely = np.flatnonzero(self.slots[hashes >> self.shift])
        found = np.searchsorted(self.hashes_U, hashes[likely])
        found[found == len(self.hashes_U)] = 0
        same = self.hashes_U[found] == hashes[likely]
        return likely[same], found[same]


class WindowHashes:
    """Hashes of all windows of a sequence of words. Keeps the powers for the longest sequence met so far."""

    def __init__(self, word_hash: WordHash = hash) -> None:
        self._word_hash = word_hash
        self._powers: Hashes = np.empty(0, np.uint64)
        self._inverses: Hashes = np.empty(0, np.uint64)

    def sums(self, words: Sequence[str]) -> Hashes:
        """Running sums, one longer than the words; what `windows` wants."""
        count = len(words)
        if count > len(self._powers):
            self._powers = np.cumprod(np.full(count, _BASE, np.uint64), dtype=np.uint64)
            self._inverses = np.cumprod(np.full(count, _INVERSE, np.uint64), dtype=np.uint64)
        sums = np.zeros(count + 1, np.uint64)
        hashes = np.fromiter(map(self._word_hash, words), np.int64, count).view(np.uint64)
        np.cumsum(hashes * self._powers[:count], out=sums[1:])
        return sums

    def windows(self, sums: Hashes, length: int) -> Hashes:
        """Element i stands for words i … i + length - 1, wherever in a text these are."""
        count = max(len(sums) - length, 0)
        return (sums[length:] - sums[:count]) * self._inverses[:count]


@dataclass(frozen=True, slots=True)
class Index:
    """questions by number, those of a problem in a row, and a table for every length of n-gram that they have."""

    n: int
    questions: tuple[Question, ...]
    tables: tuple[GramTable, ...]
    hasher: WindowHashes


def build_index(
    problems_by_benchmark: Mapping[str, Sequence[Problem]], n: int = 13, word_hash: WordHash = hash
) -> Index:
    """A text of n words or more is looked for by its n-grams; a shorter one, of SHORTEST or more, as a whole.

    A problem's texts are its `core`, else its question. word_hash: 64 bits, signed. Raises ValueError for n < 1.
    """
    if n < 1:
        raise ValueError(f"n is {n}; write 1 or more words, e.g. 13")
    hasher = WindowHashes(word_hash)
    asked = [(name, problem) for name, problems in problems_by_benchmark.items() for problem in problems]
    made = [
        _question(name, problem.id, number, text, n)
        for number, (name, problem) in enumerate(asked)
        for text in problem.core or (problem.question,)
    ]
    tables, windows = [], [0] * len(made)
    for length in sorted({q.length for q in made if q.windows}):
        table = _table(length, made, hasher, n)
        for question in table.question_E:
            windows[question] += 1
        if len(table.hashes_U):
            tables.append(table)
    questions = [replace(q, windows=w) for q, w in zip(made, windows, strict=True)]
    return Index(n, tuple(questions), tuple(tables), hasher)


def _question(benchmark: str, name: str, problem: int, text: str, n: int) -> Question:
    words = list(map(sys.intern, words_of(text)))  # one copy of a word
    length = min(n, len(words))
    windows = len(words) - length + 1 if length == n or length >= SHORTEST else 0
    return Question(benchmark, name, problem, text, words, length, windows)


def _table(length: int, questions: Sequence[Question], hasher: WindowHashes, n: int) -> GramTable:
    parts = [np.empty(0, np.uint64)]
    owners: list[int] = []
    places: list[int] = []
    for number, question in enumerate(questions):
        if question.windows and question.length == length:
            parts.append(hasher.windows(hasher.sums(question.words), length))
            owners += [number] * question.windows
            places += range(question.windows)
    hashes = np.concatenate(parts)
    order = np.argsort(hashes, kind="stable")
    hashes, owner_E, place_E = hashes[order], np.array(owners, np.int64)[order], np.array(places, np.int64)[order]
    holders_E = np.ones(len(hashes), np.int64)
    for start, stop in _runs(hashes):
        _count_holders(holders_E, range(start, stop), owner_E, place_E, questions, length)
    kept = holders_E <= TEMPLATE if length == n else np.full(len(hashes), True)
    unique, starts = np.unique(hashes[kept], return_index=True)
    bits = min((len(unique) * _SLOTS_PER_GRAM + 1).bit_length(), _MOST_SLOTS)
    shift = np.uint64(64 - bits)
    slots = np.zeros(1 << bits, bool)
    slots[unique >> shift] = True
    starts_U = np.append(starts, kept.sum())
    return GramTable(length, unique, starts_U, owner_E[kept], place_E[kept], holders_E[kept], slots, shift)


def _runs(hashes: Hashes) -> Iterator[tuple[int, int]]:
    """(start, stop) of every run of two or more equal values."""
    edges = np.flatnonzero(np.diff(hashes)) + 1
    bounds = [0, *edges.tolist(), len(hashes)]
    return ((a, b) for a, b in pairwise(bounds) if b - a > 1)


def _count_holders(
    holders_E: Positions,
    entries: range,
    owner_E: Positions,
    place_E: Positions,
    questions: Sequence[Question],
    length: int,
) -> None:
    """Writes, for entries of one hash, how many different problems of the benchmark have the same words: neither a
    problem with the words in two of its texts is two, nor one that the benchmark holds twice."""
    groups: dict[tuple[str, ...], list[int]] = {}
    for e in entries:
        question, place = questions[owner_E[e]], place_E[e]
        groups.setdefault((question.benchmark, *question.words[place : place + length]), []).append(e)
    for members in groups.values():
        holding = [questions[owner_E[e]] for e in members]
        holders_E[members] = min(len({tuple(q.words) for q in holding}), len({q.problem for q in holding}))


def signs_agree(question: Question, text: str, start: int) -> bool:
    """Whether a question's words, found at word `start` of a text, have the question's arithmetic signs there too,
    and none after them: `4 + 1` stands in `what is 4 + 1?`, neither in `4 - 1` nor in `4 + 1 - 2`."""
    asked = signed_words(question.text)
    found = signed_words(text)[start : start + len(asked) + 1]
    return found[: len(asked)] == asked and (len(found) == len(asked) or found[-1][0].isalnum())
