"""One micro-batch's share of what a step minimises: the algorithm's loss and what the model adds to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rlhf.algorithms.loss_types import LossInputs, LossOutput
from rlhf.learner.engine import Engine
from rlhf.learner.layout import MicroBatch
from rlhf.learner.metrics import Tally
from rlhf.learner.spec import LossFn, OldLogprobs
from rlhf.learner.terms import Monitors, Terms
from rlhf.types import Batch


@dataclass(frozen=True, slots=True)
class StepOptions:
    old_logprobs: OldLogprobs
    entropy_gradient: bool
    compare: bool  # whether behaviour log-probabilities mean something (not in supervised steps)


def micro_objective(
    engine: Engine,
    monitors: Monitors,
    micro: MicroBatch,
    batch: Batch,
    loss: LossFn,
    options: StepOptions,
    terms: Terms,
    tally: Tally,
) -> Tensor:
    """This micro-batch's share of the objective, its statistics added to the tally."""
    with tally.seconds("forward"):
        with monitors.recording() as records:
            logp_N, entropy_N = engine(micro, batch.temperature, options.entropy_gradient)
        if not micro.members:
            return (logp_N.sum() + entropy_N.sum()) * 0.0 + terms.term(records, micro, tally)
        members = [batch.sequences[m] for m in micro.members]
        logp_BT, entropy_BT = micro.to_rows(logp_N), micro.to_rows(entropy_N)
        behaviour_BT = micro.gather_rows([s.behaviour_logp_R for s in members])
        mask_BT = micro.gather_rows([s.mask_R for s in members])
        old_BT = _optional(micro, [s.old_logp_R for s in members])
        if old_BT is None:
            old_BT = behaviour_BT if options.old_logprobs == "behaviour" else logp_BT.detach()
        output = loss(
            LossInputs(
                logp_BT=logp_BT,
                old_logp_BT=old_BT,
                advantage_BT=micro.gather_rows([s.advantage_R for s in members]),
                mask_BT=mask_BT,
                global_tokens=batch.global_tokens,
                global_sequences=batch.global_sequences,
                entropy_BT=entropy_BT if options.entropy_gradient else None,
                reference_logp_BT=_optional(micro, [s.reference_logp_R for s in members]),
                weight_BT=_optional(micro, [s.weight_R for s in members]),
                correct_B=mask_BT.new_tensor([float(s.correct) for s in members]),
                global_correct_tokens=batch.global_correct_tokens,
            )
        )
        added = terms.term(records, micro, tally)
        share = output.loss + added
    tally.add("objective", torch.as_tensor(added).detach())
    if micro.reports:
        tally.add("objective", output.loss.detach())
        for name, value in output.sums.items():
            tally.add(f"loss/{name}", value)
        tally.tokens(logp_BT.detach(), behaviour_BT, entropy_BT.detach(), mask_BT, options.compare)
    tally.add("tokens_run", micro.tokens)
    tally.add("slots", micro.slots)
    tally.add("tokens_unshared", float(micro.weight_S.sum()))
    if not bool(torch.isfinite(share)):
        # Reaches every rank through the gradient's norm, where the engine drops the step on all of them. The share
        # stays in it: a rank that left out a collective of its backward pass would be waited for.
        share = (share + logp_N.sum()) * float("nan")
    return share


def _optional(micro: MicroBatch, arrays: Sequence[np.ndarray | None]) -> Tensor | None:
    """[B, T] of what every sequence has, or none."""
    held = [array for array in arrays if array is not None]
    if held and len(held) != len(arrays):
        raise ValueError(
            f"{len(held)} of {len(arrays)} sequences of a micro-batch have a field that all or none must have"
        )
    return micro.gather_rows(held) if held else None


def mean_nll(inputs: LossInputs) -> LossOutput:
    """Negative log-likelihood of the masked tokens, nats a token of the global batch."""
    nll = -(inputs.logp_BT * inputs.mask_BT).sum() / inputs.global_tokens
    return LossOutput(nll, {"nll": nll.detach()})
