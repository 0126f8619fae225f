"""`logic`: an answer to a puzzle of reasoning-gym, read by the grammar of its task and judged by the task's rules.

Many of reasoning-gym's scorers hand the model's text to `eval` or to sympy's `parse_expr`. None of them is called here:
an answer that is not of its task's shape is `unparsed`, and what the parser made of it (numbers, words, grids, moves)
is all that a rule sees. Isolation is the second wall: the worker has no network and no files, and what computes at
length (`Task.forked`) does so in a forked child.

A sample's metadata holds `task` (the reasoning-gym name), `entry` (the question as generated: question, answer,
metadata, as JSON) and `task_config` (the task's settings, where they matter to its rules).
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.extract import after_thinking, last_boxed, last_line, tag_contents
from verifiers.logic.grammar.text import Unreadable, unmarked
from verifiers.logic.rule import Entry, Judged, Rule
from verifiers.logic.tasks import EXCLUDED, TASKS
from verifiers.registry import verifier
from verifiers.verifier import clip

MAX_ANSWER_CHARS = 20_000
"""Of an answer; or four times as many as the entry's own has, where that is longer."""


def gold_response(sample: Sample, extract: str = "boxed", answer_tag: str = "answer", **_config: Any) -> str | None:
    """A right answer, written where the answer is looked for; None where none is known."""
    entry = entry_of(sample.metadata, Fraction(0))
    answer = rule_of(entry.task).gold(entry)
    if answer is None or (extract == "last_line" and not answer):
        return None
    return {"boxed": f"\\boxed{{{answer}}}", "answer_tag": f"<{answer_tag}>{answer}</{answer_tag}>"}.get(
        extract, answer
    )


def screen(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    think_close: str = "</think>",
    tolerance: float = 0.0,
) -> Verdict | None:
    """The verdict, but on the tasks that compute at length."""
    return _verdict(sample, extract, answer_tag, think_close, tolerance, forked=False)


def warm_up() -> None:
    """Import the rules, and read what they read from files, while files can still be read."""
    for task in TASKS.values():
        rule_of(task.name)
    from verifiers.logic.rules.derivatives import context
    from verifiers.logic.rules.structures import vocabulary

    context()
    if importlib.util.find_spec("reasoning_gym") is not None:
        for length in (3, 4, 5):
            vocabulary(length)


def prepare(tolerance: float = 0.0, **_config: Any) -> None:
    """Raise ValueError on a tolerance that is none."""
    if not (math.isfinite(tolerance) and 0.0 <= tolerance < 1.0):
        raise ValueError(f"tolerance: found {tolerance!r}; write a relative error of 0.0 or more, below 1, e.g. 0.01")


@verifier(
    "logic",
    summary="a puzzle's answer, read by its task's grammar and judged by the task's rules",
    isolated=True,
    needs_reference=False,
    gold_response=gold_response,
    screen=screen,
    warm_up=warm_up,
    prepare=prepare,
)
def logic_verifier(
    sample: Sample,
    extract: str = "boxed",
    answer_tag: str = "answer",
    think_close: str = "</think>",
    tolerance: float = 0.0,
) -> Verdict:
    """1 is correct; less is wrong, with partial credit where the table of tasks says so."""
    verdict = _verdict(sample, extract, answer_tag, think_close, tolerance, forked=True)
    assert verdict is not None
    return verdict


_MISSING = {
    "boxed": "no closed \\boxed{{}} in the response",
    "answer_tag": "no <{tag}>…</{tag}> in the response",
    "last_line": "the response is empty",
}


def _verdict(
    sample: Sample, extract: str, answer_tag: str, think_close: str, tolerance: float, forked: bool
) -> Verdict | None:
    entry = entry_of(sample.metadata, Fraction(tolerance))
    answer = extracted(sample.response, extract, answer_tag, think_close)
    if answer is None:
        return Verdict.unparsed(_MISSING[extract].format(tag=answer_tag))
    limit = max(MAX_ANSWER_CHARS, 4 * len(entry.answer or ""))
    if len(answer) > limit:
        return Verdict.unparsed(f"an answer of {len(answer)} characters; at most {limit} are read")
    if TASKS[entry.task].forked and not forked:
        return None
    try:
        judged = judge(answer, entry)
    except Unreadable as problem:
        return Verdict.unparsed(clip(f"{problem}; {entry.task} wants {TASKS[entry.task].shape}"))
    shown = clip(answer)
    return Verdict.correct(shown) if judged.score == 1.0 else Verdict.wrong(shown, judged.reason, judged.score)


def fault(metadata: Mapping[str, Any]) -> str | None:
    """Why the question that a sample's metadata holds has no right answer; None where it has, as most have."""
    entry = entry_of(metadata, Fraction(0))
    return rule_of(entry.task).fault(entry)


def judge(answer: str, entry: Entry) -> Judged:
    """Read and judge one answer. Raises Unreadable where it is not of the task's shape."""
    rule = rule_of(entry.task)
    return rule.judge(_read(rule, answer, entry), entry)


def _read(rule: Rule[Any], answer: str, entry: Entry) -> Any:
    """As it stands; only what is not readable so is read without the marks around it, which are then no part of it."""
    try:
        return rule.read(answer, entry)
    except Unreadable:
        for less in unmarked(answer):
            with contextlib.suppress(Unreadable):
                return rule.read(less, entry)
        raise


def extracted(response: str, extract: str, answer_tag: str, think_close: str) -> str | None:
    """The answer in a response, or None."""
    text = after_thinking(response, think_close)
    if extract == "boxed":
        return last_boxed(text)
    if extract == "answer_tag":
        found = tag_contents(text, answer_tag)
        return found[-1].strip() if found else None
    if extract == "last_line":
        return last_line(text)
    raise ValueError(f"extract: found {extract!r}; write one of {', '.join(_MISSING)}")


def entry_of(metadata: Mapping[str, Any], tolerance: Fraction) -> Entry:
    """What a sample's metadata says of its question. Raises ValueError, saying what to write."""
    task, entry = metadata.get("task"), metadata.get("entry")
    if isinstance(task, str) and task in EXCLUDED:
        raise ValueError(f"metadata.task: {task} is excluded: {EXCLUDED[task]}")
    if not isinstance(task, str) or task not in TASKS:
        raise ValueError(f"metadata.task: found {task!r}; write a task that `rlhf list verifiers logic` names")
    if not isinstance(entry, Mapping) or not {"question", "answer", "metadata"} <= set(entry):
        raise ValueError("metadata.entry: write the reasoning-gym entry, with its question, answer and metadata")
    answer = entry["answer"]
    settings = metadata.get("task_config") or {}
    return Entry(task, entry["question"], answer, entry["metadata"], settings, tolerance)


@functools.cache
def rule_of(task: str) -> Rule[Any]:
    """The rule that the table names."""
    module, _, name = TASKS[task].rule.partition(":")
    found = getattr(importlib.import_module(f"verifiers.logic.rules.{module}"), name)
    assert isinstance(found, Rule)
    return found
