"""A prompt to a scored group: samples it, judges the samples as soon as they are complete, and counts."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rlhf.offending import OffendingBatchError
from rlhf.protocols import Engines, Verifying
from rlhf.recipe.schema import RewardComponent, RolloutConfig
from rlhf.rollout.sampling import RETRIED, RawSample, Sampling, queued_at_once
from rlhf.rollout.scoring import score
from rlhf.types import Group, Prompt, Trajectory

Decode = Callable[[Sequence[int]], str]
_ATTEMPTS = 5  # at a prompt outside training


@dataclass(frozen=True, slots=True)
class Begun:
    """The beginning of an answer that the policy is not asked for; verifiers see it, it is not trained on."""

    text: str = ""
    token_ids: tuple[int, ...] = ()


@dataclass(slots=True)
class RolloutCounts:
    """What was sampled since the last reset; seconds are of single groups, so they overlap."""

    tokens: int = 0
    groups: int = 0
    generate_s: float = 0.0
    verify_s: float = 0.0
    slowest_group_s: float = 0.0
    accuracy_sum: float = 0.0
    judged_groups: int = 0

    def add(self, group: Group, generate_s: float, verify_s: float) -> None:
        self.tokens += sum(len(s.trajectory) for s in group.samples)
        self.groups += 1
        if group.accuracy is not None:
            self.accuracy_sum += group.accuracy
            self.judged_groups += 1
        self.generate_s += generate_s
        self.verify_s += verify_s
        self.slowest_group_s = max(self.slowest_group_s, generate_s)


class Rollouter:
    """Samples and judges one group at a time; many may run at once. Which prompt comes next is `PromptFlow`'s."""

    def __init__(
        self,
        engines: Engines,
        verifying: Verifying,
        decode: Decode,
        reward: Sequence[RewardComponent],
        rollout: RolloutConfig,
        group_size: int,
        begun: Begun | None = None,
    ) -> None:
        """begun: what every answer is made to begin with."""
        self._engines = engines
        self._verifying = verifying
        self._decode = decode
        self._reward = reward
        self._rollout = rollout
        self._begun = begun or Begun()
        self._sampling = Sampling(group_size, rollout.temperature, rollout.max_response_tokens)
        self.counts = RolloutCounts()

    async def group(self, prompt: Prompt, attempt: int = 0) -> Group:
        """A group to train on, counted. Raises one of RETRIED if the engine could not finish."""
        group, generate_s, verify_s = await self._sampled_and_judged(prompt, self._sampling, attempt)
        self.counts.add(group, generate_s, verify_s)
        return group

    async def _sampled_and_judged(self, prompt: Prompt, sampling: Sampling, attempt: int) -> tuple[Group, float, float]:
        """The group, and the seconds that sampling and judging it took."""
        started = time.monotonic()
        raw = await asyncio.wait_for(
            self._engines.generate((*prompt.token_ids, *self._begun.token_ids), sampling),
            self._rollout.request_timeout_s,
        )
        generated = time.monotonic()
        trajectories = [self._trajectory(prompt, index, sample) for index, sample in enumerate(raw)]
        verdicts = await self._verifying.verify(prompt, [t.text for t in trajectories])
        samples = tuple(score(t, v, self._reward) for t, v in zip(trajectories, verdicts, strict=True))
        if not all(s.reward is None or math.isfinite(s.reward) for s in samples):
            message = f"prompt {prompt.id}: a reward is not finite"
            raise OffendingBatchError(message, [Group(prompt, samples, attempt)])
        return Group(prompt, samples, attempt), generated - started, time.monotonic() - generated

    async def groups(self, prompts: Sequence[Prompt], sampling: Sampling) -> list[Group]:
        """Samples of every prompt, outside the accounting of training (for evaluation); lost ones are retried.

        Not all are asked for at once: the time limit of a request must not be spent on waiting for its turn.
        """
        rollout = self._rollout
        capacity = queued_at_once(rollout.engines, rollout.max_concurrent_sequences) // sampling.n
        turn = asyncio.Semaphore(max(1, capacity))
        return list(await asyncio.gather(*(self._until_done(p, sampling, turn) for p in prompts)))

    async def _until_done(self, prompt: Prompt, sampling: Sampling, turn: asyncio.Semaphore) -> Group:
        for attempt in range(_ATTEMPTS):
            try:
                async with turn:
                    return (await self._sampled_and_judged(prompt, sampling, attempt))[0]
            except RETRIED as error:
                last: Exception = error
        raise RuntimeError(f"prompt {prompt.id} failed {_ATTEMPTS} times") from last

    def begun_with(self, begun: Begun) -> Rollouter:
        """The same, whose every answer begins so."""
        return Rollouter(
            self._engines, self._verifying, self._decode, self._reward, self._rollout, self._sampling.n, begun
        )

    def take_counts(self) -> RolloutCounts:
        counts, self.counts = self.counts, RolloutCounts()
        return counts

    def _trajectory(self, prompt: Prompt, index: int, sample: RawSample) -> Trajectory:
        token_ids = [int(t) for s in sample.segments for t in s.token_ids_R]
        text = sample.text if sample.text is not None else self._decode(token_ids)
        text = self._begun.text + text
        return Trajectory(prompt.id, index, sample.segments, sample.finish_reason, text, sample.engine)
