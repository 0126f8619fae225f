"""What a loss is given and what it returns. Axes: B sequences of a micro-batch, T response positions."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True, slots=True)
class LossInputs:
    """One micro-batch, response positions only, padded to the longest response.

    logp_BT: log-probability of each response token under the current policy, with gradient.
    old_logp_BT: denominator of the ratio (see `algorithm.old_logprobs`), no gradient.
    advantage_BT: no gradient. mask_BT: 1 where a token was written by the model, else 0.
    entropy_BT: of the policy's distribution at each position, with gradient, or None where not asked for.
    global_tokens, global_sequences: totals over the whole batch, not this micro-batch: dividing by them
    makes the sum over micro-batches and ranks equal the loss of the whole batch.
    """

    logp_BT: Tensor
    old_logp_BT: Tensor
    advantage_BT: Tensor
    mask_BT: Tensor
    global_tokens: float
    global_sequences: int
    entropy_BT: Tensor | None = None
    reference_logp_BT: Tensor | None = None
    weight_BT: Tensor | None = None
    correct_B: Tensor | None = None
    global_correct_tokens: float | None = None


@dataclass(frozen=True, slots=True)
class LossOutput:
    """loss: this micro-batch's share of the batch's loss (sum over micro-batches and ranks = the loss).

    sums: additive statistics (no gradient); the learner adds them over micro-batches and ranks, and divides
    those ending in `_tokens` by the batch's tokens, those in `_sequences` by its sequences.
    """

    loss: Tensor
    sums: dict[str, Tensor]
