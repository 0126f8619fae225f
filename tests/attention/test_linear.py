"""Linear attention: its forms agree, with and without rotated features, and it is what its paper says."""

from __future__ import annotations

from typing import Any

import torch

from rlhf.attention.contract import HeadShape
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.linear import KERNEL as LINEAR
from rlhf.attention.kernels.linear.extras import LinearExtras, features
from tests.attention.suite import KernelSuite


class TestLinear(KernelSuite):
    kernel = LINEAR

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return LinearExtras()


class TestLinearWithRotatedFeatures(KernelSuite):
    kernel = LINEAR

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        angle = torch.rand(tokens, shape.key // 2, generator=generator, dtype=torch.float64) * 0.1
        angle = torch.cat([angle, angle], -1)
        return LinearExtras(angle.cos().to(dtype), angle.sin().to(dtype))


def test_two_tokens_worked_by_hand() -> None:
    """phi(0) = 1, phi(1) = 2, phi(-1) = 1/e. out_2 = (w_1 v_1 + w_2 v_2) / (w_1 + w_2) with w_j = phi(q_2) . phi(k_j)."""
    q = torch.tensor([[[0.0], [1.0]]], dtype=torch.float64)
    k = torch.tensor([[[1.0], [0.0]]], dtype=torch.float64)
    v = torch.tensor([[[3.0], [6.0]]], dtype=torch.float64)
    out, (total, norm), _ = LINEAR.naive(q, k, v, LinearExtras(), None, CuSeqlens([0, 2]))
    torch.testing.assert_close(
        out.flatten(), torch.tensor([3.0, (4 * 3 + 2 * 6) / 6], dtype=torch.float64), rtol=1e-5, atol=0
    )
    assert total.item() == 2 * 3 + 1 * 6
    assert norm.item() == 3


def test_features_are_elu_plus_one_where_float32_has_digits_left() -> None:
    x = torch.tensor([-40.0, -20.0, -3.0, -0.0, 0.0, 0.5, 30.0], requires_grad=True)
    found = features(x)
    expected = torch.where(x > 0, x.double() + 1, x.double().exp())
    torch.testing.assert_close(found.double(), expected, rtol=1e-6, atol=0)
    (slope,) = torch.autograd.grad(found.sum(), x)
    torch.testing.assert_close(slope.double(), torch.where(x > 0, 1.0, x.double().exp()), rtol=1e-6, atol=0)
