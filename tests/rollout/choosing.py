"""Which experts tokens went to and which codes their keys were rounded to, in a vLLM worker and in a learner.

Rounding may turn such a choice over, and then the two sides compute different functions of the token and of all after it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from rlhf.attention.kernels.vq import extras as vq
from rlhf.rollout.worker import LongthoughtWorker

Choices = list[list[list[int]]]
"""Of each layer, in order, of every token in the order they ran."""


class CodeRecord:
    """Stands in the place of the kernel's `nearest`; a layer is known by its codebook."""

    def __init__(self) -> None:
        self._nearest = vq.nearest
        self.layers: dict[tuple[float, ...], list[list[int]]] = {}

    def __call__(self, k_GTd: Tensor, codebook_Gcd: Tensor) -> Tensor:
        codes_GT: Tensor = self._nearest(k_GTd, codebook_Gcd)
        layer = tuple(codebook_Gcd[0, 0].tolist())
        self.layers.setdefault(layer, []).extend(codes_GT.T.tolist())
        return codes_GT

    def take(self) -> Choices:
        taken = list(self.layers.values())
        self.layers.clear()
        return taken


@contextmanager
def recording_codes() -> Iterator[CodeRecord]:
    record = CodeRecord()
    vq.nearest = record
    try:
        yield record
    finally:
        vq.nearest = record._nearest


class ChoosingWorker(LongthoughtWorker):
    def record_choices(self) -> None:
        from vllm.model_executor.layers.fused_moe.routed_experts_capturer import bind_routed_experts_capturer

        self.routes: dict[int, list[list[int]]] = {}
        bind_routed_experts_capturer(self.model_runner.get_model(), self)
        self.codes = CodeRecord()
        vq.nearest = self.codes

    def capture(self, layer: int, chosen_TK: Tensor) -> None:
        self.routes.setdefault(layer, []).extend(chosen_TK.sort(-1).values.tolist())

    def take_choices(self) -> tuple[Choices, Choices]:
        """Experts, each token's in rising order, and codes, of every token since the last call."""
        taken = [self.routes[layer] for layer in sorted(self.routes)]
        self.routes.clear()
        return taken, self.codes.take()


def agree(some: tuple[Choices, Choices], others: tuple[Choices, Choices], tokens: int) -> Tensor:
    """[T] bool: whether a token's choices are the same in every layer; the first so many tokens are compared."""
    same_T = torch.ones(tokens, dtype=torch.bool)
    for one_side, other_side in zip(some, others, strict=True):
        assert len(one_side) == len(other_side), "layers"
        for one, other in zip(one_side, other_side, strict=True):
            same_T &= (torch.tensor(one)[:tokens] == torch.tensor(other)[:tokens]).all(-1)
    return same_T
