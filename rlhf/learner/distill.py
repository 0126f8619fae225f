"""One rank of a distillation: a student that learns from a frozen teacher beside it, in one of two stages. Ray-free.

All methods but `close` are collective. Every loss is a mean over the global batch, whatever the micro-batches and ranks
(rule of all learners); a shared prompt's token counts once for every response.

Axes: N response tokens of a micro-batch, L layers that are matched.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn

from rlhf.learner.aux_losses import KernelMonitor, KernelTerm, Recorded
from rlhf.learner.base_rank import BaseRank
from rlhf.learner.distill_spec import DistillStage
from rlhf.learner.layout import MicroBatch
from rlhf.learner.match_attention import AttentionMatch, output_squares
from rlhf.learner.match_logits import LogitMatch, Taught
from rlhf.learner.metrics import Tally, all_reduced
from rlhf.learner.spec import LearnerSpec, StepResult
from rlhf.learner.teacher import Teacher
from rlhf.learner.weights import export_folder
from rlhf.models.hybrid.layers import mixers_of
from rlhf.types import TrainSequence

SCALES = "attention_scales.json"


class DistillRank(BaseRank):
    """What both stages have. Subclasses say what a micro-batch's share of the loss is."""

    def __init__(self, spec: LearnerSpec, stage: DistillStage, teacher: Teacher) -> None:
        super().__init__(spec, self._make_module)
        if self.layout != "packed":
            raise ValueError(f"{spec.model_dir}: a student learns on packed sequences; {'; '.join(self.notices)}")
        self.teacher, self.stage = teacher, stage
        self.start_stage(stage.config.learning_rate, stage.config.warmup_steps, spec.learner.weight_decay)
        self._kernels = KernelMonitor(self.model)

    def _make_module(self, lm: Any) -> nn.Module:
        raise NotImplementedError

    def _share(self, micro: MicroBatch, batch: Sequence[TrainSequence], tally: Tally) -> tuple[Tensor, Recorded]:
        """The micro-batch's part of the loss, which is a mean over the global batch."""
        raise NotImplementedError

    def step(self, sequences: Sequence[TrainSequence]) -> StepResult:
        """One update on the whole batch. Raises NonFiniteError before anything is changed."""
        tally, plan = Tally(), self._plan(sequences)
        micros = self._micro_batches(plan, sequences)
        kernels = KernelTerm(self._kernels, sequences)
        for i, micro in enumerate(micros):
            with tally.seconds("forward"):
                share, recorded = self._share(micro, sequences, tally)
                tally.add("objective", share.detach())
                whole = share + kernels.term(recorded, micro, tally)
                if not bool(torch.isfinite(whole)):
                    whole = share * float("nan")  # reaches every rank through the gradient's norm
            with tally.seconds("backward"):
                self._engine.backward(whole, last=i == len(micros) - 1)
        with tally.seconds("optimizer"):
            norm, rate = self._step_optimizer()
            kernels.learn_outside(self._engine, self._stage.step)
        sums, maxima = tally.reduced()
        metrics = {name: value for name, value in sums.items() if name != "objective"}
        metrics |= {f"learner/{name}": value for name, value in maxima.items()}
        return StepResult(self._stage.step, sums["objective"], norm, rate, metrics)

    def _step_optimizer(self) -> tuple[float, float]:
        rate = self.stage.learning_rate_at(self._stage.step)
        norm = self._engine.step(rate)
        self._stage.step += 1
        return norm, rate

    def logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        """Of the student: log-probability of each response token, float32 [R] per sequence, in order; on every rank."""
        return self._scores(sequences, lambda micro: self._engine(micro, 1.0)[0])

    def teacher_logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        return self._scores(sequences, self.teacher.logp)

    def export_hf(self, folder: str | Path, tokenizer: Any = None) -> None:
        """A folder that transformers and vLLM load, written by rank 0."""
        export_folder(self._engine, self.model, self.spec.rank, Path(folder), tokenizer)


class AttentionRank(DistillRank):
    """The first stage. Before its first step `measure` or `load` says how large the teacher's outputs are."""

    _scale_L: Tensor | None = None

    def _make_module(self, lm: Any) -> nn.Module:
        self._match = AttentionMatch(lm, self.spec.learner.logit_chunk, self.spec.learner.gradient_checkpointing)
        return self._match

    def measure(self, sequences: Sequence[TrainSequence]) -> list[float]:
        """Mean square of the teacher's output in every layer that is matched, over these sequences. The errors of all
        later steps are divided by it: a constant, so that no split of a batch changes a gradient."""
        layers = self._match.layers
        sums_L = torch.zeros(len(layers), device=self.spec.device)
        for micro in self._micro_batches(self._plan(sequences), sequences):
            sums_L += output_squares(micro, self.teacher.attention(micro, layers), layers)
        self._scale_L = all_reduced(sums_L) / _tokens_run(sequences)
        return self._scale_L.tolist()

    def _share(self, micro: MicroBatch, batch: Sequence[TrainSequence], tally: Tally) -> tuple[Tensor, Recorded]:
        if self._scale_L is None:
            raise RuntimeError("the teacher's outputs were not measured")
        seen = self.teacher.attention(micro, self._match.layers)
        with self._kernels.recording() as recorded:
            error_L = self._engine(micro, seen) / (self._scale_L * _tokens_run(batch))
        for layer, error in zip(self._match.layers, error_L.tolist(), strict=True):
            tally.add(f"attention/error_layer_{layer}", error)
        return error_L.mean(), recorded

    def logp(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        with self._engine.gathered(list(self._match.parameters())):
            return self._scores(sequences, lambda micro: self._match.policy(micro, 1.0)[0])

    def save(self, folder: str | Path) -> None:
        super().save(folder)
        if self.spec.rank == 0 and self._scale_L is not None:
            (Path(folder) / SCALES).write_text(json.dumps(self._scale_L.tolist()))
        dist.barrier()

    def load(self, folder: str | Path) -> None:
        super().load(folder)
        self._scale_L = torch.tensor(json.loads((Path(folder) / SCALES).read_text()), device=self.spec.device)


class LogitRank(DistillRank):
    """The second stage."""

    def __init__(self, spec: LearnerSpec, stage: DistillStage, teacher: Teacher) -> None:
        self._mixers_only = stage.mixers_only
        super().__init__(spec, stage, teacher)

    def _make_module(self, lm: Any) -> nn.Module:
        if self._mixers_only:
            learned = {id(p) for m in mixers_of(lm).values() for p in m.parameters() if p.requires_grad}
            for parameter in lm.parameters():
                parameter.requires_grad_(id(parameter) in learned)
        return LogitMatch(lm, self.spec.learner.logit_chunk)

    def _share(self, micro: MicroBatch, batch: Sequence[TrainSequence], tally: Tally) -> tuple[Tensor, Recorded]:
        weight_N = _share_of_each(micro, batch)
        taught = Taught(self.teacher.hidden(micro), self.teacher.head, weight_N)
        with self._kernels.recording() as recorded:
            loss, kl_N, logp_N, teacher_logp_N = self._engine(micro, taught=taught)
        tally.add("kl", (kl_N * weight_N).sum())
        tally.add("nats", -(logp_N * weight_N).sum())
        tally.add("nats_teacher", -(teacher_logp_N * weight_N).sum())
        return loss, recorded


def _tokens_run(sequences: Sequence[TrainSequence]) -> float:
    """The last token of a sequence predicts nothing and is not run."""
    return float(sum(s.total_tokens - 1 for s in sequences))


def _share_of_each(micro: MicroBatch, batch: Sequence[TrainSequence]) -> Tensor:
    """[N]: what a response token counts in a mean over all that are not masked; a dummy's count nothing."""
    masks = [batch[member].mask_R for member in micro.members] or [np.zeros(len(micro.target_N), np.float32)]
    learned = float(sum(s.mask_R.sum() for s in batch))
    return torch.from_numpy(np.concatenate(masks)).to(micro.target_N.device) / learned
