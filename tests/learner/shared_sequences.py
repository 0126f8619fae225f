"""Learners of which several ranks share every sequence: what each case does, on any number of ranks, and what is kept.

Axes: none; a "learner" here is one rank.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from learner_helpers import VOCAB, make_sequences, make_spec, policy_gradient
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM

from rlhf.algorithms.loss_types import LossInputs, LossOutput
from rlhf.attention.catalog import CATALOG
from rlhf.learner.critic import CriticRank
from rlhf.learner.rank import LearnerRank
from rlhf.learner.spec import NonFiniteError
from rlhf.models.hybrid.build import write_hybrid
from rlhf.types import Batch, TrainSequence

KERNELS = tuple(CATALOG)
# Small enough that sequences of some tens of tokens reach beyond them.
SETTINGS: Mapping[str, dict[str, Any]] = {
    "sliding_window": {"window": 7},
    "strided": {"local": 3, "stride": 5},
    "block_sparse": {"block": 4, "topk": 2},
    "flash": {"chunk": 8},
    "vq": {"codes": 8, "block": 8, "commitment": 0.3},
}
# Tokens run of each sequence of a packed axis: borders of sequences on, beside and far from those of shards, axes that
# do not divide by the ranks, and some that are shorter than a convolution.
BORDERS = ((8, 8), (7, 9), (3, 13), (16,), (5, 6, 4), (1,), (2,), (1, 2), (64, 64), (130, 1, 63), (90, 97))


def write_kernels(like: str, folder: Path, kernels: Sequence[str] = KERNELS) -> str:
    """A policy of one layer a kernel, as small as the model `like`."""
    config = AutoConfig.from_pretrained(like)
    config.num_hidden_layers = len(kernels)
    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder / "base")
    layers = [
        {"kernel": name, "settings": CATALOG[name].settings(**SETTINGS.get(name, {})).model_dump(mode="json")}
        for name in kernels
    ]
    return str(write_hybrid(folder / "base", folder / "policy", layers, seed=0).folder)


@dataclass
class Trained:
    """What a learner showed: a result a step, gradients of the first step and weights after the last by name (rank 0
    has the weights), log-probabilities before the first, notices."""

    results: list[Any] = field(default_factory=list)
    gradients: dict[str, Tensor] = field(default_factory=dict)
    weights: dict[str, Tensor] = field(default_factory=dict)
    logp: list[np.ndarray] = field(default_factory=list)
    notices: tuple[str, ...] = ()


@contextmanager
def keeping_gradients(rank: Any) -> Iterator[dict[str, Tensor]]:
    """The whole batch's gradient as the optimizer gets it, of the first step."""
    from deepspeed.utils import safe_get_full_grad

    kept: dict[str, Tensor] = {}
    step = rank._step_optimizer

    def watched() -> tuple[float, float]:
        if not kept:
            for name, parameter in rank._engine.ds.module.named_parameters():
                if parameter.requires_grad:
                    kept[name] = safe_get_full_grad(parameter).detach().clone()
        return step()

    rank._step_optimizer = watched
    yield kept


def batches() -> list[Batch]:
    return [Batch.of(make_sequences(seed=i, prompts=(2, 40), responses=(1, 60)), 0.9) for i in (0, 1)]


def with_tokens(lengths: Sequence[int], seed: int = 0) -> list[TrainSequence]:
    """Sequences of which so many tokens are run: prompt and response less the last."""
    draw = np.random.default_rng(seed)
    found = []
    for group, length in enumerate(lengths):
        prompt = int(draw.integers(1, length + 1))
        zeros = np.zeros(length + 1 - prompt, np.float32)
        ids = draw.integers(0, VOCAB, length + 1)
        found.append(TrainSequence(group, ids[:prompt], ids[prompt:], zeros, zeros, zeros + 1))
    return found


def train(folder: str, keys: Mapping[str, Any], **place: int) -> Trained:
    """Two updates."""
    rank = LearnerRank(make_spec(folder, **{"token_budget": 150, **keys, **place}))
    found = Trained(notices=rank.notices)
    try:
        steps = batches()
        found.logp = rank.logp(steps[0].sequences, 0.7)
        with keeping_gradients(rank) as found.gradients:
            found.results = [rank.update(b, policy_gradient, entropy_gradient=True) for b in steps]
        found.weights = dict(rank.named_weights())
        return found
    finally:
        rank.close()


def look(folder: str, keys: Mapping[str, Any], **place: int) -> list[np.ndarray]:
    """Log-probabilities of axes with every kind of border, and those of a reference policy."""
    rank = LearnerRank(make_spec(folder, token_budget=10**6, reference=True, **keys, **place))
    try:
        found = [logp for lengths in BORDERS for logp in rank.logp(with_tokens(lengths))]
        return found + rank.reference_logp(with_tokens(BORDERS[-1]))
    finally:
        rank.close()


def nan_on_rank_1(folder: str, keys: Mapping[str, Any], **place: int) -> tuple[bool, float]:
    """(refused here, the loss of the good step that follows)."""
    rank = LearnerRank(make_spec(folder, token_budget=150, **keys, **place))
    batch, refused = batches()[0], False

    def loss(inputs: LossInputs) -> LossOutput:
        good = policy_gradient(inputs)
        return LossOutput(good.loss * (math.nan if place["rank"] == 1 else 1.0), good.sums)

    try:
        rank.update(batch, loss)
    except NonFiniteError:
        refused = True
    try:
        return refused, rank.update(batch, policy_gradient).loss
    finally:
        rank.close()


def criticise(folder: str, keys: Mapping[str, Any], **place: int) -> tuple[Trained, list[np.ndarray]]:
    """A critic's two updates, and the values it gives then."""
    rank = CriticRank(make_spec(folder, token_budget=150, **keys, **place))
    found = Trained()
    steps = [_with_values(b) for b in batches()]
    try:
        with keeping_gradients(rank) as found.gradients:
            found.results = [rank.update(b, 0.2) for b in steps]
        return found, rank.values(steps[0].sequences)
    finally:
        rank.close()


def _with_values(batch: Batch) -> Batch:
    draw = np.random.default_rng(0)
    sequences = [
        replace(
            s,
            value_R=draw.normal(size=len(s.mask_R)).astype(np.float32) * 0.01,
            return_R=draw.normal(size=len(s.mask_R)).astype(np.float32),
        )
        for s in batch.sequences
    ]
    return Batch.of(sequences, 0.9)
