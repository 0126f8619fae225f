"""Which prompts are out: the sampler's order, the accounting, the buffer, and the bound on staleness, in one place."""

from __future__ import annotations

import asyncio
import copy
from collections import Counter
from collections.abc import Sequence
from typing import Any

from rlhf.algorithms import resolve
from rlhf.data.sampling.protocol import Sampler
from rlhf.recipe.schema import TrainerConfig, TrainRecipe
from rlhf.rollout.admission import Admission, uninformative
from rlhf.rollout.buffer import GroupBuffer
from rlhf.rollout.ledger import Ledger
from rlhf.rollout.rollouter import Rollouter
from rlhf.rollout.sampling import RETRIED, retry_reason
from rlhf.types import Group, Prompt

_PATIENCE = 4  # batches' worth of prompts that may be dropped in a row before that is an error


class PromptFlow:
    """Hands out prompts as far as the staleness bound allows, and takes back what came to nothing.

    When the learner holds version v and has taken `trained` groups, at most (v + 1 + max_staleness) batches may
    have been handed out for good. So with max_staleness 0 nothing is sampled while the learner works, and with
    n it is at most n batches ahead. (Capacity gating as in AReaL, 2505.24298, section 5.1.)
    """

    def __init__(
        self,
        prompts: Sequence[Prompt],
        sampler: Sampler,
        rollouter: Rollouter,
        config: TrainerConfig,
        admission: Admission = Admission(),  # noqa: B008 - frozen
        max_resampled: int = 1,
    ) -> None:
        self._prompts = prompts
        self._sampler = sampler
        self._rollouter = rollouter
        self._config = config
        self._index = {prompt.id: i for i, prompt in enumerate(prompts)}
        self._attempts: Counter[int] = Counter()
        self._in_flight: Counter[int] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self.ledger = Ledger()
        patience = _PATIENCE * config.prompts_per_step
        self.buffer = GroupBuffer(
            self.ledger,
            config.max_staleness,
            self._give_back_group,
            patience,
            admission,
            filtered_patience=max_resampled * config.prompts_per_step,
        )

    @classmethod
    def of(cls, recipe: TrainRecipe, prompts: Sequence[Prompt], sampler: Sampler, rollouter: Rollouter) -> PromptFlow:
        """With the groups refused that the recipe's algorithm has no use for."""
        definition = resolve(recipe.algorithm)
        compared = 2 if definition.keep == "mixed_accuracy" else 1
        admission = Admission(max(definition.samples_needed, compared), definition.keep)
        return cls(prompts, sampler, rollouter, recipe.trainer, admission, recipe.algorithm.max_resampled)

    def fill(self, version: int, remaining_steps: int) -> None:
        """Start as many groups as may be out now; never more than the steps that remain can use."""
        ahead = min(1 + self._config.max_staleness, remaining_steps)
        limit = (version + ahead) * self._config.prompts_per_step - self.ledger.trained
        while self.ledger.outstanding < limit:
            index = self._sampler.next(self._busy, version)
            self.ledger.hand_out()
            self._in_flight[index] += 1
            task = asyncio.create_task(self._run(index))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def take(self, version: int, remaining_steps: int) -> list[Group]:
        """The next batch of groups; prompts that come to nothing meanwhile are handed out again."""
        size = self._config.prompts_per_step
        groups = await self.buffer.take(size, version, lambda: self.fill(version, remaining_steps))
        for group in groups:
            self._attempts.pop(self._index[group.prompt.id], None)
        self.ledger.check()
        return groups

    async def _run(self, index: int) -> None:
        try:
            group = await self._rollouter.group(self._prompts[index], attempt=self._attempts[index])
        except RETRIED as error:
            again = self._retry(index)
            self.ledger.fail(retry_reason(error), again)
            if not again:
                self.buffer.dropped(f"{self._prompts[index].id}: {retry_reason(error)}: {error}")
            self.buffer.notify()
        except asyncio.CancelledError:
            self._sampler.give_back(index)
            self.ledger.fail("cancelled", again=True)
            raise
        except BaseException as error:  # noqa: BLE001 - handed to whoever waits for a batch, which raises it
            self._sampler.give_back(index)
            self.ledger.fail("error", again=True)
            self.buffer.fail(error)
        else:
            if group.usable:  # also of those that dynamic sampling leaves out
                self._sampler.observe(index, group.accuracy, informative=uninformative(group) is None)
            self.buffer.put(group)
        finally:
            self._in_flight[index] -= 1

    def _retry(self, index: int) -> bool:
        """Whether a failed prompt goes back to the front of the queue; after too many attempts it is dropped."""
        self._attempts[index] += 1
        if self._attempts[index] >= self._config.max_prompt_attempts:
            self._attempts.pop(index)
            return False
        self._sampler.give_back(index)
        return True

    def _give_back_group(self, group: Group) -> None:
        self._sampler.give_back(self._index[group.prompt.id])

    @property
    def _busy(self) -> list[int]:
        """Prompts that are being answered."""
        return [index for index, count in self._in_flight.items() if count > 0]

    def metrics(self) -> dict[str, float]:
        return {**self.ledger.metrics(), **self._sampler.metrics()}

    async def cancel(self) -> None:
        """Abandon every group in flight."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def state_dict(self) -> dict[str, Any]:
        """For a checkpoint: prompts in flight are saved as given back; the buffer's groups are saved apart."""
        sampler = copy.deepcopy(self._sampler)
        for index in sorted(self._in_flight.elements(), reverse=True):
            sampler.give_back(index)
        attempts = {str(index): count for index, count in sorted(self._attempts.items())}
        return {"sampler": sampler.state_dict(), "ledger": self.ledger.state_dict(), "attempts": attempts}

    def load_state_dict(self, state: dict[str, Any], groups: list[Group]) -> None:
        self._sampler.load_state_dict(state["sampler"])
        self._attempts = Counter({int(index): count for index, count in state["attempts"].items()})
        self.ledger.load_state_dict(state["ledger"])
        self.buffer.restore(groups)
        self.ledger.check()
