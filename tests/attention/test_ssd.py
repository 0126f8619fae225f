"""The state space dual: its forms agree for any step, it is a scan of its recurrence, and its block decodes."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from rlhf.attention.contract import HeadShape
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.ssd import KERNEL
from rlhf.attention.kernels.ssd.extras import SsdExtras
from rlhf.attention.specs.decay import SsdSettings
from tests.attention.agreement import check, make_inputs
from tests.attention.layers import check_decoding, check_size, make_mixer
from tests.attention.suite import KernelSuite


def extras_of(low: float, high: float, learnt: bool = True):
    def make(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> SsdExtras:
        def draw(*sizes: int) -> torch.Tensor:
            return torch.rand(*sizes, generator=generator, dtype=torch.float64)

        log_decay = low + (high - low) * draw(shape.kv_heads, tokens)
        dt, d = draw(shape.kv_heads, tokens), draw(shape.heads)
        return SsdExtras(*(t.to(dtype).requires_grad_(learnt) for t in (log_decay, dt, d)))

    return make


class TestSsd(KernelSuite):
    kernel = KERNEL

    @staticmethod
    def extras(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        extras = extras_of(-0.5, 0.0)(generator, shape, tokens, dtype)
        # D is the same for all tokens: drawn anew for other lengths it would be another kernel.
        return SsdExtras(extras.log_decay_GT, extras.dt_GT, torch.linspace(0.1, 1, shape.heads, dtype=dtype))


@pytest.mark.parametrize(("low", "high"), [(-1e-9, 0.0), (-50.0, -30.0), (-50.0, 0.0)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
def test_any_decay_agrees(low: float, high: float, dtype: torch.dtype) -> None:
    for lengths in ([130], [3, 64, 1, 127]):
        cu = CuSeqlens.of_lengths(lengths)
        check(KERNEL, make_inputs(KERNEL, HeadShape(4, 2, 8, 6), cu, extras_of(low, high), dtype), cu)


def test_it_is_the_scan_of_its_recurrence() -> None:
    generator = torch.Generator().manual_seed(0)
    shape, tokens = HeadShape(2, 2, 3, 4), 9
    extras = extras_of(-1.0, 0.0)(generator, shape, tokens, torch.float64)
    q, k = (torch.randn(2, tokens, 3, generator=generator, dtype=torch.float64) for _ in range(2))
    v = torch.randn(2, tokens, 4, generator=generator, dtype=torch.float64)
    state = torch.zeros(2, 3, 4, dtype=torch.float64)
    expected = []
    for t in range(tokens):
        fresh = extras.dt_GT[:, t, None, None] * k[:, t, :, None] * v[:, t, None, :]
        state = extras.log_decay_GT[:, t].exp()[:, None, None] * state + fresh
        expected.append((q[:, t, None, :] @ state).squeeze(1) + extras.D_H[:, None] * v[:, t])
    for form in (KERNEL.naive, KERNEL.chunk):
        out, (end,), _ = form(q, k, v, extras, None, CuSeqlens([0, tokens]))  # type: ignore[misc]
        torch.testing.assert_close(out, torch.stack(expected, 1))
        torch.testing.assert_close(end[0], state)


@pytest.mark.parametrize("settings", [{}, {"conv": 0}, {"conv": 2, "activation": "none", "rope": "inputs"}])
def test_a_layer_decodes_what_it_was_trained_on(settings: dict[str, Any]) -> None:
    mixer = make_mixer("ssd", **settings)
    check_decoding(mixer, 70)
    check_size(mixer)
    assert mixer.lookback == max(settings.get("conv", 4) - 1, 0)


def test_a_layer_begins_with_decays_near_one() -> None:
    mixer = make_mixer("ssd").float()
    mixer.reset(0.02)
    extras = mixer.extras(torch.zeros(5, 12), (torch.empty(0), torch.empty(0)))
    remembered = -1 / extras.log_decay_GT[:, 0]
    torch.testing.assert_close(remembered, torch.tensor([64.0, 4096.0]), rtol=1e-3, atol=0)


def test_a_convolution_over_one_token_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"conv is 0 \(none\) or at least 2"):
        SsdSettings(conv=1)


def test_it_needs_its_gates() -> None:
    ones = torch.ones(1, 2, 1)
    with pytest.raises(ValueError, match="ssd needs log_decay_GT and dt_GT"):
        KERNEL.chunk(ones, ones, ones, SsdExtras(), None, CuSeqlens([0, 2]))
