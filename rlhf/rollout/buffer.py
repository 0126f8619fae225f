"""Finished groups, in the order in which they finished, until the learner takes them."""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable

from rlhf.rollout.admission import Admission
from rlhf.rollout.ledger import Ledger
from rlhf.types import Group

ReturnPrompt = Callable[[Group], None]


class NothingToTrainOnError(RuntimeError):
    """Prompt after prompt comes to nothing; the message says why the last one did."""


class GroupBuffer:
    """Holds complete groups and refuses what must not be trained on, counting why.

    A group is stale if any of its tokens was sampled by weights more than `max_staleness` versions older than
    the learner's; its prompt is handed out again. What `admission` refuses is dropped. patience: after so many dropped
    prompts without a group to train on, waiting for a batch is an error: it would never end. filtered_patience: so many
    groups may dynamic sampling leave out for one batch.
    """

    def __init__(
        self,
        ledger: Ledger,
        max_staleness: int,
        give_back: ReturnPrompt,
        patience: int,
        admission: Admission = Admission(),  # noqa: B008 - frozen
        filtered_patience: int = 0,
    ) -> None:
        self._groups: deque[Group] = deque()
        self._ledger = ledger
        self._max_staleness = max_staleness
        self._give_back = give_back
        self._patience = patience
        self._admission = admission
        self._filtered_patience = filtered_patience
        self._dropped_in_a_row = 0
        self._filtered_since_batch: Counter[str] = Counter()
        self._changed = asyncio.Event()
        self._failure: BaseException | None = None

    def put(self, group: Group) -> None:
        self._ledger.finish()
        refused = self._admission.refusal(group)
        if refused is None:
            self._groups.append(group)
            self._dropped_in_a_row = 0
        else:
            self._ledger.reject(refused.reason, again=False)
            if refused.expected:
                self._filtered(refused.reason)
            else:
                self.dropped(refused.why)
        self._changed.set()

    def _filtered(self, reason: str) -> None:
        self._filtered_since_batch[reason] += 1
        if (total := self._filtered_since_batch.total()) >= self._filtered_patience:
            found = ", ".join(f"{count} {name}" for name, count in self._filtered_since_batch.items())
            self.fail(
                NothingToTrainOnError(
                    f"{total} groups had nothing to learn from ({found}) before {len(self._groups)} others made a "
                    "batch: take easier or harder prompts, a larger algorithm.group_size, or write algorithm.keep: all "
                    "(algorithm.max_resampled batches' worth of such groups are waited for)"
                )
            )

    def dropped(self, why: str) -> None:
        """A prompt came to nothing for good."""
        self._dropped_in_a_row += 1
        if self._dropped_in_a_row >= self._patience:
            self.fail(NothingToTrainOnError(f"{self._dropped_in_a_row} prompts in a row were dropped; the last: {why}"))

    def fail(self, error: BaseException) -> None:
        """Make the waiting (and any later) `take` raise: an error that no retry can mend."""
        self._failure = error
        self._changed.set()

    def notify(self) -> None:
        """A group came to nothing: whoever waits may want to hand out another."""
        self._changed.set()

    async def take(self, count: int, version: int, refill: Callable[[], None]) -> list[Group]:
        """`count` groups fresh enough for the learner's `version`; `refill` is called whenever some were lost."""
        while True:
            if self._failure is not None:
                raise self._failure
            self._reject_stale(version)
            if len(self._groups) >= count:
                taken = [self._groups.popleft() for _ in range(count)]
                self._ledger.train(count)
                self._filtered_since_batch.clear()
                return taken
            refill()
            self._changed.clear()
            await self._changed.wait()

    def _reject_stale(self, version: int) -> None:
        fresh: deque[Group] = deque()
        for group in self._groups:
            if version - group.oldest_version > self._max_staleness:
                self._ledger.reject("stale", again=True)
                self._give_back(group)
            else:
                fresh.append(group)
        self._groups = fresh

    def groups(self) -> list[Group]:
        """What waits, oldest first, for a checkpoint."""
        return list(self._groups)

    def restore(self, groups: list[Group]) -> None:
        """The ledger of the same checkpoint counts these as buffered already."""
        self._groups = deque(groups)
