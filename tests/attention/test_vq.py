"""Transformer-VQ."""

from __future__ import annotations

from typing import Any

import torch

from rlhf.attention.contract import HeadShape
from rlhf.attention.kernels.vq import KERNEL as VQ
from rlhf.attention.kernels.vq.extras import VqExtras
from tests.attention.suite import KernelSuite


class TestVq(KernelSuite):
    kernel = VQ
    forms = ("chunk",)

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        codebook = torch.randn(shape.kv_heads, 12, shape.key, generator=generator, dtype=torch.float64)
        codes = torch.randint(12, (shape.kv_heads, tokens), generator=generator) if dtype == torch.float32 else None
        return VqExtras(codebook.to(dtype).requires_grad_(), codes)


class TestVqInBlocksOfOne(KernelSuite):
    kernel = VQ
    chunk = 8

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        codebook = torch.randn(shape.kv_heads, 12, shape.key, generator=generator, dtype=torch.float64)
        codes = torch.randint(12, (shape.kv_heads, tokens), generator=generator) if dtype == torch.float32 else None
        return VqExtras(codebook.to(dtype).requires_grad_(), codes, block=1)
