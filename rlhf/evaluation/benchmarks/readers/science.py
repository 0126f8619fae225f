"""Multiple choice."""

from __future__ import annotations

import hashlib

from rlhf.evaluation.benchmarks.records import Record
from rlhf.evaluation.problem import Problem

SEED = 0
"""Of the order of the options: the same for every model and run."""

_WRONG = ("Incorrect Answer 1", "Incorrect Answer 2", "Incorrect Answer 3")


def gpqa(record: Record) -> Problem:
    """Four options, the right one first in the file: shuffled here. The reference is the right one's letter.

    They are ordered by a hash of seed, question and option, so that the order depends on no library's generator and
    on nothing but the problem itself, whatever its place or id in a copy.
    """
    question = record.text("Question").strip()
    right = record.gold("Correct Answer").strip()
    options = [right, *(record.gold(name).strip() for name in _WRONG)]
    if options.count(right) > 1:
        raise record.bad("Correct Answer", "a wrong option is the same text, so that no letter is right; mend the row")
    options.sort(key=lambda option: hashlib.sha256(f"{SEED}\0{question}\0{option}".encode()).digest())
    listed = "\n".join(f"{letter}) {option}" for letter, option in zip("ABCD", options, strict=True))
    return Problem(
        record.id("Record ID", "id"),
        f"{question}\n\n{listed}",
        "ABCD"[options.index(right)],
        metadata={"choices": options},
        category=record.optional("High-level domain"),
        core=(question,),
    )
