"""The ranks of a distillation behind Ray: a thin wrapper around `rlhf/learner/distill.py`, and all of them as one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import ray

from cluster.rank_group import RankGroup
from rlhf.learner.distill_spec import DistillStage, StageName
from rlhf.learner.spec import LearnerSpec, StepResult
from rlhf.recipe.distill_schema import DistillStagesConfig
from rlhf.types import TrainSequence


class DistillActor:
    """One rank. The teacher stays for both stages; each stage has a student of its own."""

    def __init__(self, spec: LearnerSpec, teacher_dir: str, stages: DistillStagesConfig) -> None:
        self._spec, self._teacher_dir, self._stages = spec, teacher_dir, stages
        self._teacher: Any = None
        self._rank: Any = None

    def begin(self, name: StageName, model_dir: str) -> tuple[str, ...]:
        from dataclasses import replace

        from rlhf.learner.distill import AttentionRank, LogitRank
        from rlhf.learner.teacher import Teacher

        if self._rank is not None:
            self._rank.close()
            self._rank = None
        spec = replace(self._spec, model_dir=model_dir)
        if self._teacher is None:
            self._teacher = Teacher(spec, self._teacher_dir)
        stage = DistillStage(name, getattr(self._stages, name), self._stages.logits.learn == "mixers")
        self._rank = (AttentionRank if name == "attention" else LogitRank)(spec, stage, self._teacher)
        return self._rank.notices

    def measure(self, sequences: Sequence[TrainSequence]) -> None:
        self._rank.measure(sequences)

    def step(self, sequences: Sequence[TrainSequence]) -> StepResult:
        return self._rank.step(sequences)

    def logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        return self._rank.logp(sequences)

    def teacher_logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        return self._rank.teacher_logp(sequences)

    def save(self, folder: str) -> None:
        self._rank.save(folder)

    def load(self, folder: str) -> None:
        self._rank.load(folder)

    def export(self, folder: str) -> None:
        from transformers import AutoTokenizer

        self._rank.export_hf(folder, AutoTokenizer.from_pretrained(self._teacher_dir))


class DistillGroup(RankGroup):
    """Implements `rlhf.stages.distill.student.Student`."""

    def __init__(
        self,
        specs: Sequence[LearnerSpec],
        options: Sequence[dict[str, Any]],
        teacher_dir: str,
        stages: DistillStagesConfig,
        one_node: bool,
    ) -> None:
        super().__init__(DistillActor, specs, options, lambda spec: (spec, teacher_dir, stages), one_node)

    async def begin(self, stage: StageName, model_dir: Path) -> tuple[str, ...]:
        return (await self._all("begin", stage, str(model_dir)))[0]

    async def measure(self, sequences: Sequence[TrainSequence]) -> None:
        await self._all("measure", ray.put(sequences))

    async def step(self, sequences: Sequence[TrainSequence]) -> StepResult:
        return (await self._all("step", ray.put(sequences)))[0]

    async def logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        return (await self._all("logp", ray.put(sequences)))[0]

    async def teacher_logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        return (await self._all("teacher_logp", ray.put(sequences)))[0]

    async def export(self, folder: Path) -> None:
        await self._all("export", str(folder))
