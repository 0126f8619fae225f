from __future__ import annotations

import pytest
import torch
from torch import nn

from rlhf.learner.wide import WideLinear, widen


@pytest.mark.parametrize("bias", [False, True])
def test_the_product_is_that_of_float64_rounded_once(bias) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(48, 33, bias=bias, dtype=torch.bfloat16)
    wide = WideLinear.adopt(plain)
    x = torch.randn(5, 7, 48, dtype=torch.bfloat16, requires_grad=True)
    g = torch.randn(5, 7, 33, dtype=torch.bfloat16)
    exact = nn.Linear(48, 33, bias=bias, dtype=torch.float64)
    exact.load_state_dict({k: v.double() for k, v in plain.state_dict().items()})
    x64 = x.detach().double().requires_grad_()
    found = (wide(x), *torch.autograd.grad(wide(x), [x, *wide.parameters()], g))
    expected = (exact(x64), *torch.autograd.grad(exact(x64), [x64, *exact.parameters()], g.double()))
    for a, b in zip(found, expected, strict=True):
        assert a.dtype is torch.bfloat16
        # Half a unit in the last place (2^-9), and what float32 loses where a sum cancels.
        assert bool(((a.double() - b).abs() <= 2**-8 * b.abs() + 1e-4).all())


def test_only_plain_bfloat16_layers_on_a_cpu_are_replaced() -> None:
    class Special(nn.Linear):
        pass

    model = nn.Sequential(
        nn.Linear(2, 2, dtype=torch.bfloat16), nn.Linear(2, 2), Special(2, 2, dtype=torch.bfloat16), nn.ReLU()
    )
    names, weight = list(model.state_dict()), model[0].weight
    widen(model, "cuda:0")
    assert [type(m) for m in model] == [nn.Linear, nn.Linear, Special, nn.ReLU]
    widen(model, "cpu")
    assert [type(m) for m in model] == [WideLinear, nn.Linear, Special, nn.ReLU]
    assert list(model.state_dict()) == names
    assert model[0].weight is weight
