"""What every mixer has to do: decode token by token what it learns in chunks, and let gradients reach what learns."""

from __future__ import annotations

from math import prod
from typing import Any

import torch

from rlhf.attention.catalog import CATALOG
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.mixers.base import Mixer, MixerShape

HIDDEN, SIZE = 12, 6


def make_mixer(name: str, **settings: Any) -> Mixer:
    """In float64, with weights that are not the start's alone."""
    torch.manual_seed(0)
    spec = CATALOG[name]
    shape = MixerShape(hidden=HIDDEN, heads=4, kv_heads=2, head_dim=SIZE, layer=1, layers=3, qk_norm=True)
    mixer = spec.mixer()(shape, spec.settings(**settings)).double()
    mixer.reset(0.3)
    with torch.no_grad():
        for parameter in mixer.parameters():
            if parameter.requires_grad:
                parameter.add_(0.1 * torch.randn_like(parameter))
    return mixer


def inputs(tokens: int) -> tuple[torch.Tensor, tuple[torch.Tensor, torch.Tensor]]:
    angle = torch.rand(tokens, SIZE // 2, dtype=torch.float64)
    angle = torch.cat([angle, angle], -1)
    return torch.randn(tokens, HIDDEN, dtype=torch.float64), (angle.cos(), angle.sin())


def check_decoding(mixer: Mixer, length: int, tolerance: float = 1e-9) -> None:
    """Two sequences of one length, in chunks and token by token; outputs, final states, and that gradients arrive."""
    hidden, rope = inputs(2 * length)
    cu = CuSeqlens([0, length, 2 * length])
    whole, end, _ = mixer.mix(hidden, rope, None, cu)
    assert end is not None
    whole.square().sum().backward()
    for name, parameter in mixer.named_parameters():
        if parameter.requires_grad:
            assert parameter.grad is not None, name
            assert bool(parameter.grad.any()), name
    state = tuple(torch.zeros(2, *shape, dtype=torch.float64) for shape in mixer.state_shapes())  # as an engine begins
    for t in range(length):
        at = torch.tensor([t, length + t])
        here = (rope[0][at], rope[1][at])
        out, state, _ = mixer.mix(hidden[at], here, state, CuSeqlens([0, 1, 2]), form="step")  # type: ignore[assignment]
        torch.testing.assert_close(out, whole[at], rtol=tolerance, atol=tolerance)
    for found, expected in zip(state, end, strict=True):
        torch.testing.assert_close(found, expected, rtol=tolerance, atol=tolerance)


def check_size(mixer: Mixer) -> None:
    """The registry's formula is the size of what the mixer keeps."""
    spec, shape = CATALOG[mixer.KERNEL.name], mixer.shape
    assert spec.state_size is not None
    promised = spec.state_size(shape.heads, shape.kv_heads, shape.head_dim, mixer.settings)
    assert promised == sum(prod(each) for each in mixer.state_shapes())
