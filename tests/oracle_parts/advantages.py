"""Advantages, returns and values."""

from __future__ import annotations

from typing import Any

import torch

from rlhf.algorithms.advantages import (
    explained_variance,
    gae,
    group_mean_baseline,
    group_normalised,
    leave_one_out,
    length_adaptive_lambda,
    reward_to_go,
    soft_baseline,
    token_rewards,
    whitened,
)
from rlhf.algorithms.kl import k1
from rlhf.algorithms.value import value_loss
from tests.oracle_parts.tensors import plain, t

Inputs = dict[str, Any]


def adv_group(i: Inputs) -> Inputs:
    rewards = t(i["rewards"])
    return {
        "grpo_ddof1_eps1e-6": plain(group_normalised(rewards, 1e-6, 1)),
        "grpo_ddof0_noeps": plain(group_normalised(rewards, 0.0, 0)),
        "grpo_ddof1_noeps": plain(group_normalised(rewards, 0.0, 1)),
        "dr_grpo": plain(group_mean_baseline(rewards)),
        "rloo": plain(leave_one_out(rewards)),
        "kimi_mean_baseline": plain(group_mean_baseline(rewards)),
    }


def adv_group_degenerate(i: Inputs) -> Inputs:
    found = adv_group(i)
    return {"grpo_eps1e-6": found["grpo_ddof1_eps1e-6"], "rloo": found["rloo"]}


def reinforce_pp(i: Inputs) -> Inputs:
    mask, rewards = t(i["mask"]), t(i["rewards"])
    penalty = i["beta"] * k1(t(i["old_logp"]), t(i["ref_logp"]))
    returns = reward_to_go(token_rewards(rewards, mask, penalty), mask, i["gamma"])
    baseline = group_mean_baseline(rewards)[:, None] * mask
    return {
        "returns": plain(returns),
        "adv": plain(whitened(returns, mask)),
        "baseline_variant_raw": plain(baseline),
        "baseline_variant_adv": plain(whitened(baseline, mask)),
    }


def kl_in_reward(i: Inputs) -> Inputs:
    penalty = i["beta"] * k1(t(i["old_logp"]), t(i["ref_logp"]))
    return {"token_reward": plain(token_rewards(t(i["rewards"]), t(i["mask"]), penalty))}


def _gae(reward: Any, value: Any, lam: float, gamma: float = 1.0, mask: Any = None) -> torch.Tensor:
    reward_BT, value_BT = t(reward)[None], t(value)[None]
    mask_BT = torch.ones_like(reward_BT) if mask is None else t(mask)[None]
    return gae(reward_BT, value_BT, mask_BT, gamma, t([lam]))[0]


def gae_entry(i: Inputs) -> Inputs:
    found = {lam: _gae(i["reward"], i["value"], lam, i["gamma"]) for lam in (0.0, 0.95, 1.0)}
    value = t(i["value"])
    return {
        "delta": plain(found[0.0]),
        "lam1": plain(found[1.0]),
        "lam095": plain(found[0.95]),
        "lam0": plain(found[0.0]),
        "critic_target_lam1": plain(found[1.0] + value),
        "critic_target_lam095": plain(found[0.95] + value),
    }


def gae_masked(i: Inputs) -> Inputs:
    found = _gae(i["reward"], i["value"], i["lam"], mask=i["mask"])
    return {"adv_valid": plain(found[t(i["mask"]) > 0])}


def length_adaptive(i: Inputs) -> Inputs:
    lengths = t(i["l"])
    clamped = length_adaptive_lambda(lengths, i["alpha"])
    return {
        "raw": plain(1.0 - 1.0 / (i["alpha"] * lengths)),
        "clamped": plain(clamped),
        "fixed095_pow_l": plain(0.95**lengths),
        "adaptive_pow_l": plain(clamped**lengths),
    }


def gae_len40(i: Inputs) -> Inputs:
    value = i["value"] if not isinstance(i["value"], str) else [0.5 + 0.01 * k for k in range(40)]
    reward = i["reward"] if not isinstance(i["reward"], str) else [0.0] * (len(value) - 1) + [1.0]
    last = len(value) - 1
    adaptive = float(length_adaptive_lambda(t([len(value)]), i["alpha"]))
    shown = [0, (last - 1) // 2, last]
    at = {key: _gae(reward, value, lam)[shown] for key, lam in (("adaptive", adaptive), ("095", 0.95), ("1", 1.0))}
    return {"lam_adaptive": adaptive, **{f"A_{key}": plain(values) for key, values in at.items()}}


def explained(i: Inputs) -> Inputs:
    returns, values = t(i["returns"]), t(i["values"])
    return {"ev": explained_variance(returns, values), "mse": float(((returns - values) ** 2).mean())}


def value_loss_clip(i: Inputs) -> Inputs:
    value, target, old = t(i["vpred"])[None], t(i["ret"])[None], t(i["vold"])[None]
    return {
        "loss": float(value_loss(value, target, old, i["clip"]).mean()),
        "unclipped": float(value_loss(value, target, old, None).mean()),
    }


def tau_log_z(i: Inputs) -> Inputs:
    return {"tau_logZ": [float(soft_baseline(t(i["rewards"]), tau)) for tau in i["taus"]]}


ORACLES = {
    "adv_group": adv_group,
    "adv_group_binary": adv_group,
    "adv_group_degenerate": adv_group_degenerate,
    "reinforce_pp": reinforce_pp,
    "kl_in_reward": kl_in_reward,
    "gae": gae_entry,
    "gae_masked": gae_masked,
    "length_adaptive_lambda": length_adaptive,
    "gae_len40": gae_len40,
    "explained_variance": explained,
    "value_loss_clip": value_loss_clip,
    "kimi_tau_logZ_limit": tau_log_z,
}
