"""From scored groups to the batch that a learner gets: rewards become advantages, one per response token."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rlhf.algorithms.base import Algorithm
from rlhf.recipe.schema import AlgorithmConfig
from rlhf.types import Batch, Group, TrainSequence


def make_batch(groups: Sequence[Group], algorithm: Algorithm, config: AlgorithmConfig, temperature: float) -> Batch:
    """Samples whose verifier failed are left out before the baseline is taken; empty responses too."""
    sequences = []
    for index, group in enumerate(groups):
        usable = [s for s in group.usable if len(s.trajectory) > 0]
        rewards_G = torch.tensor([s.reward for s in usable], dtype=torch.float64)
        if len(usable) < 2:
            continue
        advantage_G = algorithm.advantage(rewards_G, config)
        prompt_ids_P = np.asarray(group.prompt.token_ids, dtype=np.int64)
        for sample, advantage in zip(usable, advantage_G.tolist(), strict=True):
            length = len(sample.trajectory)
            sequences.append(
                TrainSequence(
                    group=index,
                    prompt_ids_P=prompt_ids_P,
                    response_ids_R=sample.trajectory.token_ids_R.astype(np.int64),
                    behaviour_logp_R=sample.trajectory.logp_R.astype(np.float32),
                    advantage_R=np.full(length, advantage, np.float32),
                    mask_R=np.ones(length, np.float32),
                )
            )
    return Batch.of(sequences, temperature)
