"""Everything that the loop is given, in one place; `cluster/session.py` puts it together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rlhf.checkpoint import Checkpoints
from rlhf.data.load import PromptSets
from rlhf.data.sampling.protocol import Sampler
from rlhf.heldout import HeldoutResult
from rlhf.metrics.live import LiveView
from rlhf.protocols import Critic, Engines, Learner, ReferencePolicy, Verifying
from rlhf.types import Batch, Group


class Record(Protocol):
    """What a run leaves behind: metrics, trajectories, the summary, the live view."""

    def step(
        self, step: int, total: int, metrics: Mapping[str, float], groups: Sequence[Group], batch: Batch | None = None
    ) -> None:
        """batch: what was learned from the groups."""
        ...

    def heldout(self, step: int, result: HeldoutResult) -> None: ...

    def heldout_value(self, step: int) -> float | None:
        """Held-out accuracy after this step, by this run or the one that it goes on with; None where not measured."""
        ...

    def measured(self, step: int, metrics: Mapping[str, float]) -> None:
        """What was measured of a step's weights, into the step's own line."""
        ...

    def value_pretraining(self, facts: Mapping[str, float]) -> None: ...

    def sync(self) -> None:
        """Everything said so far is on the disk when this returns."""
        ...


class Evaluating(Protocol):
    """Benchmarks that a run asks while it trains."""

    @property
    def every(self) -> int:
        """Steps between evaluations; 0: before and after training only."""
        ...

    async def run(self, step: int, note: Callable[[str], None]) -> Mapping[str, float]:
        """Metrics by name, of the weights that the engines hold, after `step` steps."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """canary_ids: the fixed prompt whose log-probabilities prove a publication."""

    prompts: PromptSets
    sampler: Sampler
    engines: Engines
    learner: Learner
    verifying: Verifying
    decode: Callable[[Sequence[int]], str]
    encode: Callable[[str], Sequence[int]]
    run_folder: Path
    checkpoints: Checkpoints
    record: Record
    view: LiveView
    canary_ids: tuple[int, ...]
    critic: Critic | None = None
    reference: ReferencePolicy | None = None
    benchmarks: Evaluating | None = None
