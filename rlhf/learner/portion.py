"""One rank's part of a micro-batch that several ranks share (learner.sequence_parallel).

Axes: T packed tokens, L of them on this rank, N response tokens of the micro-batch, M of them predicted on this rank.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from rlhf.learner.layout import MicroBatch
from rlhf.learner.sharded_axis import ShardedAxis, sharded
from rlhf.learner.ulysses import SequenceParallel


@dataclass(frozen=True, slots=True)
class Portion:
    """own_M: which of the N response tokens are predicted by this rank's states. predictor_M: by which of these."""

    axis: ShardedAxis
    own_M: Tensor
    predictor_M: Tensor


def portion_of(micro: MicroBatch, parallel: SequenceParallel, reach: int) -> MicroBatch:
    """A packed micro-batch, as every rank of the group builds it, cut down to this rank's tokens.

    The attention plan, and the places of response tokens, stay those of the whole. reach: see `sharded`.
    """
    plan = micro.inputs["packed_plan"]
    ids_1T, positions_1T = micro.inputs["input_ids"], micro.inputs["position_ids"]
    axis = sharded(parallel, ids_1T.shape[1], reach)
    local_N = micro.predictor_N - axis.start
    (own_M,) = torch.nonzero((local_N >= 0) & (local_N < axis.length), as_tuple=True)
    inputs = micro.inputs | {
        "input_ids": axis.cut(ids_1T),
        "position_ids": axis.cut(positions_1T),
        "packed_plan": replace(plan, parallel=axis),
    }
    weight_L = axis.cut(micro.weight_S)
    return replace(
        micro,
        inputs=inputs,
        weight_S=weight_L,
        tokens=int(torch.count_nonzero(weight_L)),
        slots=axis.length,
        portion=Portion(axis, own_M, local_N.index_select(0, own_M)),
    )
