"""A value function as a DeepSpeed learner of its own: what reward will come, said before every response token.

Axes: N response tokens of a micro-batch, D hidden size, B sequences, T response positions.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.functional import linear

from rlhf.algorithms.aggregation import token_weights, weighted_sum
from rlhf.algorithms.value import value_loss
from rlhf.learner.base_rank import BaseRank
from rlhf.learner.layout import MicroBatch
from rlhf.learner.metrics import Tally
from rlhf.learner.spec import LearnerSpec, StepResult
from rlhf.learner.weights import export_folder
from rlhf.learner.wide import widen
from rlhf.types import Batch, TrainSequence

HEAD_FILE = "value_head.safetensors"


class ValueModule(nn.Module):
    """A model without its output layer, and a value head that starts at zero: before it has learned, V is 0.

    folder: of the model; where it holds a value head too, of a critic that was exported, that one is taken.
    """

    def __init__(self, lm: Any, folder: Path) -> None:
        super().__init__()
        self.body = lm.base_model
        widen(self.body, str(lm.device))
        self.head = nn.Linear(int(lm.config.hidden_size), 1, device=lm.device, dtype=lm.dtype)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)
        if (folder / HEAD_FILE).is_file():
            self.head.load_state_dict(load_file(folder / HEAD_FILE))

    def forward(self, micro: MicroBatch) -> Tensor:
        """[N] float32: the value of what stands before each response token."""
        states = self.body(**micro.inputs, use_cache=False).last_hidden_state
        hidden_MD, _ = micro.predicting(states)
        # In float32, also of bfloat16 weights: near 1 a bfloat16 value has steps of 1/128.
        bias = self.head.bias.float()
        return micro.whole(linear(hidden_MD.float(), self.head.weight.float(), bias).squeeze(-1))


class CriticRank(BaseRank):
    """All methods but `close` are collective."""

    SHARES_SEQUENCES = True

    def __init__(self, spec: LearnerSpec) -> None:
        super().__init__(spec, lambda model: ValueModule(model, Path(spec.model_dir)))

    def values(self, sequences: Sequence[TrainSequence]) -> list[np.ndarray]:
        """Of every response token, float32 [R] per sequence, in order; on every rank."""
        return self._scores(sequences, self._engine)

    def update(self, batch: Batch, clip: float | None) -> StepResult:
        """One optimizer step towards the sequences' `return_R`, the mean over the batch's tokens of value_loss.

        clip: holds a value within that distance of `value_R`.
        """
        if batch.global_tokens <= 0:
            raise ValueError(f"none of the {len(batch.sequences)} sequences of the batch has a token to learn from")
        tally = Tally()
        micros = self._micro_batches(self._plan(batch.sequences), batch.sequences)
        for i, micro in enumerate(micros):
            with tally.seconds("forward"):
                share = self._share(micro, batch, clip, tally)
            with tally.seconds("backward"):
                self._engine.backward(share, last=i == len(micros) - 1)
        norm, rate = self._step_optimizer()
        sums, maxima = tally.reduced()
        metrics = {f"critic/{name}": value for name, value in maxima.items()}
        return StepResult(self._stage.step, sums["loss"], norm, rate, metrics)

    def export_hf(self, folder: str | Path) -> None:
        """A folder in Hugging Face format with the value head beside it, which another critic may start from."""
        folder = Path(folder)
        export_folder(self._engine, self.model, self.spec.rank, folder, tokenizer=None)
        head = self._engine.ds.module.head
        with self._engine.gathered(list(head.parameters())):
            if self.spec.rank == 0:
                save_file({name: t.detach().cpu().clone() for name, t in head.named_parameters()}, folder / HEAD_FILE)
        dist.barrier()

    def _share(self, micro: MicroBatch, batch: Batch, clip: float | None, tally: Tally) -> Tensor:
        value_N: Tensor = self._engine(micro)
        if not micro.members:
            tally.add("loss", 0.0)
            return value_N.sum() * 0.0
        members = [batch.sequences[m] for m in micro.members]
        mask_BT = micro.gather_rows([s.mask_R for s in members])
        old_BT = micro.gather_rows([_held(s.value_R, "value_R") for s in members])
        return_BT = micro.gather_rows([_held(s.return_R, "return_R") for s in members])
        loss_BT = value_loss(micro.to_rows(value_N), return_BT, old_BT, clip)
        weights_BT = token_weights("token-mean", mask_BT, batch.global_tokens, batch.global_sequences)
        share = weighted_sum(loss_BT, weights_BT)
        if micro.reports:
            tally.add("loss", share.detach())
        return share if bool(torch.isfinite(share)) else value_N.sum() * float("nan")


def _held(array: np.ndarray | None, name: str) -> np.ndarray:
    if array is None:
        raise ValueError(f"a critic learns from sequences with {name}")
    return array
