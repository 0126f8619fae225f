"""Everything that the loop is given, in one place; `cluster/session.py` puts it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from rlhf.checkpoint import Checkpoints
from rlhf.data.load import PromptSets
from rlhf.data.sampler import PromptSampler
from rlhf.heldout import HeldoutResult
from rlhf.metrics.live import LiveView
from rlhf.protocols import Engines, Learner, Verifying
from rlhf.types import Group


class Record(Protocol):
    """What a run leaves behind: metrics, trajectories, the summary, the live view."""

    def step(self, step: int, total: int, metrics: Mapping[str, float], groups: Sequence[Group]) -> None: ...

    def heldout(self, step: int, result: HeldoutResult) -> None: ...

    def has_heldout(self, step: int) -> bool: ...

    def sync(self) -> None:
        """Everything said so far is on the disk when this returns."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """canary_ids: the fixed prompt whose log-probabilities prove a publication."""

    prompts: PromptSets
    sampler: PromptSampler
    engines: Engines
    learner: Learner
    verifying: Verifying
    decode: Callable[[Sequence[int]], str]
    checkpoints: Checkpoints
    record: Record
    view: LiveView
    canary_ids: tuple[int, ...]
