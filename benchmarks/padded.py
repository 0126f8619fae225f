"""The baseline of `learner.py`: what a training loop over a Hugging Face model does without packing."""

from __future__ import annotations

import random
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoModelForCausalLM

from rlhf.algorithms.loss_types import LossInputs
from rlhf.learner.config import deepspeed_config, parameter_groups
from rlhf.learner.engine import Engine, join_group, leave_group
from rlhf.learner.spec import LearnerSpec, LossFn
from rlhf.types import Batch, TrainSequence

_IGNORE = -100


class PaddedLoop:
    """Random order, right-padded micro-batches with an attention mask, the model's own forward with all its logits.

    Log-probabilities come from `cross_entropy` on the logits in the model's dtype, the cheapest way there is
    without another head. One optimizer step a batch, gradients accumulated, as Longthought does.
    """

    def __init__(self, spec: LearnerSpec, rows: int) -> None:
        torch.set_num_threads(spec.threads)
        self._rows = rows
        self._rate = spec.learner.learning_rate
        self._draw = random.Random(spec.seed)
        dtype = spec.policy.dtype
        model = AutoModelForCausalLM.from_pretrained(
            spec.model_dir, dtype=getattr(torch, dtype), attn_implementation="sdpa"
        ).train()
        config = deepspeed_config(spec.learner, dtype, spec.device, sum(p.numel() for p in model.parameters()))
        join_group(spec)
        self._engine = Engine(model, config, parameter_groups(model, spec.learner.weight_decay), spec.world_size)

    def update(self, batch: Batch, loss: LossFn) -> float:
        """One optimizer step; the loss of the batch."""
        order = list(batch.sequences)
        self._draw.shuffle(order)
        micros = [order[i : i + self._rows] for i in range(0, len(order), self._rows)]
        total = 0.0
        for index, rows in enumerate(micros):
            share = self._objective(rows, batch, loss)
            total += float(share.detach())
            self._engine.backward(share, last=index == len(micros) - 1)
        self._engine.step(self._rate)
        return total

    def _objective(self, rows: Sequence[TrainSequence], batch: Batch, loss: LossFn) -> Tensor:
        ids_BT, attend_BT, label_BT, advantage_BT = _pad(rows)
        logits_BTV = self._engine(input_ids=ids_BT, attention_mask=attend_BT, use_cache=False).logits[:, :-1]
        flat = cross_entropy(logits_BTV.flatten(0, 1), label_BT.flatten(), reduction="none", ignore_index=_IGNORE)
        logp_BT = -flat.view_as(label_BT).float()
        inputs = LossInputs(
            logp_BT=logp_BT,
            old_logp_BT=logp_BT.detach(),
            advantage_BT=advantage_BT,
            mask_BT=(label_BT != _IGNORE).float(),
            global_tokens=batch.global_tokens,
            global_sequences=batch.global_sequences,
        )
        return loss(inputs).loss

    def close(self) -> None:
        self._engine.close()
        leave_group()


def _pad(rows: Sequence[TrainSequence]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """ids [B, T], attention mask [B, T], and of positions 1 to T-1 the labels and the advantages [B, T-1]."""
    longest = max(r.total_tokens for r in rows)
    ids = torch.zeros(len(rows), longest, dtype=torch.int64)
    attend = torch.zeros_like(ids)
    labels = torch.full_like(ids, _IGNORE)
    advantages = torch.zeros(ids.shape)
    for row, sequence in enumerate(rows):
        prompt, total = len(sequence.prompt_ids_P), sequence.total_tokens
        ids[row, :prompt] = torch.as_tensor(sequence.prompt_ids_P)
        ids[row, prompt:total] = torch.as_tensor(sequence.response_ids_R)
        attend[row, :total] = 1
        labels[row, prompt:total] = ids[row, prompt:total]
        advantages[row, prompt:total] = torch.as_tensor(sequence.advantage_R)
    return ids, attend, labels[:, 1:], advantages[:, 1:]
