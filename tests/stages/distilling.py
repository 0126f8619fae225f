"""A small softmax teacher, students of it, and both learner stages in this process, for the tests of distillation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from rlhf.checkpoint import Checkpoints
from rlhf.learner.distill import AttentionRank, DistillRank, LogitRank
from rlhf.learner.distill_spec import DistillStage
from rlhf.learner.spec import LearnerSpec
from rlhf.learner.teacher import Teacher
from rlhf.metrics.jsonl import JsonlSink
from rlhf.metrics.sinks import SinkGroup
from rlhf.models.resolve import resolve_model
from rlhf.recipe.distill_schema import DistillRecipe
from rlhf.stages.distill.record import DistillRecord
from rlhf.stages.distill.run import Distillation, DistillText
from rlhf.stages.distill.sequences import sequence_of

VOCAB = 256
EXACT = {"kernel": "sliding_window", "window": 4096}
"""Softmax attention, while a text is shorter."""


def write_teacher(folder: Path) -> Path:
    """A random Llama of two layers, with weights large enough that its attention matters."""
    import transformers

    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=VOCAB, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=512, initializer_range=0.3, tie_word_embeddings=True,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder)
    return folder


def recipe_of(teacher: Path, layer: Any = "linear", **changes: Any) -> DistillRecipe:
    """Four steps of each stage; the second layer is replaced. changes: keys of sections, `logits_steps=0`."""
    stage = {"steps": 4, "tokens_per_step": 150, "warmup_steps": 1}
    stages: dict[str, Any] = {"attention": stage | {"learning_rate": 0.02}, "logits": stage | {"learning_rate": 0.01}}
    own = {"evaluate_every": 2, "checkpoint_every": 0}
    for key, value in changes.items():
        section, _, name = key.partition("_")
        if section in stages:
            stages[section][name] = value
        else:
            own[key] = value
    return DistillRecipe.model_validate(
        {
            "kind": "distill",
            "policy": {"model": str(teacher), "dtype": "float32", "attention": {"layers": {"1": layer}}},
            "distill": {**stages, **own},
            "learner": {"token_budget": 256},
        }
    )


def text_of(teacher: Path, samples: int = 400) -> DistillText:
    """Texts that the teacher itself would write, more or less: its likeliest tokens and some at random."""
    import transformers

    lm = transformers.AutoModelForCausalLM.from_pretrained(teacher)
    generator = torch.Generator().manual_seed(3)
    ids = torch.ones(samples, 1, dtype=torch.int64)
    with torch.no_grad():
        while ids.shape[1] < 40:
            next_S = torch.multinomial(lm(ids).logits[:, -1].softmax(-1), 1, generator=generator)
            ids = torch.cat([ids, next_S], 1)
    lengths = np.random.default_rng(0).integers(10, 39, samples)
    made = [
        sequence_of(i, row[:1], row[1 : 1 + n])
        for i, (row, n) in enumerate(zip(ids.tolist(), lengths.tolist(), strict=True))
    ]
    return DistillText(made[40:], {"sampled": made[:40]})


class HereStudent:
    """Implements Student with one rank. steps_left: then it calls `at_end`, as a signal would."""

    def __init__(self, recipe: DistillRecipe, teacher: Path) -> None:
        self._recipe, self._teacher_dir = recipe, str(teacher)
        self._spec = LearnerSpec(recipe.policy, recipe.learner, "", recipe.run.seed)
        self._teacher: Teacher | None = None
        self.rank: DistillRank | None = None
        self.stages: list[tuple[str, str]] = []
        self.losses: list[float] = []
        self.after_step: Any = lambda count: None

    async def begin(self, stage, model_dir):
        self.close()
        self.stages.append((stage, model_dir.parent.name if model_dir.name == "hf" else model_dir.name))
        spec = replace(self._spec, model_dir=str(model_dir))
        self._teacher = self._teacher or Teacher(spec, self._teacher_dir)
        stages = self._recipe.distill
        told = DistillStage(stage, getattr(stages, stage), stages.logits.learn == "mixers")
        self.rank = (AttentionRank if stage == "attention" else LogitRank)(spec, told, self._teacher)
        return self.rank.notices

    async def measure(self, sequences):
        self.rank.measure(sequences)

    async def step(self, sequences):
        result = self.rank.step(sequences)
        self.losses.append(result.loss)
        self.after_step(len(self.losses))
        return result

    async def logp(self, sequences):
        return self.rank.logp(sequences)

    async def teacher_logp(self, sequences):
        return self.rank.teacher_logp(sequences)

    async def save(self, folder):
        self.rank.save(folder)

    async def load(self, folder):
        self.rank.load(folder)

    async def export(self, folder):
        self.rank.export_hf(folder)

    def close(self) -> None:
        if self.rank is not None:
            self.rank.close()
            self.rank = None


class View:
    def __init__(self) -> None:
        self.notes: list[str] = []

    def stage(self, name: str, detail: str = "") -> None:
        pass

    def note(self, text: str) -> None:
        self.notes.append(text)


async def distilled(
    recipe: DistillRecipe, teacher: Path, folder: Path, text: DistillText, stop_after: int | None = None
) -> tuple[bool, Distillation, HereStudent, Sequence[str]]:
    """One process's part of a run in `folder`: from its last checkpoint, to its end or to the step given."""
    policy = resolve_model(recipe.policy, folder / "policy", recipe.run.seed)
    checkpoints, view = Checkpoints(folder / "checkpoints", recipe.distill.keep_checkpoints), View()
    latest = checkpoints.latest()
    step = None if latest is None else int(latest.name.removeprefix("step_"))
    sinks = SinkGroup(JsonlSink(folder / "metrics.jsonl", step))
    student = HereStudent(recipe, teacher)
    record = DistillRecord(folder, sinks, view, recipe.distill, step is not None, 0.0)
    run = Distillation(recipe, student, text, policy, checkpoints, record, view, latest)
    student.after_step = lambda count: run.stop() if count == stop_after else None
    try:
        finished = await run.run()
    finally:
        record.close("finished")
        student.close()
    return finished, run, student, view.notes
