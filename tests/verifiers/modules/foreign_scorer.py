"""reasoning-gym's own scorers, some of which evaluate a model's text: the case for the walls. `logic` calls none."""

import functools
from typing import Any

from verifiers import Sample, Verdict, verifier


@functools.cache
def dataset(task: str) -> Any:
    from reasoning_gym.factory import create_dataset

    return create_dataset(task, seed=0, size=1)


def warm_up() -> None:
    import sympy.parsing.sympy_parser  # noqa: F401

    dataset("n_queens")
    dataset("countdown")


@verifier(isolated=True, needs_reference=False, warm_up=warm_up)
def scored(sample: Sample) -> Verdict:
    """The response is the answer; metadata holds the task and the entry."""
    try:
        score = dataset(sample.metadata["task"]).score_answer(sample.response, dict(sample.metadata["entry"]))
    except SystemExit:
        return Verdict.wrong(reason="this answer tried to end the process that scored it")
    return Verdict.correct() if score == 1.0 else Verdict.wrong(score=float(score))
