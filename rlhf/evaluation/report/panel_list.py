"""Which metrics a run's curves show, and under what words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from rlhf.metrics import keys

Domain = Literal["auto", "zero", "unit", "log"]


@dataclass(frozen=True, slots=True)
class LinePanel:
    title: str
    series: tuple[tuple[str, str], ...]  # (metric, name)
    note: str
    domain: Domain = "auto"
    alarm: float | None = None  # above it the chart says so
    optional: bool = False  # not every run has it, and one without misses nothing


LINE_PANELS: tuple[LinePanel, ...] = (
    LinePanel("Reward", ((keys.REWARD, "mean"),), "Mean reward of the step's samples."),
    LinePanel(
        "Accuracy",
        ((keys.ACCURACY, "training"),),
        "Share of samples judged correct. Held-out points carry 95% intervals.",
        "unit",
    ),
    LinePanel("Response length", ((keys.LENGTH, "mean"),), "Tokens written by the model per response.", "zero"),
    LinePanel("Truncated", ((keys.TRUNCATED, "share"),), "Share of responses that hit the length limit.", "zero"),
    LinePanel(
        "Entropy",
        ((keys.ENTROPY, "mean"),),
        "Of the policy's next-token distribution, in nats. Near 0, it no longer explores.",
        "zero",
    ),
    LinePanel(
        "Mismatch",
        ((keys.MISMATCH_MEAN, "mean"), (keys.MISMATCH_MAX, "largest")),
        "|Δ log-probability| of the sampled tokens, rollout engine against learner. Logarithmic.",
        "log",
    ),
    LinePanel(
        "Mismatch beyond 2×",
        ((keys.MISMATCH_2X, "share"),),
        "Share of tokens whose two probabilities differ by more than a factor 2, F(2).",
        "zero",
        keys.MISMATCH_ALARM,
    ),
    LinePanel(
        "Effective sample size",
        ((keys.ESS, "share"),),
        "Of the importance weights of the sampled tokens, as a share of the tokens: 1 where engine and learner agree.",
        "unit",
    ),
    LinePanel(
        "KL(μ, π)",
        ((keys.KL_BEHAVIOUR, "mean"),),
        "Per-token estimate, from the behaviour policy μ to the learner's π.",
    ),
    LinePanel(
        "KL(π, reference)",
        ((keys.KL_REFERENCE, "mean"),),
        "Per-token estimate (k3) of how far the policy has gone from the reference.",
        "zero",
        optional=True,
    ),
    LinePanel(
        "Clipped",
        ((keys.CLIPPED_LOW, "below"), (keys.CLIPPED_HIGH, "above")),
        "Share of the tokens whose gradient the clip cuts off. With several updates a step, their mean.",
        "zero",
        optional=True,
    ),
    LinePanel(
        "Correction",
        ((keys.WEIGHT_MEAN, "mean weight"), (keys.WEIGHT_ESS, "effective sample size"), (keys.REJECTED, "rejected")),
        "Of the weights for the mismatch of engine and learner, over the tokens; share of the responses left out.",
        "zero",
        optional=True,
    ),
    LinePanel(
        "Shaping",
        (("shaping/overlong", "overlong"), ("shaping/length", "length"), ("shaping/repetition", "repetition")),
        "Mean of what is added to the verifiers' reward for how an answer is written.",
        optional=True,
    ),
    LinePanel(
        "Sampled accuracy",
        ((keys.SAMPLED_ACCURACY, "all"),),
        "Of all that was sampled; dynamic sampling then keeps groups with right and wrong answers alone.",
        "unit",
        optional=True,
    ),
    LinePanel(
        "Success rate",
        (("sampler/success_rate", "mean"),),
        "Running average over the prompts that were answered, which the sampler goes by.",
        "unit",
        optional=True,
    ),
    LinePanel(
        "Critic loss", (("critic/loss", "loss"),), "Half the squared error of the values.", "zero", optional=True
    ),
    LinePanel(
        "Explained variance",
        ((keys.EXPLAINED, "share"),),
        "Of the returns, by the critic's values: 1 is all of it, 0 no more than a constant.",
        optional=True,
    ),
    LinePanel(
        "Staleness",
        ((keys.STALENESS_MEAN, "mean"), (keys.STALENESS_MAX, "oldest")),
        "Versions between sampling and learning.",
        "zero",
    ),
    LinePanel(
        "Throughput", ((keys.TOKENS_PER_S, "tokens/s"),), "Response tokens per second of the whole step.", "zero"
    ),
    LinePanel("Policy loss", ((keys.LOSS, "loss"),), "Its level says little; jumps do."),
    LinePanel("Gradient norm", ((keys.GRAD_NORM, "norm"),), "Before clipping.", "zero"),
)
