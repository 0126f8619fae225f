"""Which benchmark questions stand in training prompts, by word n-grams: the pure core. No file is read here.

The rule (13 words: Brown et al., Language Models are Few-Shot Learners, 2020, appendix C):

- Looked for is what the data set itself asks (`Problem.core`), not the prompt that is made of it here: a task without
  its tests, a question without its options. A problem of several such texts is found by any, as whole as its best.
- Texts are compared by their words (contamination_words.py), n-grams by the words themselves, never by a hash alone.
- A question of n words or more is matched by any n-gram of its own. Its coverage is the share of its n-grams that were
  found; a training prompt with all of them holds the whole question.
- A question of fewer than n words, but at least SHORTEST, is matched as a whole, arithmetic signs included.
- A shorter question cannot be told from chance: it is counted, never judged.
- An n-gram that more than TEMPLATE questions of its benchmark hold is how the benchmark puts its questions, not one of
  them: it is left out. A question with nothing else is counted, never judged. (Appendix C leaves out what more than
  ten training documents hold; here the benchmark tells, so that a copy in a hundred rows is still found.)
- A question of which parts were found, all of them words of other questions too, is shown and not counted in the share.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from rlhf.evaluation.contamination_index import GramTable, Index, Question, signs_agree
from rlhf.evaluation.contamination_words import excerpt, words_of

KEPT_ROWS = 5  # training prompts that are shown for a question; all are counted
BATCH_WORDS = 1 << 14
Excerpt = tuple[str, str, str]
Text = tuple[str, str]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class RowMatch:
    """A training prompt that has words of a question. coverage: share of the question's n-grams that it has; of several
    texts of a problem, that of the one it has most of.

    words: length of the longest run of words that both have; in_problem, in_row: that run as either text writes it,
    (before, matched, after).
    """

    origin: str
    coverage: float
    words: int
    in_problem: Excerpt
    in_row: Excerpt


@dataclass(frozen=True, slots=True)
class ProblemMatch:
    """A question that was found. coverage: share of its n-grams that were found, in whatever rows; of its best text.

    rows: how many training prompts have any. best: the KEPT_ROWS of them with the highest coverage, first ones first.
    shared: whether it is not whole and other questions of the benchmark have all the words found too, as a common turn
    of phrase is.
    """

    benchmark: str
    problem: str
    coverage: float
    rows: int
    best: tuple[RowMatch, ...]
    shared: bool

    @property
    def whole(self) -> bool:
        """Whether one training prompt has all of the question."""
        return self.best[0].coverage == 1.0


@dataclass(frozen=True, slots=True)
class BenchmarkScan:
    """matches: by coverage, highest first. too_short, template: ids of the questions that could not be judged."""

    name: str
    problems: int
    matches: tuple[ProblemMatch, ...]
    too_short: tuple[str, ...]
    template: tuple[str, ...]

    @property
    def judged(self) -> int:
        return self.problems - len(self.too_short) - len(self.template)

    @property
    def whole(self) -> int:
        return sum(match.whole for match in self.matches)

    @property
    def shared(self) -> int:
        return sum(match.shared for match in self.matches)

    @property
    def share(self) -> float:
        """Of the questions judged, those with a match that is not `shared`; 0 where none could be judged."""
        return (len(self.matches) - self.shared) / self.judged if self.judged else 0.0


@dataclass(frozen=True, slots=True)
class Scan:
    """rows: training prompts looked at; matched_rows: those with words of any question."""

    rows: int
    matched_rows: int
    benchmarks: tuple[BenchmarkScan, ...]


@dataclass(slots=True)
class _Found:
    """What is known of one problem so far. places: of each of its texts, by number; heap: (coverage, minus the row's
    number, match)."""

    places: dict[int, set[int]] = field(default_factory=dict)
    rows: int = 0
    shared: bool = True
    heap: list[tuple[float, int, RowMatch]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Hit:
    """A window of a question that stands in a row. start: its place there; place: its place in the question."""

    question: int
    start: int
    place: int
    shared: bool


def scan(texts: Iterable[Text], index: Index, progress: Progress | None = None) -> Scan:
    """texts: (origin, text) of every training prompt. progress: told (rows, questions matched) after every batch.

    Holds one batch of texts at a time, and KEPT_ROWS excerpts a question.
    """
    found: dict[int, _Found] = {}
    rows = matched_rows = 0
    for batch, words in _batches(texts):
        for row, hits in _hits_by_row(words, index):
            matched_rows += _note(found, index, batch[row], rows + row, hits)
        rows += len(batch)
        if progress is not None:
            progress(rows, len(found))
    return Scan(rows, matched_rows, _benchmarks(found, index))


def _batches(texts: Iterable[Text]) -> Iterator[tuple[list[Text], list[list[str]]]]:
    """Texts with their words, cut into batches of about BATCH_WORDS words."""
    batch: list[Text] = []
    words: list[list[str]] = []
    held = 0
    for text in texts:
        found = words_of(text[1])
        batch.append(text)
        words.append(found)
        held += len(found) + 1
        if held >= BATCH_WORDS:
            yield batch, words
            batch, words, held = [], [], 0
    if batch:
        yield batch, words


def _hits_by_row(rows: list[list[str]], index: Index) -> Iterator[tuple[int, list[_Hit]]]:
    """(number of a row in the batch, the windows that it has), for the rows that have any."""
    words = [word for row in rows for word in row]
    ends = np.cumsum([len(row) for row in rows])
    sums = index.hasher.sums(words)
    hits: dict[int, list[_Hit]] = {}
    for table in index.tables:
        places, grams = table.candidates(index.hasher.windows(sums, table.length))
        row_of = np.searchsorted(ends, places, side="right")
        inside = places + table.length <= ends[row_of]
        for place, gram, row in zip(places[inside], grams[inside], row_of[inside], strict=True):
            start = int(place - ends[row]) + len(rows[row])
            for hit in _verified(rows[row], start, int(gram), table, index.questions):
                hits.setdefault(int(row), []).append(hit)
    return ((row, hits[row]) for row in sorted(hits))


def _verified(
    row: list[str], start: int, gram: int, table: GramTable, questions: tuple[Question, ...]
) -> Iterator[_Hit]:
    """The table's entries of one hash whose words are those of the row from `start`."""
    window = row[start : start + table.length]
    for e in range(table.starts_U[gram], table.starts_U[gram + 1]):
        question, place = int(table.question_E[e]), int(table.position_E[e])
        if questions[question].words[place : place + table.length] == window:
            yield _Hit(question, start, place, bool(table.holders_E[e] > 1))


def _note(found: dict[int, _Found], index: Index, text: Text, number: int, hits: list[_Hit]) -> bool:
    """Adds what one row has to what is known; whether that is anything."""
    by_problem: dict[int, dict[int, list[_Hit]]] = {}
    for hit in hits:
        question = index.questions[hit.question]
        if question.length == index.n or signs_agree(question, text[1], hit.start):
            by_problem.setdefault(question.problem, {}).setdefault(hit.question, []).append(hit)
    for problem, by_text in by_problem.items():
        _note_problem(found.setdefault(problem, _Found()), index.questions, text, number, by_text)
    return bool(by_problem)


def _note_problem(
    known: _Found, questions: tuple[Question, ...], text: Text, number: int, by_text: dict[int, list[_Hit]]
) -> None:
    """by_text: what one row has of each of a problem's texts."""
    coverages: dict[int, float] = {}
    for key, its in by_text.items():
        places = {hit.place for hit in its}
        known.places.setdefault(key, set()).update(places)
        coverages[key] = len(places) / questions[key].windows
    known.rows += 1
    known.shared &= all(hit.shared for its in by_text.values() for hit in its)
    best = max(coverages, key=lambda key: (coverages[key], -key))
    if len(known.heap) < KEPT_ROWS or coverages[best] > known.heap[0][0]:
        entry = (coverages[best], -number, _row_match(text, questions[best], by_text[best], coverages[best]))
        (heapq.heappush if len(known.heap) < KEPT_ROWS else heapq.heapreplace)(known.heap, entry)


def _row_match(text: Text, question: Question, hits: list[_Hit], coverage: float) -> RowMatch:
    start, place, words = _longest(hits, question.length)
    in_problem = excerpt(question.text, place, place + words)
    return RowMatch(text[0], coverage, words, in_problem, excerpt(text[1], start, start + words))


def _longest(hits: list[_Hit], length: int) -> tuple[int, int, int]:
    """(start in the row, place in the question, words) of the longest run that both have; the first of equals."""
    best, run = (0, 0, 0), (0, 0, 0)
    for hit in sorted(hits, key=lambda hit: (hit.start - hit.place, hit.start)):
        follows = run[2] and (hit.start - run[0], hit.place - run[1]) == (run[2] - length + 1,) * 2
        run = (run[0], run[1], run[2] + 1) if follows else (hit.start, hit.place, length)
        best = run if run[2] > best[2] else best
    return best


def _benchmarks(found: Mapping[int, _Found], index: Index) -> tuple[BenchmarkScan, ...]:
    names = dict.fromkeys(question.benchmark for question in index.questions)
    return tuple(_benchmark(name, found, index) for name in names)


def _benchmark(name: str, found: Mapping[int, _Found], index: Index) -> BenchmarkScan:
    texts: dict[int, list[Question]] = {}
    for question in index.questions:
        if question.benchmark == name:
            texts.setdefault(question.problem, []).append(question)
    matches = [_problem_match(index.questions, found[key]) for key in texts if key in found]
    matches.sort(key=lambda match: (-match.coverage, -match.best[0].coverage))
    unjudged = [own for own in texts.values() if not any(q.windows for q in own)]
    template = tuple(own[0].id for own in unjudged if any(q.length == index.n for q in own))
    too_short = tuple(own[0].id for own in unjudged if all(q.length < index.n for q in own))
    return BenchmarkScan(name, len(texts), tuple(matches), too_short, template)


def _problem_match(questions: tuple[Question, ...], known: _Found) -> ProblemMatch:
    best = tuple(match for *_, match in sorted(known.heap, key=lambda entry: entry[:2], reverse=True))
    coverage = max(len(places) / questions[key].windows for key, places in known.places.items())
    question = questions[next(iter(known.places))]
    shared = known.shared and best[0].coverage < 1
    return ProblemMatch(question.benchmark, question.id, coverage, known.rows, best, shared)
