"""bfloat16 layers through float32 products: the same numbers, and a proof that sees every bit."""

import pytest
import torch
from torch import nn
from torch.nn.functional import linear

from rlhf.publication import checksum
from rlhf.rollout.wide_products import ATTRIBUTE, is_worth_it, narrow_weight, widen


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return nn.Linear(96, 40, dtype=torch.bfloat16).requires_grad_(False)


def test_the_product_is_the_rounded_exact_one(layer):
    widen(layer)
    x = torch.randn(7, 96).bfloat16()
    found = layer.cpu_linear(x, layer.weight, layer.bias)
    exact = linear(x.double(), layer.weight.double(), layer.bias.double())
    assert found.dtype is torch.bfloat16
    # Half a unit in the last place of bfloat16, which float32 sums of 96 terms leave intact but for ties.
    assert bool(((found.double() - exact).abs() <= exact.abs() * 2**-8 + 1e-6).all())
    assert not torch.equal(found.double(), exact)


def test_what_is_proven_is_what_is_multiplied_with(layer):
    widen(layer)
    assert checksum(narrow_weight(layer)) == checksum(layer.weight)
    getattr(layer, ATTRIBUTE)[3, 5] = -getattr(layer, ATTRIBUTE)[3, 5]
    assert checksum(narrow_weight(layer)) != checksum(layer.weight)


def test_a_change_below_bfloat16s_resolution_is_seen(layer):
    widen(layer)
    getattr(layer, ATTRIBUTE)[3, 5] *= 1.0 + 2**-20
    assert bool(narrow_weight(layer)[3, 5].isnan())
    assert checksum(narrow_weight(layer)) != checksum(layer.weight)


def test_new_weights_are_written_where_the_old_ones_stood(layer):
    """A compiled model goes on reading the tensor that it was traced with."""
    widen(layer)
    wide, product = getattr(layer, ATTRIBUTE), layer.cpu_linear
    layer.weight = nn.Parameter(-2 * layer.weight, requires_grad=False)
    widen(layer)
    assert getattr(layer, ATTRIBUTE) is wide
    assert layer.cpu_linear is product
    assert torch.equal(wide, layer.weight.float())
    x = torch.randn(3, 96).bfloat16()
    assert torch.equal(product(x, layer.weight, None), linear(x.float(), layer.weight.float()).bfloat16())


def test_other_layers_have_nothing_to_narrow(layer):
    assert narrow_weight(layer) is None


@pytest.mark.parametrize(
    ("dtype", "device", "amx", "expected"),
    [
        ("bfloat16", "cpu", False, True),
        ("bfloat16", "cpu", True, False),
        ("float32", "cpu", False, False),
        ("bfloat16", "cuda:0", False, False),
    ],
)
def test_where_it_is_worth_it(dtype, device, amx, expected, monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert is_worth_it(dtype, device) is expected
