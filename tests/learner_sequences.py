"""Sequences to learn from, in small numbers that can be followed by hand."""

from __future__ import annotations

import numpy as np

from rlhf.types import TrainSequence


def sequences(prompts: int = 2, samples: int = 2, tokens: int = 3) -> list[TrainSequence]:
    return [
        TrainSequence(
            group=group,
            prompt_ids_P=np.array([1, 2 + group]),
            response_ids_R=np.arange(tokens) + sample,
            behaviour_logp_R=np.full(tokens, -1.0, np.float32),
            advantage_R=np.ones(tokens, np.float32),
            mask_R=np.ones(tokens, np.float32),
        )
        for group in range(prompts)
        for sample in range(samples)
    ]
