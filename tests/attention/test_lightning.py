"""Lightning attention: its forms agree for mild and for harsh decays, and it is what its papers say."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rlhf.attention.contract import HeadShape
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.lightning import KERNEL
from rlhf.attention.kernels.lightning.extras import LightningExtras
from tests.attention.agreement import MakeExtras, check, make_inputs
from tests.attention.suite import KernelSuite

SHAPE = HeadShape(4, 2, 8, 6)


def extras_of(decays: tuple[float, ...], learnt: bool = False) -> MakeExtras:
    def make(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> LightningExtras:
        log_decay = torch.tensor(decays, dtype=dtype).repeat(shape.kv_heads)[: shape.kv_heads]
        return LightningExtras(log_decay.requires_grad_(learnt), 0.3)

    return make


class TestLightning(KernelSuite):
    kernel = KERNEL

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return extras_of((-0.25, -0.004, -1.0))(generator, shape, tokens, dtype)


class TestLightningThatLearnsItsDecay(KernelSuite):
    kernel = KERNEL

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return extras_of((-0.25, -0.004, -1.0), learnt=True)(generator, shape, tokens, dtype)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("decays", [(0.0, -1e-9), (-50.0, -3.0)])
@pytest.mark.parametrize("learnt", [False, True])
def test_any_decay_agrees(decays: tuple[float, ...], learnt: bool, dtype: torch.dtype) -> None:
    for lengths, carried in (([130], True), ([3, 64, 1, 127], True), ([1500], False)):
        cu = CuSeqlens.of_lengths(lengths)
        forms: Any = ("chunk",) if lengths == [1500] else ("chunk", "step")
        check(KERNEL, make_inputs(KERNEL, SHAPE, cu, extras_of(decays, learnt), dtype, carried=carried), cu, forms)
