"""Mathematics: a question and a gold answer, which copies write in several ways."""

from __future__ import annotations

import dataclasses
import re

from rlhf.evaluation.benchmarks.records import Record
from rlhf.evaluation.problem import Problem

_QUESTION = ("problem", "question")
_IDS = ("unique_id", "id", "idx")
_SEAM = re.compile(r"(?<!\\)\$\s+\$")
_WHOLE = re.compile(r"([+-]?)(\d+)(?:\.0*)?")


def gsm8k(record: Record) -> Problem:
    """`answer` is a worked solution whose last line is `#### N`; N may have commas."""
    solution = record.gold("answer")
    _, mark, gold = solution.rpartition("####")
    gold = gold.strip().replace(",", "")
    if not mark or not gold:
        raise record.bad("answer", "no `#### N` at its end, where GSM8K has the gold answer; write it")
    return Problem(record.id(*_IDS), record.text("question"), gold)


def answered(record: Record) -> Problem:
    """A question and its answer as they are, with its subject where there is one."""
    category = record.optional("subject", "type", "subfield")
    return Problem(record.id(*_IDS), record.text(*_QUESTION), record.gold("answer"), category=category)


def minerva(record: Record) -> Problem:
    """As `answered`, with answers of several formulas in a row made one: the copy has taken the outer dollars
    off and left those between (`a+$ $b`), which are no part of it."""
    problem = answered(record)
    assert problem.reference is not None
    return dataclasses.replace(problem, reference=_SEAM.sub(" ", problem.reference))


def whole_number(record: Record) -> Problem:
    """Answers of AIME and the like: copies write 27 as `27`, `027`, `27.0`, 27.0 and `$27$`, and one 336 as
    `336^\\circ`; the number is meant."""
    given = record.gold("answer")
    plain = given.strip().strip("$").strip().removesuffix("^\\circ").strip()
    found = _WHOLE.fullmatch(plain)
    if found is None:
        raise record.bad("answer", f"found {given[:60]!r}; the answers of this benchmark are whole numbers")
    sign = "-" if found[1] == "-" else ""
    return Problem(record.id(*_IDS), record.text(*_QUESTION), f"{sign}{int(found[2])}")


def olympiad(record: Record) -> Problem:
    """`final_answer` is a list of texts, all of which together are the answer."""
    final = record.fields.get("final_answer")
    gold = ", ".join(record.texts("final_answer")) if isinstance(final, list) else record.gold("final_answer", "answer")
    return Problem(record.id(*_IDS), record.text(*_QUESTION), gold, category=record.optional("subfield", "subject"))
