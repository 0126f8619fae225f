"""Small groups for tests of the flow of prompts."""

import numpy as np

from rlhf.types import Group, Prompt, Scored, Segment, Trajectory
from verifiers.base import Status, Verdict


def prompt(index: int = 0) -> Prompt:
    return Prompt(f"train/{index}", f"question {index}", (3, 4, 5 + index), "42", {"task": "sum"})


def trajectory(index: int = 0, sample: int = 0, versions=(0,), tokens: int = 3, finish="stop") -> Trajectory:
    segments = tuple(
        Segment(v, np.arange(tokens, dtype=np.int32) + sample, np.linspace(-0.1, -1 / 3, tokens, dtype=np.float32))
        for v in versions
    )
    return Trajectory(f"train/{index}", sample, segments, finish, f"answer {sample}", "engine-0")


def graded(index: int = 0, sample: int = 0, reward: float = 0.5, **kwargs) -> Scored:
    """Judged by a degree."""
    return Scored(
        trajectory(index, sample, **kwargs), {"rm": Verdict.wrong(score=reward)}, reward, Status.WRONG, graded=True
    )


def scored(index: int = 0, sample: int = 0, reward: float | None = 1.0, **kwargs) -> Scored:
    verdict = Verdict.error("broke") if reward is None else (Verdict.correct() if reward == 1.0 else Verdict.wrong())
    status = Status.ERROR if reward is None else verdict.status
    return Scored(trajectory(index, sample, **kwargs), {"math": verdict}, reward, status)


def group(index: int = 0, rewards=(1.0, 0.0), versions=(0,), **kwargs) -> Group:
    samples = tuple(scored(index, i, r, versions=versions, **kwargs) for i, r in enumerate(rewards))
    return Group(prompt(index), samples)
