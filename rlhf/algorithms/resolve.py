"""An algorithm as a recipe asks for it: its definition, with what the recipe overrides. Imports no torch."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rlhf.algorithms.catalog import CATALOG
from rlhf.algorithms.definition import Correction, Definition, Kl, Shaping, ValueFunction

if TYPE_CHECKING:
    from rlhf.recipe.algorithm_schema import AlgorithmConfig

OVERRIDES = (
    "clip_low", "clip_high", "cut_low", "cut_high", "dual_clip", "advantage_eps", "advantage_ddof", "whiten",
    "aggregation", "entropy_coef", "positive_nll", "mirror_tau", "keep", "old_logprobs",
)  # fmt: skip
"""Keys of the recipe's algorithm section that stand for the field of the same name."""

KL_OVERRIDES = ("place", "estimator", "coef")
VALUE_OVERRIDES = (
    "actor_lambda", "critic_lambda", "length_alpha", "clip", "pretrain_steps", "learning_rate", "updates",
)  # fmt: skip
SWITCHED_OFF_BY_0 = ("length_alpha", "clip")
SHAPING_OVERRIDES = {"overlong_weight": "overlong_penalty", "length_weight": "length_reward"}


def resolve(config: AlgorithmConfig) -> Definition:
    """Raises KeyError for a name that is not in the catalogue."""
    found = CATALOG[config.name]
    changes = _set(config, OVERRIDES)
    changes |= {
        field: value for key, field in SHAPING_OVERRIDES.items() if (value := getattr(config.shaping, key)) is not None
    }
    changes["kl"] = _kl(config, found)
    if found.value is not None:
        changes["value"] = _value(config, found.value)
    return found.but(**changes)


def _kl(config: AlgorithmConfig, found: Definition) -> Kl:
    """Moved from the reward into the loss, where k1 has no gradient on average, it is k2 unless said otherwise."""
    kl = replace(found.kl, **_set(config.kl, KL_OVERRIDES))
    moved = kl.place == "loss" and found.kl.place == "reward" and config.kl.estimator is None
    return replace(kl, estimator="k2") if moved else kl


def _value(config: AlgorithmConfig, found: ValueFunction) -> ValueFunction:
    asked = _set(config.critic, VALUE_OVERRIDES)
    off = {key: None for key in SWITCHED_OFF_BY_0 if asked.get(key) == 0.0}
    return replace(found, **{**asked, **off})


_WEIGHT_HIGH = {"token_tis": 2.0, "sequence_tis": 2.0}  # slime, verl; 5: OpenRLHF's and verl's bound for masking
_REJECT_HIGH = {"geometric": 1.001, "k3": 1e-3}


def correction_of(config: AlgorithmConfig) -> Correction:
    asked = config.correction
    high = asked.high if asked.high is not None else _WEIGHT_HIGH.get(asked.weight, 5.0)
    reject_high = asked.reject_high if asked.reject_high is not None else _REJECT_HIGH.get(asked.reject, 1.0)
    return Correction(asked.weight, asked.low, high, asked.normalise, asked.reject, asked.reject_low, reject_high)


def shaping_of(config: AlgorithmConfig, definition: Definition, max_response_tokens: int) -> Shaping:
    asked = config.shaping
    return Shaping(
        max_tokens=max_response_tokens,
        overlong=definition.overlong_penalty,
        overlong_buffer=asked.overlong_buffer or max(1, max_response_tokens // 5),
        length=definition.length_reward,
        length_from_step=asked.length_from_step,
        repetition=asked.repetition_weight,
    )


def _set(section: Any, keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: value for key in keys if (value := getattr(section, key)) is not None}
