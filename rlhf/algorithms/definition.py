"""What an algorithm is: the names of shared pieces and their settings. Imports no torch: recipes are checked with it.

The pieces themselves are in advantages.py, surrogates.py, kl.py, aggregation.py, corrections.py and shaping.py.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

AdvantageRule = Literal["group_normalised", "group_mean", "leave_one_out", "returns", "gae", "correct_only"]
SurrogateRule = Literal["clipped", "score", "capped_weight", "mirror"]
RatioLevel = Literal["token", "sequence", "sequence_token", "none"]
Aggregation = Literal["token-mean", "seq-mean-token-mean", "seq-mean-token-sum", "seq-mean-token-sum-norm"]
KlPlace = Literal["none", "reward", "loss"]
KlEstimator = Literal["k1", "k2", "k3"]
Keep = Literal["all", "mixed_accuracy"]
OldLogprobs = Literal["behaviour", "recomputed"]
WeightRule = Literal["none", "token_tis", "token_mis", "sequence_tis", "sequence_mis"]
RejectRule = Literal["none", "geometric", "k3"]


@dataclass(frozen=True, slots=True)
class Kl:
    """A penalty for leaving the reference. reward: -coef * k1 a token, no gradient; loss: coef * estimator, with it."""

    place: KlPlace = "none"
    estimator: KlEstimator = "k3"
    coef: float = 0.0


@dataclass(frozen=True, slots=True)
class ValueFunction:
    """A critic, and the two lambdas of decoupled GAE (VC-PPO). length_alpha: the actor's lambda is 1 - 1/(alpha l)."""

    actor_lambda: float = 0.95
    critic_lambda: float = 0.95
    length_alpha: float | None = None
    clip: float | None = None
    pretrain_steps: int = 0
    learning_rate: float = 2e-6
    updates: int = 1


@dataclass(frozen=True, slots=True)
class Correction:
    """What is done about the mismatch of engine and learner; see corrections.py. normalise: by the weights' mean."""

    weight: WeightRule = "none"
    low: float = 0.5
    high: float = 2.0
    normalise: bool = False
    reject: RejectRule = "none"
    reject_low: float = 0.999
    reject_high: float = 1.001

    @property
    def active(self) -> bool:
        return self.weight != "none" or self.reject != "none"


@dataclass(frozen=True, slots=True)
class Shaping:
    """Weights of the rewards for how an answer was written; see shaping.py.

    max_tokens: limit of a response. overlong_buffer: tokens before it in which the punishment grows.
    length_from_step: the first step with a length reward.
    """

    max_tokens: int
    overlong: float = 0.0
    overlong_buffer: int = 1
    length: float = 0.0
    length_from_step: int = 0
    repetition: float = 0.0


@dataclass(frozen=True, slots=True)
class Definition:
    """One algorithm.

    clip_low, clip_high: bounds of the ratio are 1 - low and 1 + high; None: no bound on that side. cut_low, cut_high:
    where a capped weight cuts tokens off all the same (CISPO's unified mask). overlong_penalty, length_reward: weights.
    mirror_tau: of the pull to the policy at the step's start. reset_optimizer: at the start of every step.
    old_logprobs: whose probability the ratio divides by: the engine's, or the learner's at the step's start.
    """

    name: str
    summary: str
    source: str
    advantage: AdvantageRule
    aggregation: Aggregation
    surrogate: SurrogateRule = "clipped"
    ratio: RatioLevel = "token"
    clip_low: float | None = 0.2
    clip_high: float | None = 0.2
    cut_low: float | None = None
    cut_high: float | None = None
    dual_clip: float | None = None
    entropy_coef: float = 0.0
    advantage_eps: float = 1e-6
    advantage_ddof: int = 1
    whiten: bool = False
    kl: Kl = Kl()
    value: ValueFunction | None = None
    keep: Keep = "all"
    positive_nll: float = 0.0
    overlong_penalty: float = 0.0
    length_reward: float = 0.0
    mirror_tau: float = 0.0
    reset_optimizer: bool = False
    old_logprobs: OldLogprobs = "behaviour"

    @property
    def samples_needed(self) -> int:
        """Samples of a prompt without which its baseline says nothing."""
        return 2 if self.advantage in ("group_normalised", "group_mean", "leave_one_out") else 1

    @property
    def uses_ratio(self) -> bool:
        return self.ratio != "none"

    @property
    def reference(self) -> bool:
        """Whether the log-probabilities of a reference policy are needed (a step's own start is not one)."""
        return self.kl.place != "none" and self.kl.coef > 0.0

    def but(self, **changes: Any) -> Definition:
        """This definition with some things changed: how one algorithm is told by another."""
        return replace(self, **changes)
