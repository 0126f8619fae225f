"""Both stages of a distillation, step by step: resumable, and stopped between two steps."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf.checkpoint import Checkpoints, read_state
from rlhf.learner.distill_spec import STAGES, StageName
from rlhf.metrics.live import LiveView
from rlhf.recipe.distill_schema import DistillRecipe, DistillStageConfig
from rlhf.stages.distill.record import DistillRecord
from rlhf.stages.distill.results import Results, nats_a_token
from rlhf.stages.distill.sequences import batches
from rlhf.stages.distill.student import Student
from rlhf.types import TrainSequence


@dataclass(frozen=True, slots=True)
class DistillText:
    """heldout: by the name of the set, never learned from."""

    train: Sequence[TrainSequence]
    heldout: Mapping[str, Sequence[TrainSequence]]


class Distillation:
    """policy: folder of the converted student, before anything is learned. checkpoint: to go on from."""

    def __init__(
        self,
        recipe: DistillRecipe,
        student: Student,
        text: DistillText,
        policy: Path,
        checkpoints: Checkpoints,
        record: DistillRecord,
        view: LiveView,
        checkpoint: Path | None = None,
    ) -> None:
        self._recipe, self._student, self._text, self._policy = recipe, student, text, policy
        self._checkpoints, self._record, self._view, self._from = checkpoints, record, view, checkpoint
        self._stopping = False
        self.step, self.results = 0, Results()
        if checkpoint is not None:
            state, _ = read_state(checkpoint)
            self.step, self.results = state["step"], Results.of_state(state["results"])

    def stop(self) -> None:
        """End after the step under way, with a checkpoint."""
        self._stopping = True

    async def run(self) -> bool:
        """Whether all steps were done. Raises NonFiniteError."""
        first = 0
        for name in STAGES:
            config: DistillStageConfig = getattr(self._recipe.distill, name)
            last = first + config.steps
            if self.step < last and not self._stopping:
                await self._stage(name, config, first, last)
            first = last
        if self.results.history:
            self._record.results(self.step, self.results, "interrupted" if self.step < first else "finished")
        return self.step >= first

    async def _stage(self, name: StageName, config: DistillStageConfig, first: int, last: int) -> None:
        """From where it stands to step `last`, or to where it is stopped."""
        self._view.stage("loading", f"stage {name}: student and teacher")
        midway = self.step > first
        for notice in await self._student.begin(name, self._policy if midway or not first else self._previous()):
            self._view.note(notice)
        supply = batches(self._text.train, config.tokens_per_step, f"{self._recipe.run.seed}/{name}")
        if midway:
            assert self._from is not None
            await self._student.load(self._from / "learner")
            supply = itertools.islice(supply, self.step - first, None)
        else:
            if name == "attention":
                batch = next(supply)
                await self._student.measure(batch)
                supply = itertools.chain([batch], supply)
            if not self.results.history:
                await self._look_first()
        self._view.stage(f"stage {name}", f"{config.steps} steps of {config.tokens_per_step:,} tokens")
        while self.step < last and not self._stopping:
            await self._one_step(name, next(supply))
            await self._after_step(name, last)

    def _previous(self) -> Path:
        """Where the stage before has left the student."""
        left = self._checkpoints.latest()
        assert left is not None
        return left / "hf"

    async def _one_step(self, name: StageName, batch: Sequence[TrainSequence]) -> None:
        began = time.monotonic()
        result = await self._student.step(batch)
        self.step += 1
        tokens = sum(sequence.total_tokens - 1 for sequence in batch)
        self._record.step(self.step, name, result, tokens, time.monotonic() - began)

    async def _after_step(self, name: StageName, last: int) -> None:
        """Look at held-out text and write a checkpoint, where it is time."""
        stages, ended = self._recipe.distill, self.step == last
        if ended or _due(self.step, stages.evaluate_every):
            await self._look()
        if ended:
            self.results.stages[name] = self.step
        if ended or self._stopping or _due(self.step, stages.checkpoint_every):
            await self._checkpoint()

    async def _look_first(self) -> None:
        self._view.stage("held out", "teacher, and the student as it was converted")
        for name, sequences in self._text.heldout.items():
            self.results.teacher = {
                **self.results.teacher,
                name: nats_a_token(await self._student.teacher_logp(sequences), sequences),
            }
        await self._look()

    async def _look(self) -> None:
        nats = {
            name: nats_a_token(await self._student.logp(sequences), sequences)
            for name, sequences in self._text.heldout.items()
        }
        self.results.add(self.step, nats)
        self._record.heldout(self.step, self.results)

    async def _checkpoint(self) -> None:
        self._view.stage("checkpoint", f"after step {self.step}")
        partial = self._checkpoints.begin(self.step)
        await self._student.save(partial / "learner")
        await self._student.export(partial / "hf")
        self._record.sync()
        self._record.results(self.step, self.results)
        self._checkpoints.commit(partial, {"step": self.step, "results": self.results.state()}, ())


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
