"""The order in which prompts are handed out: deterministic, and resumable to the bit."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from rlhf.data.sampling.protocol import Probed
from rlhf.data.sampling.state import refuse_other_prompts


class EpochSampler:
    """Hands out indices 0..n-1, each once an epoch, in an order that depends on (seed, epoch) alone.

    An index that is given back goes to the front: it is the next to be handed out.
    """

    def __init__(self, n: int, seed: int = 0, shuffle: bool = True, fingerprint: str = "") -> None:
        """fingerprint: of the prompts (PromptSets.fingerprint); a state of other prompts is refused."""
        if n < 1:
            raise ValueError(f"a sampler needs at least one prompt, found {n}")
        self._n, self._seed, self._shuffle, self._fingerprint = n, seed, shuffle, fingerprint
        self._returned: deque[int] = deque()
        self._start(epoch=0, position=0)

    @property
    def epoch(self) -> int:
        """Epochs begun before this one; fractions are not counted."""
        return self._epoch

    @property
    def returned(self) -> tuple[int, ...]:
        """Given back and not yet handed out again, first to go first."""
        return tuple(self._returned)

    @property
    def trained_on(self) -> Sequence[int]:
        return range(self._n)

    def next(self, busy: Collection[int] = (), step: int = 0) -> int:
        if self._returned:
            return self._returned.popleft()
        if self._position == self._n:
            self._start(self._epoch + 1, 0)
        index = self._order[self._position]
        self._position += 1
        return index

    def give_back(self, index: int) -> None:
        if not 0 <= index < self._n:
            raise ValueError(f"index {index} was never handed out: there are {self._n} prompts")
        self._returned.appendleft(index)

    def observe(self, index: int, accuracy: float | None, informative: bool) -> None:
        """Has no part in the order."""

    def learn(self, probed: Probed) -> str:
        return f"{self._n} prompts are trained on"

    def metrics(self) -> Mapping[str, float]:
        return {}

    def state_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return {
            "n": self._n,
            "seed": self._seed,
            "shuffle": self._shuffle,
            "fingerprint": self._fingerprint,
            "epoch": self._epoch,
            "position": self._position,
            "returned": list(self._returned),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly there. Raises ValueError where the state is of other prompts or another order."""
        refuse_other_prompts(state, self.state_dict(), ("n", "seed", "shuffle", "fingerprint"))
        self._returned = deque(state["returned"])
        self._start(state["epoch"], state["position"])

    def _start(self, epoch: int, position: int) -> None:
        self._epoch, self._position = epoch, position
        self._order = list(range(self._n))
        if self._shuffle:
            # Sorting by `random()`: the one stream that Python promises not to change between versions.
            generator = random.Random(f"{self._seed}/{epoch}")
            keys = [generator.random() for _ in range(self._n)]
            self._order.sort(key=keys.__getitem__)
