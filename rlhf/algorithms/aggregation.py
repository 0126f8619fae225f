"""How token losses become one number (spec: recipes, section 0). Axes: B sequences, T tokens.

Every rule is a weight per token, so that the loss of any part of a batch is a plain weighted sum and the
parts add up to the whole: the totals are the global batch's, never a micro-batch's or a rank's.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

AGGREGATIONS = ("token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm")


def token_weights(
    rule: str, mask_BT: Tensor, global_tokens: float, global_sequences: int, norm_length: float | None = None
) -> Tensor:
    """Weight of every token, [B, T]; zero where the mask is zero, and for a row whose mask is all zero."""
    if rule not in AGGREGATIONS:
        raise ValueError(f"unknown aggregation {rule!r}; write one of {', '.join(AGGREGATIONS)}")
    rules: dict[str, Callable[[], Tensor]] = {
        "token-mean": lambda: mask_BT / max(global_tokens, 1.0),
        "seq-mean-token-mean": lambda: mask_BT / mask_BT.sum(1, keepdim=True).clamp(min=1.0) / global_sequences,
        "seq-mean-token-sum": lambda: mask_BT / global_sequences,
        "seq-mean-token-sum-norm": lambda: mask_BT / (global_sequences * _required(norm_length)),
    }
    return rules[rule]()


def weighted_sum(values_BT: Tensor, weights_BT: Tensor) -> Tensor:
    """Sum of weights times values; what stands under a zero weight is not read, NaN included."""
    return (torch.where(weights_BT > 0, values_BT, 0.0) * weights_BT).sum()


def _required(norm_length: float | None) -> float:
    if norm_length is None:
        raise ValueError("seq-mean-token-sum-norm needs algorithm.norm_length")
    return norm_length
