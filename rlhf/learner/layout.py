"""A micro-batch as tensors: packed on one axis with each prompt once, or padded row by row.

Axes: T packed tokens, B responses, L longest row, N response tokens of the micro-batch, R longest response.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from rlhf.learner.attention import AttentionPlan, Span, plan_attention
from rlhf.learner.packing import MicroPlan, Unit
from rlhf.types import TrainSequence


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """inputs: keyword arguments of the base model. The rest says how its hidden states become log-probabilities.

    members: the responses' indices in the batch; none: a dummy that weighs nothing.
    predictor_N: position, among the flattened hidden states, that predicts each response token: for the first
    one that is the prompt's last token. row_N, column_N: its place in a [B, R] tensor.
    weight_S: for every flattened position, how many sequences it stands for (a shared prompt's token: as many
    as it has responses; padding: 0).
    tokens: run through the model without padding; slots: with it.
    """

    inputs: dict[str, Any]
    members: tuple[int, ...]
    predictor_N: Tensor
    target_N: Tensor
    row_N: Tensor
    column_N: Tensor
    weight_S: Tensor
    tokens: int
    slots: int

    @property
    def longest(self) -> int:
        return int(self.column_N.max()) + 1

    def to_rows(self, values_N: Tensor) -> Tensor:
        """[N] -> [B, R], zero where there is no token; differentiable."""
        out_BR = values_N.new_zeros((int(self.row_N.max()) + 1, self.longest))
        return out_BR.index_put((self.row_N, self.column_N), values_N)

    def gather_rows(self, arrays: Sequence[np.ndarray]) -> Tensor:
        """One float array a response -> [B, R] float32."""
        out_BR = np.zeros((len(arrays), self.longest), np.float32)
        for row, array in enumerate(arrays):
            out_BR[row, : len(array)] = array
        return torch.from_numpy(out_BR).to(self.row_N.device)


def build(plan: MicroPlan, sequences: Sequence[TrainSequence], *, padded: bool, device: str) -> MicroBatch:
    """The tensors of one micro-batch; an empty plan gives a dummy of two tokens of the batch's first prompt."""
    if not plan:
        return _dummy(sequences[0], padded=padded, device=device)
    return (_padded if padded else _packed)(plan, sequences, device)


def _dummy(sequence: TrainSequence, *, padded: bool, device: str) -> MicroBatch:
    token = sequence.prompt_ids_P[:1]
    stand_in = TrainSequence(0, token, token, *(np.zeros(1, np.float32),) * 3)
    micro = (_padded if padded else _packed)((Unit(1, (0,), (1,)),), [stand_in], device)
    return MicroBatch(
        micro.inputs,
        (),
        micro.predictor_N,
        micro.target_N,
        micro.row_N,
        micro.column_N,
        micro.weight_S * 0,
        0,
        micro.slots,
    )


def _packed(plan: MicroPlan, sequences: Sequence[TrainSequence], device: str) -> MicroBatch:
    ids: list[np.ndarray] = []
    positions: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    spans: list[Span] = []
    predictors: list[np.ndarray] = []
    offset = 0
    for unit in plan:
        start, prompt = offset, unit.prompt
        ids.append(sequences[unit.members[0]].prompt_ids_P)
        positions.append(np.arange(prompt))
        weights.append(np.full(prompt, len(unit.members), np.float32))
        offset += prompt
        for k, (member, length) in enumerate(zip(unit.members, unit.responses, strict=True)):
            own = length - 1
            ids.append(sequences[member].response_ids_R[:own])
            positions.append(np.arange(prompt, prompt + own))
            weights.append(np.ones(own, np.float32))
            # The first response continues the prompt on the axis: one causal span for both.
            spans.append(Span(start, prompt + own) if k == 0 else Span(offset, own, start, prompt))
            predictors.append(np.concatenate([[start + prompt - 1], np.arange(offset, offset + own)]))
            offset += own
    attention: AttentionPlan = plan_attention(spans).to(device)
    inputs = {
        "input_ids": _tensor(np.concatenate(ids), device)[None],
        "position_ids": _tensor(np.concatenate(positions), device)[None],
        "attention_mask": None,
        "packed_plan": attention,
    }
    return _micro_batch(plan, sequences, inputs, predictors, np.concatenate(weights), device)


def _padded(plan: MicroPlan, sequences: Sequence[TrainSequence], device: str) -> MicroBatch:
    length = max(u.longest for u in plan)
    ids_BL = np.zeros((len(plan), length), np.int64)
    mask_BL = np.zeros((len(plan), length), np.int64)
    predictors = []
    for row, unit in enumerate(plan):
        s = sequences[unit.members[0]]
        real = unit.tokens
        ids_BL[row, :real] = np.concatenate([s.prompt_ids_P, s.response_ids_R[:-1]])
        mask_BL[row, :real] = 1
        predictors.append(row * length + np.arange(unit.prompt - 1, real))
    inputs = {"input_ids": _tensor(ids_BL, device), "attention_mask": _tensor(mask_BL, device)}
    return _micro_batch(plan, sequences, inputs, predictors, mask_BL.reshape(-1).astype(np.float32), device)


def _micro_batch(
    plan: MicroPlan,
    sequences: Sequence[TrainSequence],
    inputs: dict[str, Any],
    predictors: list[np.ndarray],
    weight_S: np.ndarray,
    device: str,
) -> MicroBatch:
    members = tuple(m for unit in plan for m in unit.members)
    lengths = [len(sequences[m].response_ids_R) for m in members]
    return MicroBatch(
        inputs=inputs,
        members=members,
        predictor_N=_tensor(np.concatenate(predictors), device),
        target_N=_tensor(np.concatenate([sequences[m].response_ids_R for m in members]), device),
        row_N=_tensor(np.repeat(np.arange(len(members)), lengths), device),
        column_N=_tensor(np.concatenate([np.arange(n) for n in lengths]), device),
        weight_S=torch.from_numpy(weight_S).to(device),
        tokens=sum(u.tokens for u in plan),
        slots=int(inputs["input_ids"].numel()),
    )


def _tensor(array: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)).to(device)
