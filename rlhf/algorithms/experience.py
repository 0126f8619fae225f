"""What a step's advantages are computed from: the whole batch as padded arrays. Axes: B sequences, T positions.

Once a step, on the driver, in float64: which prompt a response belongs to is known here, and statistics over the global
batch are those of the global batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.algorithms.advantages import (
    gae,
    group_mean_baseline,
    group_normalised,
    leave_one_out,
    length_adaptive_lambda,
    reward_to_go,
    token_rewards,
    whitened,
)
from rlhf.algorithms.definition import Definition, ValueFunction
from rlhf.algorithms.kl import k1


@dataclass(frozen=True, slots=True)
class Experience:
    """reward_B: the response's, shaping included. correct_B: 1 where a verifier said so. group_B: number of its prompt.

    old_logp_BT: of the policy at the start of the update. reference_logp_BT, value_BT: where the algorithm needs them.
    """

    mask_BT: Tensor
    reward_B: Tensor
    correct_B: Tensor
    group_B: Tensor
    old_logp_BT: Tensor
    reference_logp_BT: Tensor | None = None
    value_BT: Tensor | None = None


@dataclass(frozen=True, slots=True)
class Advantages:
    """return_BT: what the critic learns, where there is one."""

    advantage_BT: Tensor
    return_BT: Tensor | None = None


def advantages(experience: Experience, definition: Definition) -> Advantages:
    """Of every token, 0 where the mask is 0."""
    rewards_BT = _token_rewards(experience, definition)
    if definition.advantage == "gae":
        found = _gae(experience, definition, rewards_BT)
    elif definition.advantage == "returns":
        found = Advantages(reward_to_go(rewards_BT, experience.mask_BT))
    elif definition.advantage == "correct_only":
        found = Advantages(experience.correct_B[:, None] * experience.mask_BT)
    else:
        advantage_B = _by_group(rewards_BT.sum(1), experience.group_B, GROUP_RULES[definition.advantage], definition)
        found = Advantages(advantage_B[:, None] * experience.mask_BT)
    if definition.whiten:
        return Advantages(whitened(found.advantage_BT, experience.mask_BT), found.return_BT)
    return found


GroupRule = Callable[[Tensor, Definition], Tensor]
GROUP_RULES: Mapping[str, GroupRule] = {
    "group_normalised": lambda rewards_G, d: group_normalised(rewards_G, d.advantage_eps, d.advantage_ddof),
    "group_mean": lambda rewards_G, d: group_mean_baseline(rewards_G),
    "leave_one_out": lambda rewards_G, d: leave_one_out(rewards_G),
}


def _by_group(reward_B: Tensor, group_B: Tensor, rule: GroupRule, definition: Definition) -> Tensor:
    advantage_B = torch.zeros_like(reward_B)
    for group in group_B.unique():
        members = group_B == group
        advantage_B[members] = rule(reward_B[members], definition)
    return advantage_B


def _token_rewards(experience: Experience, definition: Definition) -> Tensor:
    penalty_BT = None
    if definition.kl.place == "reward" and definition.kl.coef > 0.0:
        if experience.reference_logp_BT is None:
            raise ValueError(f"{definition.name}: KL in the reward needs a reference's log-probabilities")
        penalty_BT = definition.kl.coef * k1(experience.old_logp_BT, experience.reference_logp_BT)
    return token_rewards(experience.reward_B, experience.mask_BT, penalty_BT)


def _gae(experience: Experience, definition: Definition, rewards_BT: Tensor) -> Advantages:
    rule, value_BT, mask_BT = definition.value, experience.value_BT, experience.mask_BT
    if rule is None or value_BT is None:
        raise ValueError(f"{definition.name}: generalised advantage estimation needs a critic's values")
    length_B = mask_BT.sum(1)
    actor = gae(rewards_BT, value_BT, mask_BT, 1.0, _actor_lambda(rule, length_B))
    critic = gae(rewards_BT, value_BT, mask_BT, 1.0, torch.full_like(length_B, rule.critic_lambda))
    return Advantages(actor, (critic + value_BT) * mask_BT)


def _actor_lambda(rule: ValueFunction, length_B: Tensor) -> Tensor:
    if rule.length_alpha is not None:
        return length_adaptive_lambda(length_B, rule.length_alpha)
    return torch.full_like(length_B, rule.actor_lambda)
