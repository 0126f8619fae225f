"""The names under which a step's numbers are written, so that writer, live view and report agree.

A run may log more than these: every key reaches `metrics.jsonl` and the trackers. These are the ones that
are shown. A key ending in `/` is a prefix.
"""

from __future__ import annotations

import re
from typing import Final

REWARD: Final = "reward/mean"
REWARD_STD: Final = "reward/std"
ACCURACY: Final = "accuracy/train"
SAMPLED_ACCURACY: Final = "accuracy/sampled"
"""Of all groups since the last step, those included that dynamic sampling left out."""
HELDOUT_ACCURACY: Final = "accuracy/heldout"
EVALUATION_FAILED: Final = "eval/failed"
"""1 where the benchmarks of a step, or one of them, could not be measured."""
LENGTH: Final = "response/length_mean"
LENGTH_MAX: Final = "response/length_max"
TRUNCATED: Final = "response/truncated"
REPEATED: Final = "response/repeated"
ENTROPY: Final = "entropy"
MISMATCH_MEAN: Final = "mismatch/mean_abs"
MISMATCH_MAX: Final = "mismatch/max_abs"
MISMATCH_2X: Final = "mismatch/beyond_2x"
KL_BEHAVIOUR: Final = "mismatch/kl"
KL_REFERENCE: Final = "kl/reference"
CLIPPED_LOW: Final = "loss/clipped_low"
CLIPPED_HIGH: Final = "loss/clipped_high"
WEIGHT_MEAN: Final = "correction/weight_mean"
WEIGHT_ESS: Final = "correction/effective_sample_size"
REJECTED: Final = "correction/rejected"
EXPLAINED: Final = "critic/explained_variance"
ESS: Final = "mismatch/effective_sample_size"
MISMATCH_ALARM: Final = 0.1
"""Of MISMATCH_2X, F(2): above it a run is in danger; seen where GRPO on a mixture of experts collapsed (2510.11370)."""
STALENESS_MEAN: Final = "staleness/mean"
STALENESS_MAX: Final = "staleness/max"
STEP_SECONDS: Final = "time/step"
TOKENS_PER_S: Final = "throughput/tokens_per_s"
LOSS: Final = "loss/policy_loss"
GRAD_NORM: Final = "optimizer/grad_norm"
LEARNING_RATE: Final = "optimizer/learning_rate"
TIME: Final = "time/"
DROPPED: Final = "prompts/dropped/"
MIX: Final = "sampler/mix/"
EXPERT_LOAD: Final = "moe/load/"

_EXPERT = re.compile(r"^moe/load/L(\d+)/E(\d+)$")


def expert_load(layer: int, expert: int) -> str:
    """Key of the share of a layer's routed tokens that one expert was given (a layer's shares sum to 1)."""
    return f"moe/load/L{layer}/E{expert}"


def parse_expert_load(key: str) -> tuple[int, int] | None:
    """`(layer, expert)` of a key of `expert_load`, or None for any other key."""
    found = _EXPERT.match(key)
    return (int(found[1]), int(found[2])) if found else None
