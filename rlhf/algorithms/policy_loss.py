"""From a definition and a micro-batch to the loss: surrogate, correction, KL, likelihood of the correct, entropy."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import torch
from torch import Tensor

from rlhf.algorithms.aggregation import token_weights, weighted_sum
from rlhf.algorithms.definition import Definition
from rlhf.algorithms.kl import ESTIMATORS
from rlhf.algorithms.loss_types import LossInputs, LossOutput
from rlhf.algorithms.surrogates import (
    Surrogate,
    capped_weight,
    clipped,
    mirror,
    score,
    sequence_ratio,
    sequence_token_ratio,
    token_ratio,
    uncut,
)


def ratio(inputs: LossInputs, definition: Definition) -> Tensor:
    """pi / pi_old at the definition's level, [B, T]."""
    if definition.ratio == "sequence":
        return sequence_ratio(inputs.logp_BT, inputs.old_logp_BT, inputs.mask_BT)
    if definition.ratio == "sequence_token":
        return sequence_token_ratio(inputs.logp_BT, inputs.old_logp_BT, inputs.mask_BT)
    return token_ratio(inputs.logp_BT, inputs.old_logp_BT)


def _clipped(inputs: LossInputs, d: Definition) -> Surrogate:
    return clipped(ratio(inputs, d), inputs.advantage_BT, d.clip_low, d.clip_high, d.dual_clip)


def _score(inputs: LossInputs, d: Definition) -> Surrogate:
    return score(inputs.logp_BT, inputs.advantage_BT)


def _capped_weight(inputs: LossInputs, d: Definition) -> Surrogate:
    ratio_BT = ratio(inputs, d).detach()
    capped = capped_weight(inputs.logp_BT, ratio_BT, inputs.advantage_BT, d.clip_low, d.clip_high)
    kept_BT = uncut(ratio_BT, inputs.advantage_BT, d.cut_low, d.cut_high)
    return replace(capped, loss_BT=capped.loss_BT * kept_BT)


def _mirror(inputs: LossInputs, d: Definition) -> Surrogate:
    return mirror(inputs.logp_BT, inputs.old_logp_BT, inputs.advantage_BT, inputs.mask_BT, d.mirror_tau)


SURROGATES: Mapping[str, Callable[[LossInputs, Definition], Surrogate]] = {
    "clipped": _clipped,
    "score": _score,
    "capped_weight": _capped_weight,
    "mirror": _mirror,
}


def policy_loss(inputs: LossInputs, definition: Definition, norm_length: float) -> LossOutput:
    """This micro-batch's share of the loss of the global batch.

    norm_length: divisor of seq-mean-token-sum-norm. Corrections weigh the surrogate alone, not the KL term.
    """
    inputs = _without_what_is_masked(inputs)
    surrogate = SURROGATES[definition.surrogate](inputs, definition)
    token_BT = surrogate.loss_BT if inputs.weight_BT is None else surrogate.loss_BT * inputs.weight_BT
    weights_BT = token_weights(
        definition.aggregation, inputs.mask_BT, inputs.global_tokens, inputs.global_sequences, norm_length
    )
    loss = weighted_sum(token_BT, weights_BT)
    sums = {"policy_loss": loss.detach()}
    if definition.uses_ratio:
        sums["clipped_low_tokens"] = (surrogate.clipped_low_BT * inputs.mask_BT).sum().detach()
        sums["clipped_high_tokens"] = (surrogate.clipped_high_BT * inputs.mask_BT).sum().detach()
    for name, coefficient, term in _further_terms(inputs, definition, weights_BT):
        loss = loss + coefficient * term
        sums[name] = term.detach()
    return LossOutput(loss, sums)


def _without_what_is_masked(inputs: LossInputs) -> LossInputs:
    """0 at every token with mask 0. A weight of 0 is not enough: the gradient of what overflows there is 0 * inf."""

    def kept(values_BT: Tensor) -> Tensor:
        return torch.where(inputs.mask_BT > 0, values_BT, 0.0)

    def maybe(values_BT: Tensor | None) -> Tensor | None:
        return None if values_BT is None else kept(values_BT)

    return replace(
        inputs,
        logp_BT=kept(inputs.logp_BT),
        old_logp_BT=kept(inputs.old_logp_BT),
        advantage_BT=kept(inputs.advantage_BT),
        entropy_BT=maybe(inputs.entropy_BT),
        reference_logp_BT=maybe(inputs.reference_logp_BT),
        weight_BT=maybe(inputs.weight_BT),
    )


def _further_terms(inputs: LossInputs, d: Definition, weights_BT: Tensor) -> list[tuple[str, float, Tensor]]:
    """(metric, coefficient, value) of what is added to the surrogate."""
    terms = []
    if d.kl.place == "loss" and d.kl.coef > 0.0:
        kl_BT = ESTIMATORS[d.kl.estimator](inputs.logp_BT, _given(inputs.reference_logp_BT))
        terms.append(("kl_loss", d.kl.coef, weighted_sum(kl_BT, weights_BT)))
    if d.positive_nll > 0.0:
        terms.append(("positive_nll", d.positive_nll, _positive_nll(inputs)))
    if d.entropy_coef > 0.0:
        if inputs.entropy_BT is None:
            raise ValueError("algorithm.entropy_coef needs the entropy of every token, with its gradient")
        terms.append(("entropy_bonus", -d.entropy_coef, weighted_sum(inputs.entropy_BT, weights_BT)))
    return terms


def _positive_nll(inputs: LossInputs) -> Tensor:
    """-sum of logp over the tokens of correct responses, over their number in the global batch; 0 if there is none."""
    if inputs.correct_B is None or inputs.global_correct_tokens is None:
        raise ValueError("algorithm.positive_nll needs to know which responses are correct")
    correct_BT = inputs.mask_BT * inputs.correct_B[:, None]
    return -weighted_sum(inputs.logp_BT, correct_BT / max(inputs.global_correct_tokens, 1.0))


def _given(reference_logp_BT: Tensor | None) -> Tensor:
    if reference_logp_BT is None:
        raise ValueError("this algorithm needs the log-probabilities of a reference policy")
    return torch.as_tensor(reference_logp_BT)
