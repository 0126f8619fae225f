"""The data that flows through one step: Prompt -> Trajectory -> Group -> Batch.

Everything here is plain data that crosses process boundaries: no torch, no Ray, no vLLM.
Axes: P prompt tokens, R response tokens of one trajectory, G samples of one prompt.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

from verifiers.base import Status, Verdict

FinishReason = Literal["stop", "length", "repetition"]


@dataclass(frozen=True, slots=True)
class Prompt:
    """One question, tokenised once, with what its verifier needs.

    id: unique and stable within a run, e.g. `train/17`; resume and accounting go by it.
    text: the user's text, before the chat template; verifiers see this.
    token_ids: what the engine is given, chat template applied.
    difficulty: as the data gives it, higher for harder; None where it does not.
    """

    id: str
    text: str
    token_ids: tuple[int, ...]
    reference: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    domain: str = "default"
    difficulty: float | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of tokens sampled by one version of the weights.

    logp_R: log-probability of each token under the distribution it was drawn from (the engine's, after
    temperature), as the engine reported it.
    """

    version: int
    token_ids_R: np.ndarray
    logp_R: np.ndarray

    def __post_init__(self) -> None:
        if self.token_ids_R.shape != self.logp_R.shape:
            raise ValueError(f"{self.token_ids_R.shape} tokens but {self.logp_R.shape} log-probabilities")


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One sampled response; `segments` are in order, one per weight version that wrote a part of it."""

    prompt_id: str
    sample_index: int
    segments: tuple[Segment, ...]
    finish_reason: FinishReason
    text: str
    engine: str = ""

    @property
    def token_ids_R(self) -> np.ndarray:
        return np.concatenate([s.token_ids_R for s in self.segments])

    @property
    def logp_R(self) -> np.ndarray:
        return np.concatenate([s.logp_R for s in self.segments])

    @property
    def version_R(self) -> np.ndarray:
        return np.concatenate([np.full(len(s.token_ids_R), s.version, np.int64) for s in self.segments])

    @property
    def oldest_version(self) -> int:
        return min(s.version for s in self.segments)

    @property
    def truncated(self) -> bool:
        return self.finish_reason == "length"

    @property
    def looping(self) -> bool:
        """It was ended because it repeats itself (recipe: rollout.repetition)."""
        return self.finish_reason == "repetition"

    def __len__(self) -> int:
        return sum(len(s.token_ids_R) for s in self.segments)


@dataclass(frozen=True, slots=True)
class Scored:
    """A trajectory with its verdicts (one per reward component, in the recipe's order) and its reward.

    reward is None if any component's verdict is an `error`: such a sample takes no part in training. graded: it was
    judged by a degree (a reward model), and is neither right nor wrong.
    """

    trajectory: Trajectory
    verdicts: Mapping[str, Verdict]
    reward: float | None
    status: Status
    graded: bool = False

    @property
    def correct(self) -> bool:
        return self.status is Status.CORRECT


@dataclass(frozen=True, slots=True)
class Group:
    """All samples of one prompt. `attempt` counts how often the prompt was handed out before this."""

    prompt: Prompt
    samples: tuple[Scored, ...]
    attempt: int = 0

    @property
    def usable(self) -> tuple[Scored, ...]:
        """The samples without a verifier error."""
        return tuple(s for s in self.samples if s.reward is not None)

    @property
    def accuracy(self) -> float | None:
        """Share of right answers among those that a verifier judged right or wrong; None where there is none."""
        judged = [s.correct for s in self.usable if not s.graded]
        return sum(judged) / len(judged) if judged else None

    @property
    def oldest_version(self) -> int:
        return min(s.trajectory.oldest_version for s in self.samples)


@dataclass(frozen=True, slots=True)
class TrainSequence:
    """One response with all that a loss needs. `group` numbers the prompt within the batch.

    Sequences of one group share `prompt_ids_P`, which lets the learner run the prompt once. What only some algorithms
    need is None for the others: old_logp_R, of the learner at the start of the step (None: the engine's, or the
    update's own forward, as `algorithm.old_logprobs` says); reference_logp_R; weight_R, of the mismatch correction;
    value_R and return_R, of the critic. correct: a verifier said so.
    """

    group: int
    prompt_ids_P: np.ndarray
    response_ids_R: np.ndarray
    behaviour_logp_R: np.ndarray
    advantage_R: np.ndarray
    mask_R: np.ndarray
    correct: bool = False
    old_logp_R: np.ndarray | None = None
    reference_logp_R: np.ndarray | None = None
    weight_R: np.ndarray | None = None
    value_R: np.ndarray | None = None
    return_R: np.ndarray | None = None

    @property
    def total_tokens(self) -> int:
        return len(self.prompt_ids_P) + len(self.response_ids_R)


@dataclass(frozen=True, slots=True)
class Batch:
    """What one optimizer step learns from.

    global_tokens: sum of the masks over all sequences; global_sequences: number of those with a token left in the
    mask; global_correct_tokens: sum of the masks over correct ones. A loss divides by these, so that no split into
    micro-batches or ranks changes the gradient.
    """

    sequences: Sequence[TrainSequence]
    global_tokens: float
    global_sequences: int
    temperature: float = 1.0
    global_correct_tokens: float = 0.0

    @classmethod
    def of(cls, sequences: Sequence[TrainSequence], temperature: float = 1.0) -> Batch:
        tokens = float(sum(s.mask_R.sum() for s in sequences))
        alive = sum(1 for s in sequences if s.mask_R.any())
        correct = float(sum(s.mask_R.sum() for s in sequences if s.correct))
        return cls(tuple(sequences), tokens, alive, temperature, correct)
