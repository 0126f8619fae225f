"""Performer."""

from __future__ import annotations

from typing import Any

import torch

from rlhf.attention.contract import HeadShape
from rlhf.attention.kernels.performer import KERNEL as PERFORMER
from rlhf.attention.kernels.performer.extras import PerformerExtras
from tests.attention.suite import KernelSuite


class TestPerformer(KernelSuite):
    kernel = PERFORMER

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        w = torch.randn(shape.kv_heads, 12, shape.key, generator=generator, dtype=torch.float64)
        return PerformerExtras(w.to(dtype).requires_grad_())
