"""The recipe's `algorithm` section. A key that is not set is the algorithm's own (`rlhf/algorithms/catalog.py`)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

from rlhf.algorithms.definition import Aggregation, Keep, KlEstimator, KlPlace, OldLogprobs
from rlhf.recipe.section import Fraction, Section


class KlConfig(Section):
    """A penalty for leaving a reference policy."""

    place: KlPlace | None = Field(None, description="none; reward: taken off a token's reward (k1); loss: added to it")
    estimator: KlEstimator | None = Field(None, description="in the loss: k1, k2 or k3")
    coef: NonNegativeFloat | None = None
    reference: Literal["frozen", "refreshed", "ema"] = Field(
        "frozen", description="the policy as it was at the first step; or at the last refresh; or its moving average"
    )
    refresh_every: PositiveInt = Field(
        400,
        description="refreshed: steps between two refreshes (DeepSeek-R1: 400 updates, of which a step may have many)",
    )
    ema_decay: Fraction = Field(0.99, description="ema: share of the old average that a step keeps")
    host: Literal["learner", "own"] = Field(
        "learner", description="beside the policy's ranks, or in an actor of its own"
    )


class CriticConfig(Section):
    """A value function, for algorithms that have one."""

    model: str | None = Field(
        None,
        description="a folder in Hugging Face format, e.g. `critic_pretrained` of another run; default the policy's start",
    )
    learning_rate: PositiveFloat | None = None
    warmup_steps: NonNegativeInt = 0
    gradient_clip: PositiveFloat = 1.0
    clip: NonNegativeFloat | None = Field(None, description="bound of a value's change in one step; 0: none")
    updates: PositiveInt | None = Field(None, description="passes over a batch")
    actor_lambda: Fraction | None = None
    critic_lambda: Fraction | None = None
    length_alpha: NonNegativeFloat | None = Field(
        None, description="the actor's lambda is 1 - 1/(alpha * length); 0: actor_lambda"
    )
    pretrain_steps: NonNegativeInt | None = Field(
        None, description="batches of a frozen policy that it learns from before training, at most"
    )
    pretrain_patience: PositiveInt = Field(
        10, description="batches without a better explained variance after which that ends"
    )


class CorrectionConfig(Section):
    """What is done about the mismatch of engine and learner (rho: the learner's probability over the engine's)."""

    weight: Literal["none", "token_tis", "token_mis", "sequence_tis", "sequence_mis"] = Field(
        "none", description="factor of the token losses; tis: rho, truncated; mis: rho, or 0 beyond its bounds"
    )
    low: NonNegativeFloat = Field(0.5, description="token_mis: below it the weight is 0")
    high: PositiveFloat | None = Field(None, description="default 2 (tis) or 5 (mis)")
    normalise: bool = Field(False, description="divide the weights by their mean over the batch")
    reject: Literal["none", "geometric", "k3"] = Field("none", description="leave whole responses out")
    reject_low: NonNegativeFloat = Field(0.999, description="geometric: least geometric mean of rho")
    reject_high: PositiveFloat | None = Field(
        None, description="geometric: greatest mean of rho, default 1.001; k3: greatest mean, default 0.001"
    )


class ShapingConfig(Section):
    """Rewards for how an answer was written, added to the verifiers'; every part is logged on its own."""

    overlong_weight: NonNegativeFloat | None = Field(None, description="of the soft punishment of overlong responses")
    overlong_buffer: PositiveInt | None = Field(
        None, description="tokens before rollout.max_response_tokens in which it grows; default a fifth of them"
    )
    length_weight: NonNegativeFloat | None = Field(None, description="of Kimi's reward for short correct responses")
    length_from_step: NonNegativeInt = Field(0, description="step at which the length reward begins")
    repetition_weight: NonNegativeFloat = Field(0.0, description="taken off a response that repeats itself to its end")


class AlgorithmConfig(Section):
    name: str = Field("grpo", description="a name of `rlhf list algorithms`")
    group_size: PositiveInt = Field(8, description="samples per prompt")
    clip_low: PositiveFloat | None = Field(None, description="the ratio is clipped at 1 - clip_low")
    clip_high: PositiveFloat | None = Field(None, description="and at 1 + clip_high")
    cut_low: PositiveFloat | None = Field(
        None, description="cispo: where the advantage is negative, tokens of a ratio below 1 - cut_low are left out"
    )
    cut_high: PositiveFloat | None = Field(
        None, description="cispo: where it is positive, those of a ratio above 1 + cut_high"
    )
    dual_clip: Annotated[float, Field(gt=1.0)] | None = Field(
        None, description="where the advantage is negative, the ratio counts at most this often; default off"
    )
    advantage_eps: NonNegativeFloat | None = Field(None, description="added to the group's standard deviation")
    advantage_ddof: Literal[0, 1] | None = Field(None, description="degrees of freedom of that deviation")
    whiten: bool | None = Field(None, description="advantages over all tokens of the batch to mean 0, variance 1")
    aggregation: Aggregation | None = Field(None, description="how token losses become one number")
    norm_length: PositiveInt | None = Field(
        None, description="divisor of seq-mean-token-sum-norm; default rollout.max_response_tokens"
    )
    entropy_coef: NonNegativeFloat | None = None
    positive_nll: NonNegativeFloat | None = Field(None, description="weight of the likelihood of correct responses")
    mirror_tau: PositiveFloat | None = Field(None, description="kimi_k1_5: strength of the pull to the step's start")
    keep: Keep | None = Field(
        None, description="mixed_accuracy: only groups with right and wrong answers, refilled until the batch is full"
    )
    max_resampled: PositiveInt = Field(
        10,
        description="mixed_accuracy: batches' worth of prompts that may be left out for one batch before that is an error",
    )
    old_logprobs: OldLogprobs | None = Field(
        None,
        description="denominator of the ratio: behaviour, the engine's log-probabilities (bypass), or recomputed, the learner's own at the start of the step",
    )
    mini_batches: PositiveInt = Field(1, description="updates of one pass over a step's batch, split by prompts")
    inner_epochs: PositiveInt = Field(1, description="passes over a step's batch")
    kl: KlConfig = KlConfig()
    critic: CriticConfig = CriticConfig()
    correction: CorrectionConfig = CorrectionConfig()
    shaping: ShapingConfig = ShapingConfig()

    @property
    def updates(self) -> int:
        """Optimizer updates of the policy in one step."""
        return self.mini_batches * self.inner_epochs
