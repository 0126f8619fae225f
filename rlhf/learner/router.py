"""Load of the experts and the router's load-balancing loss, over the global batch.

aux = mean over layers of E * sum_e f_e P_e (Switch Transformer, arXiv 2101.03961, eq. 4 to 6), with f_e the share of
all (token, expert) assignments that went to expert e, and P_e the mean of its router probability, both over
every real token of the global batch: 1 where the load is even, E / K at worst. With f over a micro-batch only, a
batch split in small pieces would punish any piece of uneven content; so f is summed over micro-batches and ranks
before the first backward pass. A shared prompt's token counts once for every response, so sharing changes nothing.

Axes: S flattened positions, E experts, K experts a token, M layers with a router.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from rlhf.learner.layout import MicroBatch
from rlhf.learner.metrics import all_reduced
from rlhf.models.moe import Router, experts_per_token, find_routers, router_output
from rlhf.types import TrainSequence


class RouterMonitor:
    """Hooks on every router; they record while `recording` is open, and never during a recomputed forward."""

    def __init__(self, model: nn.Module) -> None:
        self.routers = find_routers(model)
        self._top_k = experts_per_token(model.config) if self.routers else 0
        self._seen: dict[int, tuple[Tensor, Tensor]] | None = None
        self._handles = [r.module.register_forward_hook(self._hook(i, r)) for i, r in enumerate(self.routers)]

    def __bool__(self) -> bool:
        return bool(self.routers)

    def _hook(self, place: int, router: Router) -> Any:
        def record(_: nn.Module, __: Any, output: Any) -> None:
            if self._seen is not None:
                self._seen[place] = router_output(router, output, self._top_k)

        return record

    @contextmanager
    def recording(self) -> Iterator[RouterRecord]:
        record = RouterRecord()
        self._seen = {}
        try:
            yield record
        finally:
            record.layers, self._seen = [self._seen[i] for i in sorted(self._seen)], None

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()
        self._handles.clear()

    def load_metrics(self, counts_ME: Tensor) -> dict[str, float]:
        """`moe/load/L{layer}/E{expert}`: share of a layer's assignments; even would be 1/E."""
        share_ME = (counts_ME / counts_ME.sum(1, keepdim=True).clamp(min=1.0)).tolist()
        return {
            f"moe/load/L{router.layer}/E{e}": share
            for router, row in zip(self.routers, share_ME, strict=True)
            for e, share in enumerate(row)
        }


class RouterRecord:
    """What one forward pass showed: (logits_SE with gradient, chosen_SK) of each layer."""

    def __init__(self) -> None:
        self.layers: list[tuple[Tensor, Tensor]] = []

    def counts(self, weight_S: Tensor) -> Tensor:
        """Weighted assignments [M, E], float64 so that the order of addition does not show."""
        rows = []
        for logits_SE, chosen_SK in self.layers:
            weight = weight_S.double().repeat_interleave(chosen_SK.shape[1])
            rows.append(torch.bincount(chosen_SK.reshape(-1), weights=weight, minlength=logits_SE.shape[1]))
        return torch.stack(rows)

    def loss(self, weight_S: Tensor, counts_ME: Tensor, total_weight: float) -> Tensor:
        """This micro-batch's share of aux: counts and total_weight are the global batch's."""
        share_ME = (counts_ME / counts_ME.sum(1, keepdim=True)).float()
        terms = []
        for (logits_SE, _), share_E in zip(self.layers, share_ME, strict=True):
            probability_E = (weight_S[:, None] * logits_SE.float().softmax(-1)).sum(0) / total_weight
            terms.append(len(share_E) * (share_E * probability_E).sum())
        return torch.stack(terms).mean()


class RouterTerm:
    """The router's part of one step: its loss, where the recipe asks for one, and the load of the experts."""

    def __init__(self, monitor: RouterMonitor, coefficient: float, sequences: Sequence[TrainSequence]) -> None:
        self._monitor = monitor
        self._coefficient = coefficient if monitor else 0.0
        self._total = float(sum(s.total_tokens - 1 for s in sequences))
        self._counts_ME: Tensor | None = None
        self._counted = False

    def needs_counting(self, micro_batches: int) -> bool:
        """With one micro-batch a rank, the update's own forward knows the counts in time."""
        return self._coefficient > 0.0 and micro_batches > 1

    def count(self, record: RouterRecord, micro: MicroBatch) -> None:
        counts_ME = record.counts(micro.weight_S)
        self._counts_ME = counts_ME if self._counts_ME is None else self._counts_ME + counts_ME

    def finish_counting(self) -> None:
        if self._counts_ME is not None:
            all_reduced(self._counts_ME)
        self._counted = True

    def term(self, record: RouterRecord, micro: MicroBatch) -> Tensor | float:
        """This micro-batch's share of coefficient * aux, and its counts."""
        if not self._monitor:
            return 0.0
        if not self._counted:
            self.count(record, micro)
        if self._coefficient == 0.0:
            return 0.0
        if not self._counted:
            self.finish_counting()
        assert self._counts_ME is not None
        return self._coefficient * record.loss(micro.weight_S, self._counts_ME, self._total)

    def metrics(self) -> dict[str, float]:
        """Load per layer and expert; a collective where nothing was reduced before."""
        if self._counts_ME is None:
            return {}
        if not self._counted:
            self.finish_counting()
        return self._monitor.load_metrics(self._counts_ME)
