"""What the stages are given: all learner ranks as one. `cluster/` implements it with Ray actors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from rlhf.learner.distill_spec import StageName
from rlhf.learner.spec import StepResult
from rlhf.types import TrainSequence


class Student(Protocol):
    """A student and its teacher. Only `begin` may come first."""

    async def begin(self, stage: StageName, model_dir: Path) -> tuple[str, ...]:
        """Start a stage with the weights of a folder; what the user should be told."""
        ...

    async def measure(self, sequences: Sequence[TrainSequence]) -> None:
        """How large the teacher's attention outputs are: the first stage needs it, unless it is loaded."""
        ...

    async def step(self, sequences: Sequence[TrainSequence]) -> StepResult: ...

    async def logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        """Of the student, for every token that is learned, [R] float32 each."""
        ...

    async def teacher_logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]: ...

    async def save(self, folder: Path) -> None: ...

    async def load(self, folder: Path) -> None: ...

    async def export(self, folder: Path) -> None:
        """As transformers and vLLM load it."""
        ...
