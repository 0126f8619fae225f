"""One learner rank: a DeepSpeed engine that learns from packed micro-batches. Ray-free; `cluster/` wraps it.

All methods but `close` are collective: every rank calls them, in the same order, with the same arguments.
"""

from __future__ import annotations

import logging
import os
import random
import socket
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from rlhf.learner.config import deepspeed_config, learning_rate_at, parameter_groups
from rlhf.learner.spec import LearnerSpec, LossFn, NonFiniteError, OldLogprobs, StepResult
from rlhf.types import Batch, TrainSequence


class LearnerRank:
    """Loads the policy, joins the process group (gloo on a CPU, nccl on a GPU) and builds the engine."""

    notices: tuple[str, ...]  # what a user should be told, e.g. that this architecture is padded

    def __init__(self, spec: LearnerSpec) -> None: ...

    def update(
        self,
        batch: Batch,
        loss: LossFn,
        *,
        old_logprobs: OldLogprobs = "behaviour",
        entropy_gradient: bool = False,
    ) -> StepResult:
        """One optimizer step on the whole batch; every rank gets the whole batch and takes its share.

        loss: called once a micro-batch. old_logprobs: `recomputed` hands the loss the forward's own
        log-probabilities, detached (with one update a batch they are those of the weights before it).
        entropy_gradient: hand the loss the entropy with its gradient (`entropy_BT`), else None.
        Raises NonFiniteError before anything is changed.
        """
        raise NotImplementedError

    def sft_step(self, sequences: Sequence[TrainSequence]) -> StepResult:
        """One step on the mean negative log-likelihood of the masked response tokens."""
        raise NotImplementedError

    def logp(self, sequences: Sequence[TrainSequence], temperature: float = 1.0) -> list[np.ndarray]:
        """Log-probability of each response token, float32 [R] per sequence, in order; on every rank."""
        raise NotImplementedError

    def start_stage(self, learning_rate: float, warmup_steps: int, weight_decay: float) -> None:
        """Begin another stage with the weights as they are: moments and step counter at zero, a new schedule."""
        raise NotImplementedError

    def named_weights(self, dtype: torch.dtype | None = None) -> Iterator[tuple[str, Tensor]]:
        """(name in the checkpoint, tensor on the CPU), as save_pretrained names them; data on rank 0 only."""
        raise NotImplementedError

    def save(self, folder: str | Path) -> None:
        """Weights, optimizer, schedule, RNG states of every rank; `load` restores them bit for bit."""
        raise NotImplementedError

    def load(self, folder: str | Path) -> None:
        raise NotImplementedError

    def export_hf(self, folder: str | Path, tokenizer: object | None = None) -> None:
        """A folder that transformers and vLLM load, written by rank 0."""
        raise NotImplementedError

    def close(self) -> None:
        """Free the engine and leave the process group. Safe to call twice."""
        raise NotImplementedError
