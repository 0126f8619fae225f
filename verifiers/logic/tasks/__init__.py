"""Every task of reasoning-gym: what an answer looks like and how it is judged. Data alone; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping

from verifiers.logic.tasks import algorithms, arithmetic, puzzles, reasoning
from verifiers.logic.tasks.table import Task
from verifiers.spec import Tasks

TASKS: Mapping[str, Task] = {
    task.name: task
    for task in sorted(
        (*arithmetic.TASKS, *algorithms.TASKS, *reasoning.TASKS, *puzzles.TASKS), key=lambda task: task.name
    )
}

EXCLUDED: Mapping[str, str] = {
    "composite": "a mixture of other tasks; name each as a source of its own",
}
"""Tasks that are refused, and why."""


_LEGEND = (
    "own: by the puzzle's rules, so that every right answer is right. gold: equal, as read, to the answer that came "
    "with the question. An answer of another shape is unparsed. No scorer of reasoning-gym is given a model's text."
)


def listing() -> Tasks:
    """Of every task the shape of an answer, how it is scored, and what is to be known of that."""
    width = max(len(task.shape) for task in TASKS.values())
    judged = {task.name: f"{task.shape:<{width}}  {task.scored:<4}  {task.note}".rstrip() for task in TASKS.values()}
    return Tasks(judged, EXCLUDED, _LEGEND)
