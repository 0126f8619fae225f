"""Losses of a batch, with their gradients with respect to the log-probabilities of the current policy."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rlhf.algorithms.advantages import group_mean_baseline, leave_one_out, soft_baseline
from rlhf.algorithms.aggregation import AGGREGATIONS, token_weights, weighted_sum
from rlhf.algorithms.catalog import CATALOG, GRPO
from rlhf.algorithms.definition import Definition, Kl
from rlhf.algorithms.kl import ESTIMATORS
from rlhf.algorithms.loss_types import LossInputs
from rlhf.algorithms.policy_loss import SURROGATES, policy_loss, ratio
from rlhf.algorithms.surrogates import capped_weight, clipped, sequence_ratio, token_ratio, uncut
from tests.oracle_parts.tensors import plain, t, with_gradient

Inputs = dict[str, Any]


def loss_inputs(i: Inputs, logp_BT: Tensor, advantage_B: Tensor, correct_B: Tensor | None = None) -> LossInputs:
    mask = t(i["mask"])
    return LossInputs(
        logp_BT=logp_BT,
        old_logp_BT=t(i["old_logp"]),
        advantage_BT=advantage_B[:, None] * mask,
        mask_BT=mask,
        global_tokens=float(mask.sum()),
        global_sequences=len(mask),
        reference_logp_BT=t(i["ref_logp"]) if "ref_logp" in i else None,
        correct_B=correct_B,
        global_correct_tokens=None if correct_B is None else float((mask * correct_B[:, None]).sum()),
    )


def loss_of(definition: Definition, i: Inputs, advantage_B: Tensor, **extra: Any) -> tuple[float, Any]:
    def loss(logp_BT: Tensor) -> Tensor:
        return policy_loss(loss_inputs(i, logp_BT, advantage_B, **extra), definition, i.get("norm_len") or 1.0).loss

    return with_gradient(loss, i["new_logp"])


def agg(i: Inputs) -> Inputs:
    mask = t(i["mask"])
    return {
        rule: float(weighted_sum(t(i["x"]), token_weights(rule, mask, float(mask.sum()), len(mask), i["norm_len"])))
        for rule in AGGREGATIONS
    }


def kl(i: Inputs) -> Inputs:
    names = {"new": "new_logp", "old": "old_logp", "ref": "ref_logp", "rollout": "rollout_logp"}
    p, q, mask = t(i[names[i["p"]]]), t(i[names[i["q"]]]), t(i["mask"])
    answer: Inputs = {}
    for name, estimator in ESTIMATORS.items():
        answer[name] = plain(estimator(p, q) * mask)
        answer[f"d{name}_dlogp"] = with_gradient(lambda x, f=estimator: (f(x, q) * mask).sum(), p)[1]
    k3 = ESTIMATORS["k3"](p, q)
    for rule in ("seq-mean-token-mean", "token-mean"):
        key = f"k3_{rule.replace('-', '_')}"
        answer[key] = float(weighted_sum(k3, token_weights(rule, mask, float(mask.sum()), len(mask))))
    return answer


def clipped_policy(i: Inputs) -> Inputs:
    """GRPO, Dr.GRPO, DAPO and PPO differ, at this level, in bounds, aggregation and KL."""
    beta = i["k3_beta"]
    definition = GRPO.but(
        clip_low=i["eps_low"],
        clip_high=i["eps_high"],
        aggregation=i["agg"],
        kl=Kl("loss", "k3", beta) if beta else Kl(),
    )
    advantage_B, mask = t(i["adv"]), t(i["mask"])
    loss, gradient = loss_of(definition, i, advantage_B)
    surrogate = SURROGATES["clipped"](loss_inputs(i, t(i["new_logp"]), advantage_B), definition)
    cut = (surrogate.clipped_low_BT + surrogate.clipped_high_BT) * mask
    return {
        "loss": loss,
        "grad_logp": gradient,
        "clipped": plain(cut),
        "clipfrac": float(cut.sum() / mask.sum()),
        "tok": plain(surrogate.loss_BT * mask),
    }


def dual_clip(i: Inputs) -> Inputs:
    r, a = t([[i["ratio"]]]), t([[i["adv"]]])
    return {
        "loss_without": float(clipped(r, a, i["eps"], i["eps"]).loss_BT),
        "loss_with": float(clipped(r, a, i["eps"], i["eps"], i["c"]).loss_BT),
    }


def gspo(i: Inputs) -> Inputs:
    definition = CATALOG["gspo"].but(clip_low=i["eps_low"], clip_high=i["eps_high"])
    advantage_B, mask = t(i["adv"]), t(i["mask"])
    loss, gradient = loss_of(definition, i, advantage_B)
    inputs = loss_inputs(i, t(i["new_logp"]), advantage_B)
    surrogate = SURROGATES["clipped"](inputs, definition)
    cut = (surrogate.clipped_low_BT + surrogate.clipped_high_BT) * mask
    return {
        "s": plain(sequence_ratio(inputs.logp_BT, inputs.old_logp_BT, mask)[:, 0]),
        "clipped": [bool(x) for x in cut.sum(1) > 0],
        "loss": loss,
        "grad_logp": gradient,
        "clipped_token_frac": float(cut.sum() / mask.sum()),
    }


def cispo(i: Inputs) -> Inputs:
    low = None if i["eps_low_IS"] in (None, "none") else i["eps_low_IS"]
    definition = CATALOG["cispo"].but(clip_low=low, clip_high=i["eps_high_IS"], aggregation=i["agg"])
    advantage_B, mask = t(i["adv"]), t(i["mask"])
    loss, gradient = loss_of(definition, i, advantage_B)
    r = token_ratio(t(i["new_logp"]), t(i["old_logp"]))
    cut_low = i.get("eps_low", 0.2)
    kept = uncut(r, advantage_B[:, None] * mask, cut_low, i["eps_high_IS"]) * mask
    _, unified = loss_of(definition.but(cut_low=cut_low, cut_high=i["eps_high_IS"]), i, advantage_B)
    weight = -capped_weight(torch.ones_like(r), r, torch.ones_like(r), low, i["eps_high_IS"]).loss_BT * mask
    return {
        "weight": plain(weight),
        "loss": loss,
        "grad_logp": gradient,
        "unified_mask": plain(kept),
        "unified_grad": unified,
    }


def rloo(i: Inputs) -> Inputs:
    advantage_B = leave_one_out(t(i["rewards"]))
    loss, gradient = loss_of(CATALOG["rloo"].but(kl=Kl()), i, advantage_B)
    return {"adv": plain(advantage_B), "loss": loss, "grad_logp": gradient}


def kimi_omd(i: Inputs) -> Inputs:
    """The paper's loss is 2 tau times the project's, whose gradient is that of every other surrogate at ratio 1."""
    tau, rewards, mask = i["tau"], t(i["rewards"]), t(i["mask"])
    definition = CATALOG["kimi_k1_5"].but(mirror_tau=tau)
    advantage_B = group_mean_baseline(rewards)
    loss, gradient = loss_of(definition, i, advantage_B)
    log_z = soft_baseline(rewards, tau)
    return {
        "tau_logZ": float(log_z),
        "mean_baseline": float(rewards.mean()),
        "loss_meanbase": 2.0 * tau * loss,
        "loss_logZ": 2.0 * tau * loss_of(definition, i, rewards - log_z)[0],
        "eq3_coef_on_grad_logpi": plain(-t(gradient).sum(1) / mask.sum(1)),
        "dloss_dlogp": gradient,
    }


def vapo(i: Inputs) -> Inputs:
    definition = CATALOG["vapo"].but(clip_low=i["eps_low"], clip_high=i["eps_high"], positive_nll=i["mu"])
    advantage_B, correct_B = t(i["adv"]), (t(i["rewards"]) > 0).double()
    loss, gradient = loss_of(definition, i, advantage_B, correct_B=correct_B)
    ppo = loss_of(definition.but(positive_nll=0.0), i, advantage_B)[0]
    only_nll = loss_of(definition.but(positive_nll=1.0), i, advantage_B, correct_B=correct_B)[0]
    return {"L_ppo": ppo, "L_nll": only_nll - ppo, "loss": loss, "grad_logp": gradient}


ORACLES = {
    "agg": agg,
    "kl": kl,
    "grpo": clipped_policy,
    "dapo": clipped_policy,
    "dr_grpo": clipped_policy,
    "ppo_token_mean": clipped_policy,
    "dual_clip": dual_clip,
    "gspo": gspo,
    "cispo": cispo,
    "rloo": rloo,
    "kimi_omd": kimi_omd,
    "vapo": vapo,
}
__all__ = ["ORACLES", "loss_inputs", "loss_of", "ratio"]
