"""What kernels add to a step: losses a token, averaged over the global batch, and statistics of its keys.

Like the router's loss (router.py), a kernel's is a sum over every real token of the global batch divided by their
number, so any split into micro-batches or ranks gives the same gradient; a shared prompt's token counts once for every
response. The statistics (sums over the tokens that were run) go to the mixers, for what no gradient moves.

Where ranks share sequences, a kernel has seen some of the heads: its losses a token, which are means over the heads,
are averaged over the ranks, and its statistics have the place of those heads among all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from rlhf.attention.contract import Aux
from rlhf.attention.levels import Level
from rlhf.attention.mixers.base import Mixer
from rlhf.learner.layout import MicroBatch
from rlhf.learner.metrics import Tally, all_reduced
from rlhf.learner.ulysses import SequenceParallel
from rlhf.models.hybrid.layers import mixers_of
from rlhf.types import TrainSequence

Recorded = list[tuple[Mixer, tuple[tuple[Level, Aux], ...]]]


class KernelMonitor:
    """Listens to the mixers of a model, where it has any."""

    def __init__(self, model: Any) -> None:
        self._host = getattr(model, "mixer_host", None)
        self.mixers = mixers_of(model) if self._host is not None else {}

    @contextmanager
    def recording(self) -> Iterator[Recorded]:
        """Filled while it is open; never by a recomputed forward, which runs in the backward pass."""
        found: Recorded = []
        if self._host is None:
            yield found
            return
        self._host.recorded = found
        try:
            yield found
        finally:
            self._host.recorded = None


class KernelTerm:
    """The kernels' part of one step."""

    def __init__(
        self, monitor: KernelMonitor, sequences: Sequence[TrainSequence], parallel: SequenceParallel | None = None
    ) -> None:
        self._parallel = parallel
        self._layers = {id(mixer): layer for layer, mixer in monitor.mixers.items()}
        self._mixers = monitor.mixers
        self._total = float(sum(s.total_tokens - 1 for s in sequences))
        self._sums: dict[int, dict[str, Tensor]] = {}

    def term(self, recorded: Recorded, micro: MicroBatch, tally: Tally) -> Tensor | float:
        """This micro-batch's share of the sum over layers of weight * mean loss a token."""
        share: Tensor | float = 0.0
        for mixer, added in recorded:
            for level, aux in added:
                weight_T = micro.weight_S if level.index_T is None else micro.weight_S.index_select(0, level.index_T)
                for name, loss_T in aux.loss_T.items():
                    mean = (weight_T * micro.of_tokens(loss_T)).sum() / self._total
                    tally.add(f"loss/attention_{name}", mean.detach())
                    share = share + mixer.aux_weights()[name] * mean
                if micro.members:
                    self._add(self._layers[id(mixer)], aux)
        return share

    def _add(self, layer: int, aux: Aux) -> None:
        sums = self._sums.setdefault(layer, {})
        for name, value in aux.statistics.items():
            sums[name] = sums[name] + value if name in sums else value

    def learn_outside(self, engine: Any, update: int) -> None:
        """Hand every mixer its statistics of the global batch, its parameters whole; a collective."""
        for layer, mixer in self._mixers.items():
            fixed = [p for p in mixer.parameters() if not p.requires_grad]
            if not fixed:
                continue
            statistics = {
                name: all_reduced(self._of(layer, name, shape, fixed[0])) for name, shape in mixer.statistics().items()
            }
            with engine.changing(fixed), torch.no_grad():
                mixer.learn_outside(statistics, update)

    def _of(self, layer: int, name: str, shape: tuple[int, ...], like: Tensor) -> Tensor:
        """A rank whose tokens have left none adds zeros."""
        found = self._sums.get(layer, {}).get(name)
        if found is None:
            return torch.zeros(shape, dtype=torch.float32, device=like.device)
        return found.float() if self._parallel is None else self._parallel.placed(found.float(), shape)
