"""Retention: its forms agree, and it is what its paper says."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from rlhf.attention.contract import HeadShape
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.retention import KERNEL
from rlhf.attention.kernels.retention.extras import RetentionExtras
from rlhf.attention.kernels.retention.mixer import decays
from tests.attention.layers import check_decoding, check_size, make_mixer
from tests.attention.suite import KernelSuite


class TestRetention(KernelSuite):
    kernel = KERNEL

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        return RetentionExtras(decays(shape.kv_heads, dtype, torch.device("cpu")), 0.5)


def test_decays_are_the_papers() -> None:
    """gamma = 1 - 1/32, 1 - 1/64, 1 - 1/128."""
    found = decays(3, torch.float64, torch.device("cpu")).exp()
    torch.testing.assert_close(
        found, torch.tensor([31 / 32, 63 / 64, 127 / 128], dtype=torch.float64), rtol=1e-15, atol=0
    )


def test_three_tokens_worked_by_hand() -> None:
    """gamma 1/2, keys and queries 1: out_3 = v_3 + v_2 / 2 + v_1 / 4."""
    ones = torch.ones(1, 3, 1, dtype=torch.float64)
    v = torch.tensor([[[8.0], [4.0], [1.0]]], dtype=torch.float64)
    half = RetentionExtras(torch.tensor([0.5], dtype=torch.float64).log())
    for form in (KERNEL.naive, KERNEL.chunk):
        out, state, _ = form(ones, ones, v, half, None, CuSeqlens([0, 3]))
        torch.testing.assert_close(out.flatten(), torch.tensor([8.0, 8.0, 5.0], dtype=torch.float64))
        assert state is not None
        assert state[0].item() == pytest.approx(5.0)


@pytest.mark.parametrize("rope", ["inputs", "none"])
def test_a_layer_decodes_what_it_was_trained_on(rope: str) -> None:
    mixer = make_mixer("retention", rope=rope)
    check_decoding(mixer, 70)
    check_size(mixer)
