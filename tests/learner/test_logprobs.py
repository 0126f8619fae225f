from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from rlhf.learner.logprobs import ResponseHead, response_logp_and_entropy

N, D, V = 23, 8, 301


def make(dtype=torch.float64, bias=False):
    torch.manual_seed(0)
    head = ResponseHead.adopt(nn.Linear(D, V, bias=bias, dtype=dtype))
    return head, torch.randn(N, D, dtype=dtype, requires_grad=True), torch.randint(0, V, (N,))


def naive(hidden, head, target, temperature):
    bias = None if head.bias is None else head.bias.double()
    logp = (nn.functional.linear(hidden.double(), head.weight.double(), bias) / temperature).log_softmax(-1)
    return logp.gather(1, target[:, None]).squeeze(1), -(logp.exp() * logp).sum(-1)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.6])
@pytest.mark.parametrize("chunk", [1, 7, 23, 1000])
@pytest.mark.parametrize(("dtype", "bound"), [(torch.float64, 1e-12), (torch.float32, 2e-6)])
def test_values_and_gradients(bias, temperature, chunk, dtype, bound) -> None:
    head, hidden, target = make(dtype, bias)
    weights = torch.randn(2, N, dtype=dtype)
    results = []
    for logp, entropy in (
        response_logp_and_entropy(hidden, head, target, temperature, chunk, entropy_gradient=True),
        naive(hidden, head, target, temperature),
    ):
        inputs = [hidden, *head.parameters()]
        gradients = torch.autograd.grad((logp * weights[0] + entropy * weights[1]).sum(), inputs)
        results.append((logp, entropy, *gradients))
    for found, expected in zip(*results, strict=True):
        assert float((found - expected).abs().max()) <= bound * max(1.0, float(expected.abs().max()))


def test_entropy_has_no_gradient_unless_asked() -> None:
    head, hidden, target = make()
    logp, entropy = response_logp_and_entropy(hidden, head, target)
    assert logp.requires_grad
    assert not entropy.requires_grad


def test_bfloat16_weights_give_float32_logits_and_softmax() -> None:
    head, hidden, target = make(torch.bfloat16)
    logp, entropy = response_logp_and_entropy(hidden, head, target)
    assert logp.dtype == entropy.dtype == torch.float32
    expected, expected_entropy = naive(hidden, head, target, 1.0)
    assert torch.allclose(logp.double(), expected, atol=1e-5)
    assert torch.allclose(entropy.double(), expected_entropy, atol=1e-5)


class Largest(TorchDispatchMode):
    """The largest number of rows of any tensor that is as wide as the vocabulary."""

    rows = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(out):
            if isinstance(leaf, torch.Tensor) and leaf.ndim and leaf.shape[-1] == V:
                self.rows = max(self.rows, leaf.numel() // V)
        return out


@pytest.mark.parametrize("entropy_gradient", [False, True])
def test_no_tensor_of_all_tokens_and_the_vocabulary(entropy_gradient) -> None:
    head, hidden, target = make()
    with Largest() as seen:
        logp, entropy = response_logp_and_entropy(hidden, head, target, chunk=9, entropy_gradient=entropy_gradient)
        (logp.sum() + entropy.sum()).backward()
    # D rows: the transposed weight [D, V] and its gradient.
    assert seen.rows == max(9, D)
    with Largest() as seen:
        naive(hidden, head, target, 1.0)
    assert seen.rows == N


def test_plain_logits_and_strange_heads() -> None:
    linear = nn.Linear(D, V, bias=False)
    head = ResponseHead.adopt(linear)
    assert head.weight is linear.weight
    x = torch.randn(3, D)
    assert torch.equal(head(x), linear(x))
    with pytest.raises(TypeError, match="Bilinear"):
        ResponseHead.adopt(nn.Bilinear(2, 2, 2))
