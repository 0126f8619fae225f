"""The short convolution: causal, apart for each sequence, from a carried state too, and the identity at the start."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.mixers.short_conv import ShortConv
from tests.attention.agreement import poisoned_memory

LENGTHS = [[1], [2, 1, 9, 3], [4, 4, 4], [1, 1, 1], [7]]


def convolution(channels: int = 3, width: int = 4, bias: bool = False) -> ShortConv:
    conv = ShortConv(channels, width, bias).double()
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for parameter in conv.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return conv


def by_definition(conv: ShortConv, x_TC: Tensor, state: Tensor | None, cu: CuSeqlens) -> tuple[Tensor, Tensor]:
    outputs, after = [], []
    for s, span in enumerate(cu.spans()):
        past = x_TC.new_zeros(conv.width - 1, x_TC.shape[1]) if state is None else state[s].T
        seen = torch.cat([past, x_TC[span]])
        for t in range(conv.width - 1, len(seen)):
            y = sum(conv.weight[:, conv.width - 1 - j] * seen[t - j] for j in range(conv.width))
            outputs.append(y if conv.bias is None else y + conv.bias)
        after.append(seen[len(seen) - conv.width + 1 :].T)
    return torch.stack([torch.as_tensor(y) for y in outputs]), torch.stack(after)


@pytest.mark.parametrize("lengths", LENGTHS)
@pytest.mark.parametrize("carried", [False, True])
@pytest.mark.parametrize(("width", "bias"), [(4, False), (2, True)])
def test_outputs_states_and_gradients_are_the_definitions(
    lengths: list[int], carried: bool, width: int, bias: bool
) -> None:
    conv, cu = convolution(width=width, bias=bias), CuSeqlens.of_lengths(lengths)
    x = torch.randn(cu.total, 3, dtype=torch.float64, requires_grad=True)
    state = torch.randn(cu.count, 3, width - 1, dtype=torch.float64, requires_grad=True) if carried else None
    leaves = [x, *conv.parameters(), *([] if state is None else [state])]
    weigh_y, weigh_s = torch.randn(cu.total, 3).double(), torch.randn(cu.count, 3, width - 1).double()
    answers = []
    with poisoned_memory():
        for function in (by_definition, lambda c, *rest: c(*rest)):
            y, after = function(conv, x, state, cu)
            gradients = torch.autograd.grad((y * weigh_y).sum() + (after * weigh_s).sum(), leaves)
            answers.append((y, after, *gradients))
    for expected, found in zip(*answers, strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-12, atol=1e-12)


def test_token_by_token_is_the_whole() -> None:
    conv, cu = convolution(), CuSeqlens.of_lengths([6, 6])
    x = torch.randn(12, 3, dtype=torch.float64)
    whole, end = conv(x, None, cu)
    state = None
    for t in range(6):
        y, state = conv(x[[t, 6 + t]], state, CuSeqlens([0, 1, 2]))
        torch.testing.assert_close(y, whole[[t, 6 + t]])
    torch.testing.assert_close(state, end)


def test_it_starts_as_the_identity_and_keeps_the_dtype() -> None:
    conv, cu = ShortConv(3, bias=True), CuSeqlens.of_lengths([2, 5])
    conv.reset(0.0)
    x = torch.randn(7, 3, dtype=torch.bfloat16)
    y, state = conv(x, None, cu)
    assert torch.equal(y, x)
    assert y.dtype is torch.bfloat16
    assert state.dtype is torch.float32
    assert state[0].tolist() == [[0.0, *x[:2, c].tolist()] for c in range(3)]
    assert conv.state_shape() == (3, 3)


def test_a_sequence_does_not_see_its_neighbours() -> None:
    conv, cu = convolution(), CuSeqlens.of_lengths([3, 2, 6])
    x = torch.randn(11, 3, dtype=torch.float64)
    broken = x.clone()
    broken[:3] = broken[5:] = torch.nan
    torch.testing.assert_close(conv(broken, None, cu)[0][3:5], conv(x[3:5], None, CuSeqlens([0, 2]))[0])


def test_a_width_that_mixes_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least 2"):
        ShortConv(4, 1)
