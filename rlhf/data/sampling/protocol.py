"""What hands prompts out. Prompts are known by their position, 0..N-1."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Probed:
    """What was found out about N prompts before training. None: was not asked.

    pass_rate_N: share of right answers, NaN where no answer was judged right or wrong. guessed_N: whether an answer
    given without thinking was right.
    """

    pass_rate_N: tuple[float, ...] | None = None
    guessed_N: tuple[bool, ...] | None = None


class Sampler(Protocol):
    def next(self, busy: Collection[int] = (), step: int = 0) -> int:
        """The prompt that comes next. busy: those being answered; taken only where there is no other choice. step: how
        many are done, which a curriculum goes by."""
        ...

    @property
    def trained_on(self) -> Sequence[int]:
        """The prompts that it hands out: all, but those that were left out before training."""
        ...

    def give_back(self, index: int) -> None:
        """It came to nothing: it is the next to be handed out."""
        ...

    def observe(self, index: int, accuracy: float | None, informative: bool) -> None:
        """A finished group of this prompt: its share of right answers, None where none was judged right or wrong, and
        whether there is something to learn from it: right and wrong answers, or different rewards."""
        ...

    def learn(self, probed: Probed) -> str:
        """Take what was found before training; answers what is left, for a person. ValueError where nothing is."""
        ...

    def metrics(self) -> Mapping[str, float]: ...

    def state_dict(self) -> dict[str, Any]:
        """JSON values only."""
        ...

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue exactly there. Raises ValueError where the state is of other prompts or another order."""
        ...
