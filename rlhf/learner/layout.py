"""A micro-batch as tensors: packed on one axis with each prompt once, or padded row by row.

What the packed prompts of a micro-batch begin with in common (a system prompt, answered examples) is run once for all
of them, as each prompt is for its responses.

Axes: T packed tokens, B responses, L longest row, N response tokens of the micro-batch, R longest response.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from rlhf.learner.attention import AttentionPlan, Span, plan_attention
from rlhf.learner.packing import MicroPlan, Unit
from rlhf.types import TrainSequence

if TYPE_CHECKING:
    from rlhf.learner.portion import Portion


@dataclass(frozen=True, slots=True)
class MicroBatch:
    """inputs: keyword arguments of the base model. The rest says how its hidden states become log-probabilities.

    members: the responses' indices in the batch; none: a dummy that weighs nothing.
    predictor_N: position, among the flattened hidden states, that predicts each response token: for the first
    one that is the prompt's last token. row_N, column_N: its place in a [B, R] tensor.
    weight_S: for every flattened position, how many sequences it stands for (a shared prompt's token: as many
    as it has responses; padding: 0).
    tokens: run through the model without padding; slots: with it.
    portion: where ranks share the micro-batch, what this one has of it: inputs, weights and counts of tokens are of its
    own tokens then, the rest is of the whole.
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
    portion: Portion | None = None

    @property
    def reports(self) -> bool:
        """Whether it is this rank that tells what all ranks that share the micro-batch know alike."""
        return self.portion is None or self.portion.axis.parallel.rank == 0

    def predicting(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """(hidden states [M, D], targets [M]) of the M response tokens that `states` predict: unless ranks share the
        micro-batch all N."""
        flat_SD = states.reshape(-1, states.shape[-1])
        if self.portion is None:
            return flat_SD.index_select(0, self.predictor_N), self.target_N
        own_M = self.portion.own_M
        return flat_SD.index_select(0, self.portion.predictor_M), self.target_N.index_select(0, own_M)

    def whole(self, values_M: Tensor) -> Tensor:
        """[M] -> [N], on every rank that shares the micro-batch; all must compute the same loss from it."""
        if self.portion is None:
            return values_M
        return self.portion.axis.parallel.joined(values_M, self.portion.own_M, len(self.predictor_N))

    def of_tokens(self, loss_T: Tensor) -> Tensor:
        """What a kernel says of all tokens of a level -> of those that `weight_S` is of."""
        return loss_T if self.portion is None else self.portion.axis.mean(loss_T)

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


MIN_COMMON = 16  # tokens; fewer are not worth the gathering of keys


def build(
    plan: MicroPlan, sequences: Sequence[TrainSequence], *, padded: bool, device: str, share: bool = True
) -> MicroBatch:
    """The tensors of one micro-batch; an empty plan gives a dummy of two tokens of the batch's first prompt.

    share: run what several prompts begin with once (packed layout only).
    """
    if not plan:
        return _dummy(sequences[0], padded=padded, device=device)
    if padded:
        return _padded(plan, sequences, device)
    return _packed(plan, sequences, device, common_prefix(plan, sequences) if share else 0)


def common_prefix(plan: MicroPlan, sequences: Sequence[TrainSequence]) -> int:
    """Tokens that all prompts of the micro-batch begin with; 0 if they are few. Each keeps one of its own at least."""
    prompts = [sequences[unit.members[0]].prompt_ids_P for unit in plan]
    shortest = min(map(len, prompts))
    same_P = np.all([prompt[:shortest] == prompts[0][:shortest] for prompt in prompts], axis=0)
    common = min(shortest - 1, int(np.cumprod(same_P).sum()))
    return common if len(plan) > 1 and common >= MIN_COMMON else 0


def _dummy(sequence: TrainSequence, *, padded: bool, device: str) -> MicroBatch:
    token = sequence.prompt_ids_P[:1]
    stand_in = TrainSequence(0, token, token, *(np.zeros(1, np.float32),) * 3)
    plan = (Unit(1, (0,), (1,)),)
    micro = _padded(plan, [stand_in], device) if padded else _packed(plan, [stand_in], device, 0)
    return replace(micro, members=(), weight_S=micro.weight_S * 0, tokens=0)


def _packed(plan: MicroPlan, sequences: Sequence[TrainSequence], device: str, common: int) -> MicroBatch:
    """common: tokens that all prompts begin with, which stand once, at the start of the axis."""
    ids: list[np.ndarray] = []
    positions: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    spans: list[Span] = []
    predictors: list[np.ndarray] = []
    offset = common
    before: tuple[tuple[int, int], ...] = ()
    if common:
        ids.append(sequences[plan[0].members[0]].prompt_ids_P[:common])
        positions.append(np.arange(common))
        weights.append(np.full(common, sum(len(unit.members) for unit in plan), np.float32))
        before = ((0, common),)
        spans.append(Span(0, common))
    for unit in plan:
        start, prompt, own_prompt = offset, unit.prompt, unit.prompt - common
        ids.append(sequences[unit.members[0]].prompt_ids_P[common:])
        positions.append(np.arange(common, prompt))
        weights.append(np.full(own_prompt, len(unit.members), np.float32))
        offset += own_prompt
        for k, (member, length) in enumerate(zip(unit.members, unit.responses, strict=True)):
            own = length - 1
            ids.append(sequences[member].response_ids_R[:own])
            positions.append(np.arange(prompt, prompt + own))
            weights.append(np.ones(own, np.float32))
            # The first response continues the prompt on the axis: one causal span for both.
            first = Span(start, own_prompt + own, before)
            spans.append(first if k == 0 else Span(offset, own, (*before, (start, own_prompt))))
            predictors.append(np.concatenate([[start + own_prompt - 1], np.arange(offset, offset + own)]))
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
        tokens=int(np.count_nonzero(weight_S)),
        slots=int(inputs["input_ids"].numel()),
    )


def _tensor(array: np.ndarray, device: str) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.int64)).to(device)
