"""From scored groups to the batch that a learner gets, in two halves: rows, and the rows with all that they need.

Between the two the learner, the reference and the critic are asked for what the algorithm needs of them
(`rlhf/updates/experience.py`). All of it on the driver, in float64, over the whole batch.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from rlhf.algorithms.advantages import explained_variance
from rlhf.algorithms.corrections import Corrected, Mismatch, correct
from rlhf.algorithms.definition import Correction, Definition, Shaping
from rlhf.algorithms.experience import Experience, advantages
from rlhf.algorithms.kl import k3
from rlhf.algorithms.shaping import shaped
from rlhf.types import Batch, Group, Scored, TrainSequence

Arrays = Sequence[np.ndarray]


@dataclass(frozen=True, slots=True)
class Row:
    """A response to learn from; its sequence has neither advantage nor anything that is optional yet."""

    sequence: TrainSequence
    reward: float


@dataclass(frozen=True, slots=True)
class Passes:
    """What others say of every row's tokens, an array [R] each, or None where it was not asked for."""

    old_logp: Arrays | None = None
    reference_logp: Arrays | None = None
    value: Arrays | None = None


@dataclass(frozen=True, slots=True)
class Assembled:
    """facts: metrics of what was done to the batch."""

    batch: Batch
    facts: Mapping[str, float]


def rows_of(
    groups: Sequence[Group], definition: Definition, shaping: Shaping, step: int
) -> tuple[list[Row], dict[str, float]]:
    """The rows, and the mean of every part of the shaping by name, and of the reward with it.

    Samples whose verifier failed are left out before any baseline is taken; empty responses too, and groups with fewer
    samples left than the algorithm's baseline needs.
    """
    rows: list[Row] = []
    totals: dict[str, float] = {}
    for index, group in enumerate(groups):
        samples = [s for s in group.usable if len(s.trajectory) > 0]
        if len(samples) < definition.samples_needed:
            continue
        parts = _shaping(samples, shaping, step)
        reward_G = torch.tensor([s.reward for s in samples], dtype=torch.float64)
        for name, part_G in parts.items():
            reward_G = reward_G + part_G
            totals[name] = totals.get(name, 0.0) + float(part_G.sum())
        prompt_ids_P = np.asarray(group.prompt.token_ids, dtype=np.int64)
        rows += [Row(_sequence(index, prompt_ids_P, s), float(r)) for s, r in zip(samples, reward_G, strict=True)]
    facts = {f"shaping/{name}": total / len(rows) for name, total in totals.items()}
    if facts:
        facts["reward/shaped"] = sum(row.reward for row in rows) / len(rows)
    return rows, facts


def assemble(
    rows: Sequence[Row], passes: Passes, definition: Definition, correction: Correction, temperature: float
) -> Assembled:
    """Advantages, corrections and everything else that the loss needs, in every sequence."""
    if not rows:
        return Assembled(Batch.of([], temperature), {})
    mask_BT = padded([row.sequence.mask_R for row in rows])
    behaviour_BT = padded([row.sequence.behaviour_logp_R for row in rows])
    old_BT = behaviour_BT if passes.old_logp is None else padded(passes.old_logp)
    found = Corrected(mask_BT, None)
    facts: dict[str, float] = {}
    if passes.old_logp is not None:
        mismatch = Mismatch.of(old_BT, behaviour_BT, mask_BT)
        found, facts = correct(mismatch, correction)
    experience = Experience(
        mask_BT=mask_BT,
        reward_B=torch.tensor([row.reward for row in rows], dtype=torch.float64),
        correct_B=torch.tensor([float(row.sequence.correct) for row in rows], dtype=torch.float64),
        group_B=torch.tensor([row.sequence.group for row in rows]),
        old_logp_BT=old_BT,
        reference_logp_BT=_maybe_padded(passes.reference_logp),
        value_BT=_maybe_padded(passes.value),
    )
    if experience.reference_logp_BT is not None and definition.reference:
        kl_BT = k3(old_BT, experience.reference_logp_BT) * mask_BT
        facts["kl/reference"] = float(kl_BT.sum() / mask_BT.sum())
    made = advantages(experience, definition)
    recomputed = definition.old_logprobs == "recomputed"
    sequences = [
        replace(
            row.sequence,
            advantage_R=_unpadded(made.advantage_BT, i, row),
            mask_R=_unpadded(found.mask_BT, i, row),
            old_logp_R=_of(passes.old_logp, i) if recomputed else None,
            reference_logp_R=_of(passes.reference_logp, i),
            weight_R=None if found.weight_BT is None else _unpadded(found.weight_BT, i, row),
            value_R=_of(passes.value, i),
            return_R=None if made.return_BT is None else _unpadded(made.return_BT, i, row),
        )
        for i, row in enumerate(rows)
    ]
    return Assembled(Batch.of(sequences, temperature), facts)


def explained(sequences: Sequence[TrainSequence]) -> float:
    """Explained variance of the returns by the critic's values, over the tokens of the masks; NaN without either."""
    held = [s for s in sequences if s.return_R is not None and s.value_R is not None]
    if not held:
        return math.nan
    returns_N = np.concatenate([s.return_R[s.mask_R > 0] for s in held if s.return_R is not None])
    values_N = np.concatenate([s.value_R[s.mask_R > 0] for s in held if s.value_R is not None])
    return explained_variance(torch.from_numpy(returns_N).double(), torch.from_numpy(values_N).double())


def _shaping(samples: Sequence[Scored], shaping: Shaping, step: int) -> dict[str, Tensor]:
    length_G = torch.tensor([float(len(s.trajectory)) for s in samples], dtype=torch.float64)
    correct_G = torch.tensor([float(s.correct) for s in samples], dtype=torch.float64)
    looping_G = torch.tensor([float(s.trajectory.looping) for s in samples], dtype=torch.float64)
    return shaped(length_G, correct_G, looping_G, shaping, step)


def _sequence(group: int, prompt_ids_P: np.ndarray, sample: Scored) -> TrainSequence:
    trajectory = sample.trajectory
    length = len(trajectory)
    return TrainSequence(
        group=group,
        prompt_ids_P=prompt_ids_P,
        response_ids_R=trajectory.token_ids_R.astype(np.int64),
        behaviour_logp_R=trajectory.logp_R.astype(np.float32),
        advantage_R=np.zeros(length, np.float32),
        mask_R=np.ones(length, np.float32),
        correct=sample.correct,
    )


def padded(arrays: Arrays) -> Tensor:
    """[R] arrays -> [B, T] float64, zeros behind each."""
    out_BT = np.zeros((len(arrays), max(map(len, arrays))))
    for row, array in enumerate(arrays):
        out_BT[row, : len(array)] = array
    return torch.from_numpy(out_BT)


def _maybe_padded(arrays: Arrays | None) -> Tensor | None:
    return None if arrays is None else padded(arrays)


def _unpadded(values_BT: Tensor, index: int, row: Row) -> np.ndarray:
    return values_BT[index, : len(row.sequence.response_ids_R)].numpy().astype(np.float32)


def _of(arrays: Arrays | None, index: int) -> np.ndarray | None:
    return None if arrays is None else np.asarray(arrays[index], np.float32)
