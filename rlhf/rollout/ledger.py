"""Accounting of prompts: every one handed out is trained on, dropped for a counted reason, or handed out again."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


class AccountingError(RuntimeError):
    """The counts do not add up: a prompt was lost or counted twice."""


@dataclass(slots=True)
class Ledger:
    """Counts hand-outs: a prompt that is handed out again counts anew, and once under `returned`."""

    handed_out: int = 0
    in_flight: int = 0
    buffered: int = 0
    trained: int = 0
    returned: Counter[str] = field(default_factory=Counter)
    dropped: Counter[str] = field(default_factory=Counter)

    def hand_out(self) -> None:
        self.handed_out += 1
        self.in_flight += 1

    def finish(self) -> None:
        """A group came back complete and waits in the buffer."""
        self.in_flight -= 1
        self.buffered += 1

    def fail(self, reason: str, again: bool) -> None:
        """A group in flight came to nothing."""
        self.in_flight -= 1
        (self.returned if again else self.dropped)[reason] += 1

    def reject(self, reason: str, again: bool) -> None:
        """A buffered group is not to be trained on."""
        self.buffered -= 1
        (self.returned if again else self.dropped)[reason] += 1

    def train(self, groups: int) -> None:
        self.buffered -= groups
        self.trained += groups

    @property
    def outstanding(self) -> int:
        return self.in_flight + self.buffered

    def check(self) -> None:
        """Raises AccountingError unless every hand-out is in exactly one place."""
        accounted = self.outstanding + self.trained + self.returned.total() + self.dropped.total()
        if accounted != self.handed_out or min(self.in_flight, self.buffered, self.trained) < 0:
            raise AccountingError(f"{self.handed_out} prompts were handed out, {accounted} are accounted for: {self}")

    def metrics(self) -> dict[str, float]:
        counts: dict[str, float] = {
            "prompts/handed_out": self.handed_out,
            "prompts/trained": self.trained,
            "prompts/in_flight": self.in_flight,
            "prompts/buffered": self.buffered,
            "prompts/returned": self.returned.total(),
            "prompts/dropped": self.dropped.total(),
        }
        counts |= {f"prompts/returned/{reason}": n for reason, n in sorted(self.returned.items())}
        return counts | {f"prompts/dropped/{reason}": n for reason, n in sorted(self.dropped.items())}

    def state_dict(self) -> dict[str, Any]:
        """In-flight groups are not saved: to a resumed run they were returned."""
        returned = self.returned + Counter({"checkpoint": self.in_flight})
        return {
            "handed_out": self.handed_out,
            "buffered": self.buffered,
            "trained": self.trained,
            "returned": dict(returned),
            "dropped": dict(self.dropped),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.handed_out, self.buffered, self.trained = state["handed_out"], state["buffered"], state["trained"]
        self.in_flight = 0
        self.returned, self.dropped = Counter(state["returned"]), Counter(state["dropped"])
