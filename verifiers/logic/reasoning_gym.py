"""`reasoning_gym`: an answer judged by the scorer of the task that made the question.

Many of these scorers hand the model's text to `eval` or sympy's `parse_expr` (8 of 8 tried did), so this verifier is
isolated: the scorer runs only in a forked child without network, files or processes. What needs no scorer is settled
before: no answer, the reference itself, and tasks whose scorer only compares texts.

A sample's metadata holds `task` (the reasoning-gym name), `entry` (the question as generated: question, answer,
metadata, as JSON) and `task_config` (the task's settings, where they matter to its scorer).
"""

from __future__ import annotations

import functools
import json
import math
import re
from collections.abc import Mapping
from typing import Any

from verifiers.base import Sample, Verdict
from verifiers.extract import after_thinking, last_boxed, last_line, tag_contents
from verifiers.registry import verifier
from verifiers.verifier import clip

MAX_ANSWER_CHARS = 20_000

EXCLUDED: Mapping[str, str] = {
    "game_of_life_halting": "its scorer pays any text when the answer is True",
    "composite": "it is a mixture; name its parts as sources of their own",
}
"""Tasks that are refused, and why."""

REFUSES_BY_RAISING: Mapping[str, tuple[type[Exception], ...]] = {
    "boxnet": (AttributeError, IndexError, KeyError, TypeError, ValueError),
    "prime_factorization": (ValueError,),
}
"""Tasks whose scorer raises these on answers of another shape; that is a wrong answer, not a failure."""

_TUPLES_IN_METADATA = ("arc_agi", "rearc")
"""Tasks whose scorer compares boards as tuples; JSON has made lists of them."""

_NOT_FINITE = re.compile(r"(?<![a-z])(?:nan|inf|infinity)(?:j)?(?![a-z])", re.IGNORECASE)
_HUGE = re.compile(r"\d[eE]\+?\d{3,}")


def gold_response(sample: Sample, extract: str = "boxed", answer_tag: str = "answer", **_config: Any) -> str | None:
    """The entry's own answer, written where the answer is looked for; None where the task gives none."""
    answer = _entry(sample)["answer"]
    if not isinstance(answer, str):
        return None
    return {"boxed": f"\\boxed{{{answer}}}", "answer_tag": f"<{answer_tag}>{answer}</{answer_tag}>"}.get(
        extract, answer
    )


def screen(
    sample: Sample, extract: str = "boxed", answer_tag: str = "answer", think_close: str = "</think>"
) -> Verdict | None:
    """What needs no evaluation of the answer: none given, the reference itself, a scorer that only compares texts."""
    from reasoning_gym.dataset import ProceduralDataset

    entry = _entry(sample)
    dataset = _dataset(_task(sample), json.dumps(sample.metadata.get("task_config") or {}, sort_keys=True))
    answer = extracted(sample.response, extract, answer_tag, think_close)
    if answer is None:
        return Verdict.unparsed(_MISSING[extract].format(tag=answer_tag))
    shown = clip(answer)
    if answer == entry["answer"]:
        return Verdict.correct(shown)
    if len(answer) > MAX_ANSWER_CHARS:
        return Verdict.unparsed(f"an answer of {len(answer)} characters; at most {MAX_ANSWER_CHARS} are scored")
    if (_NOT_FINITE.search(answer) or _HUGE.search(answer)) and not _NOT_FINITE.search(str(entry["answer"])):
        return Verdict.wrong(shown, "not a finite number")
    if type(dataset).score_answer is ProceduralDataset.score_answer:
        return from_score(dataset.score_answer(answer, entry), shown)
    return None


def warm_up() -> None:
    """Load reasoning-gym, and what its scorers import late, while every file can still be read."""
    import reasoning_gym  # noqa: F401
    import sympy.parsing.sympy_parser  # noqa: F401


@verifier(
    "reasoning_gym",
    summary="the scorer of the prompt's reasoning-gym task, in an isolated process",
    isolated=True,
    needs_reference=False,
    gold_response=gold_response,
    screen=screen,
    warm_up=warm_up,
)
def reasoning_gym_verifier(
    sample: Sample, extract: str = "boxed", answer_tag: str = "answer", think_close: str = "</think>"
) -> Verdict:
    """Score the extracted answer with the task's own scorer: 1 is correct, less is wrong with that partial score."""
    verdict = screen(sample, extract, answer_tag, think_close)
    if verdict is not None:
        return verdict
    answer = extracted(sample.response, extract, answer_tag, think_close)
    assert answer is not None
    task, entry = _task(sample), _entry(sample)
    dataset = _dataset(task, json.dumps(sample.metadata.get("task_config") or {}, sort_keys=True))
    try:
        score = dataset.score_answer(answer, entry)
    except REFUSES_BY_RAISING.get(task, ()) as problem:
        return Verdict.wrong(clip(answer), f"the scorer cannot read it: {problem}")
    except SystemExit:
        return Verdict.wrong(clip(answer), "this answer tried to end the process that scored it")
    return from_score(score, clip(answer))


_MISSING = {
    "boxed": "no closed \\boxed{{}} in the response",
    "answer_tag": "no <{tag}>…</{tag}> in the response",
    "last_line": "the response is empty",
}


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


def from_score(score: object, shown: str) -> Verdict:
    """A verdict from a scorer's number, which may be anything: only exactly 1 is correct."""
    number = float(score) if isinstance(score, (int, float)) else math.nan
    if not math.isfinite(number) or not 0.0 <= number <= 1.0:
        return Verdict.wrong(shown, f"the scorer gave {number!r}, which is not a score")
    return Verdict.correct(shown) if number == 1.0 else Verdict.wrong(shown, score=number)


def _task(sample: Sample) -> str:
    task = sample.metadata.get("task")
    if not isinstance(task, str):
        raise ValueError(f"metadata.task: found {task!r}; write the name of a reasoning-gym task")
    if task in EXCLUDED:
        raise ValueError(f"metadata.task: {task} is excluded: {EXCLUDED[task]}")
    return task


def _entry(sample: Sample) -> dict[str, Any]:
    entry = sample.metadata.get("entry")
    if not isinstance(entry, Mapping) or not {"question", "answer", "metadata"} <= set(entry):
        raise ValueError("metadata.entry: write the reasoning-gym entry, with its question, answer and metadata")
    if sample.metadata.get("task") in _TUPLES_IN_METADATA:
        return {**entry, "metadata": {key: _tuples(value) for key, value in entry["metadata"].items()}}
    return dict(entry)


def _tuples(value: object) -> object:
    return tuple(_tuples(item) for item in value) if isinstance(value, list) else value


@functools.lru_cache(maxsize=32)
def _dataset(task: str, config: str) -> Any:
    """The task's dataset object, which holds its scorer. config: its settings as JSON."""
    from reasoning_gym.factory import DATASETS, create_dataset

    if task not in DATASETS:
        raise ValueError(f"metadata.task: reasoning-gym has no task {task!r}")
    settings = {key: value for key, value in json.loads(config).items() if key not in ("seed", "size")}
    return create_dataset(task, seed=0, size=1, **settings)
