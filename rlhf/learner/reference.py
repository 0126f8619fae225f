"""A policy that others are compared with: no optimizer, no gradient; whole on every rank, whatever the ZeRO stage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from rlhf.learner.base_rank import load
from rlhf.learner.engine import Engine
from rlhf.learner.layout import MicroBatch, build
from rlhf.learner.packing import plan_step
from rlhf.learner.policy import PolicyModule
from rlhf.learner.scoring import score
from rlhf.learner.spec import LearnerSpec
from rlhf.types import TrainSequence

FILE = "reference.safetensors"


class Reference:
    """Starts as the model of `spec.model_dir`."""

    def __init__(self, spec: LearnerSpec) -> None:
        loaded = load(spec)
        self.layout = loaded.layout
        self.hidden = int(loaded.model.config.hidden_size)
        self._module = PolicyModule(loaded.model, spec.learner.logit_chunk).eval().requires_grad_(False)
        self._device, self._learner = spec.device, spec.learner
        self._share_prompts = spec.learner.share_prompts and loaded.shares
        # A moving average in float32: in bfloat16 a hundredth of a small change would be rounded away.
        self._average: list[Tensor] | None = None

    def logp(self, micro: MicroBatch, temperature: float) -> Tensor:
        """[N] of the micro-batch's response tokens."""
        with torch.no_grad():
            return self._module(micro, temperature)[0]

    def follow(self, parameters: Iterable[Tensor], keep: float) -> None:
        """Every parameter becomes keep * itself + (1 - keep) * the one given, which come in the same order."""
        with torch.no_grad():
            if keep and self._average is None:
                self._average = [p.float() for p in self._parameters()]
            for i, (own, given) in enumerate(zip(self._parameters(), parameters, strict=True)):
                if self._average is None:
                    own.copy_(given)
                else:
                    own.copy_(self._average[i].lerp_(given.to(self._average[i]), 1.0 - keep))

    def scores(self, sequences: Sequence[TrainSequence], temperature: float) -> list[np.ndarray]:
        """[R] a sequence, in order: for a reference that stands alone, with all sequences to itself."""
        learner, padded = self._learner, self.layout == "padded"
        plan = plan_step(
            sequences,
            1,
            learner.token_budget,
            hidden=self.hidden,
            share_prompts=self._share_prompts,
            padded=padded,
        )
        share = self._share_prompts
        micros = [build(m, sequences, padded=padded, device=self._device, share=share) for m in plan.ranks[0]]
        return score(sequences, micros, lambda micro: self.logp(micro, temperature), ranks=1)

    def save(self, folder: Path) -> None:
        held = self._average or self._parameters()
        save_file({str(i): p.contiguous() for i, p in enumerate(held)}, folder / FILE)

    def load(self, folder: Path) -> None:
        """FileNotFoundError where the checkpoint was written without a reference."""
        if not (folder / FILE).is_file():
            raise FileNotFoundError(f"{folder} holds no reference policy: the run had no KL term; start a new run")
        held = load_file(folder / FILE, device=self._device)
        ordered = [held[str(i)] for i in range(len(held))]
        if ordered[0].dtype is torch.float32 and self._parameters()[0].dtype is not torch.float32:
            self._average = ordered
        self.follow(ordered, keep=0.0)

    def _parameters(self) -> list[Tensor]:
        return list(self._module.lm.parameters())


def current(engine: Engine, model: Any) -> Iterator[Tensor]:
    """The policy's parameters in order, one at a time and whole; a collective under ZeRO-3."""
    for parameter in model.parameters():
        with engine.gathered([parameter]):
            yield parameter.detach()
