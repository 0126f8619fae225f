"""What a model adds to the algorithm's loss by itself, and is listened to for: its router, its attention kernels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from rlhf.learner.aux_losses import KernelMonitor, KernelTerm, Recorded
from rlhf.learner.layout import MicroBatch
from rlhf.learner.metrics import Tally
from rlhf.learner.router import RouterMonitor, RouterRecord, RouterTerm
from rlhf.learner.ulysses import SequenceParallel
from rlhf.types import TrainSequence


@dataclass(frozen=True, slots=True)
class Records:
    """What one forward pass showed."""

    router: RouterRecord
    kernels: Recorded


class Monitors:
    """Hooks and hosts that listen while `recording` is open."""

    def __init__(self, model: Any) -> None:
        self.router = RouterMonitor(model)
        self.kernels = KernelMonitor(model)

    @contextmanager
    def recording(self) -> Iterator[Records]:
        with self.router.recording() as router, self.kernels.recording() as kernels:
            yield Records(router, kernels)

    def close(self) -> None:
        self.router.close()


class Terms:
    """The model's own part of one step."""

    def __init__(
        self,
        monitors: Monitors,
        router_coefficient: float,
        sequences: Sequence[TrainSequence],
        parallel: SequenceParallel | None,
    ) -> None:
        self.router = RouterTerm(monitors.router, router_coefficient, sequences)
        self.kernels = KernelTerm(monitors.kernels, sequences, parallel)

    def term(self, records: Records, micro: MicroBatch, tally: Tally) -> Tensor | float:
        """A micro-batch's share of what is added to the loss."""
        return self.router.term(records.router, micro) + self.kernels.term(records.kernels, micro, tally)
