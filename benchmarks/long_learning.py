"""One side of long_context: a learner's step on one sequence, its seconds and its memory, at several lengths."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from benchmarks.resident import forget_peak, give_back, peak, resident

if TYPE_CHECKING:
    from rlhf.types import TrainSequence

PROMPT = 16  # tokens of a sequence that are its prompt
WARMUP = 64  # tokens


def learn(options: Mapping[str, Any]) -> dict[str, Any]:
    """options: model, dtype, threads, lengths (rising), repeats, gradient_checkpointing, logit_chunk (null: all tokens'
    logits at once).

    A step is forward, backward and optimizer on the mean negative log-likelihood. loaded: bytes resident after a step
    on a short sequence (weights, gradients, moments, libraries). peak: the most during steps of each length, over that.
    """
    from rlhf.learner.rank import LearnerRank
    from rlhf.learner.spec import LearnerSpec
    from rlhf.recipe.schema import LearnerConfig, PolicyConfig

    lengths = options["lengths"]
    policy = PolicyConfig(model=options["model"], dtype=options["dtype"])
    learner = LearnerConfig(
        learning_rate=1e-6,
        token_budget=max(lengths),
        logit_chunk=options["logit_chunk"] or max(lengths),
        gradient_checkpointing=options["gradient_checkpointing"],
    )
    rank = LearnerRank(LearnerSpec(policy, learner, options["model"], threads=options["threads"]))
    answer: dict[str, Any] = {"seconds": {}, "peak": {}, "losses": {}}
    vocabulary = int(rank.model.config.vocab_size)
    try:
        rank.sft_step([_sequence(WARMUP, vocabulary)])
        give_back()
        answer["loaded"] = resident()
        for length in lengths:
            sequences = [_sequence(length, vocabulary)]
            give_back()
            forget_peak()
            seconds = []
            for _ in range(options["repeats"]):
                started = time.perf_counter()
                loss = rank.sft_step(sequences).loss
                seconds.append(time.perf_counter() - started)
            answer["seconds"][length], answer["losses"][length] = seconds, float(loss)
            answer["peak"][length] = peak() - answer["loaded"]
    finally:
        rank.close()
    return answer


def _sequence(length: int, vocabulary: int) -> TrainSequence:
    """Random tokens."""
    import numpy as np

    from rlhf.types import TrainSequence

    ids = np.random.default_rng(0).integers(5, vocabulary, length)
    zeros = np.zeros(length - PROMPT, np.float32)
    return TrainSequence(0, ids[:PROMPT], ids[PROMPT:], zeros, zeros, np.ones_like(zeros))
