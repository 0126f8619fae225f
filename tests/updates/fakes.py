"""Stands in for learner, critic and reference in tests of what is asked of them."""

from __future__ import annotations

import numpy as np

from rlhf.learner.spec import StepResult


class Fake:
    """Notes every call; answers scores with a constant a token, or with these arrays, and updates with what `answers`
    says."""

    def __init__(self, level=0.0, answers=()):
        self.level, self.calls, self.answers, self.batches, self.clips = level, [], list(answers), [], []

    def _scores(self, name, sequences):
        self.calls.append(name)
        if isinstance(self.level, list):
            assert [len(a) for a in self.level] == [len(s.response_ids_R) for s in sequences]
            return [a.astype(np.float32) for a in self.level]
        return [np.full(len(s.response_ids_R), self.level, np.float32) for s in sequences]

    async def logp(self, sequences, temperature):
        return self._scores("logp", sequences)

    async def values(self, sequences):
        return self._scores("values", sequences)

    async def reset_optimizer(self):
        self.calls.append("reset_optimizer")

    async def update(self, batch, clip=None):
        self.calls.append("update")
        self.batches.append(batch)
        self.clips.append(clip)
        answer = self.answers.pop(0) if self.answers else StepResult(len(self.batches), 1.0, 1.0, 1e-3, {})
        if isinstance(answer, Exception):
            raise answer
        return answer
