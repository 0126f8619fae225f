"""Kernels by libraries are the kernels: arguments and formulas, on stand-ins for what needs a GPU."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, normalize

from rlhf.attention.backends import Choice
from rlhf.attention.contract import Extras, HeadShape, Kernel
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.gpu import implementation
from rlhf.attention.kernels.gated_delta.extras import GatedDeltaExtras
from rlhf.attention.kernels.gla.extras import GatedLinearExtras
from rlhf.attention.kernels.lightning.extras import LightningExtras
from rlhf.attention.kernels.linear.extras import LinearExtras
from rlhf.attention.kernels.retention.extras import RetentionExtras
from rlhf.attention.kernels.sliding_window.extras import SlidingWindowExtras
from rlhf.attention.kernels.ssd.extras import SsdExtras
from rlhf.attention.kernels.strided import StridedExtras
from rlhf.attention.spec import KernelSpec
from rlhf.attention.specs.decay import LIGHTNING, RETENTION, SSD
from rlhf.attention.specs.gated import GATED_DELTA, GLA
from rlhf.attention.specs.linear import LINEAR
from rlhf.attention.specs.sparse import SOFTMAX, STRIDED
from rlhf.attention.specs.windows import SLIDING_WINDOW
from tests.attention.agreement import MakeExtras, check, make_inputs, stepped
from tests.attention.stand_ins import install_fla, install_flash_attn


@pytest.fixture
def fla(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    return install_fla(monkeypatch)


@pytest.fixture
def flash_attn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    return install_flash_attn(monkeypatch)


# -- flash-linear-attention --------------------------------------------------------------------------------------


def drawn(generator: torch.Generator, *shape: int) -> Tensor:
    return torch.randn(*shape, generator=generator)


def rotated(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> LinearExtras:
    angle = drawn(generator, tokens, shape.key // 2).repeat(1, 2)
    return LinearExtras(angle.cos(), angle.sin())


def extras_of(spec: KernelSpec) -> MakeExtras:
    def make(generator: torch.Generator, shape: HeadShape, tokens: int, dtype: torch.dtype) -> Any:
        groups = shape.kv_heads
        if spec.name == "linear":
            return rotated(generator, shape, tokens, dtype)
        if spec.name == "lightning":
            return LightningExtras(-drawn(generator, groups).abs(), 0.3)
        if spec.name == "retention":
            return RetentionExtras(-drawn(generator, groups).abs(), 0.3)
        if spec.name == "ssd":
            gates = logsigmoid(drawn(generator, groups, tokens)), drawn(generator, groups, tokens).sigmoid()
            return SsdExtras(*(t.requires_grad_() for t in gates), torch.ones(shape.heads))
        if spec.name == "gla":
            return GatedLinearExtras(logsigmoid(drawn(generator, groups, tokens, shape.key)).requires_grad_(), 0.7)
        log_decay, beta = logsigmoid(drawn(generator, groups, tokens)), drawn(generator, groups, tokens).sigmoid()
        return GatedDeltaExtras(log_decay.requires_grad_(), beta.requires_grad_())

    return make


FAMILIES = {
    **dict.fromkeys(("linear", "lightning", "retention", "ssd"), "simple_gla"),
    "gla": "gla",
    "gated_delta": "gated_delta_rule",
}


@pytest.mark.parametrize("carried", [False, True], ids=["fresh", "carried"])
@pytest.mark.parametrize("spec", [LINEAR, LIGHTNING, RETENTION, SSD, GLA, GATED_DELTA], ids=lambda spec: spec.name)
def test_a_kernel_by_the_library_is_the_kernel(spec: KernelSpec, carried: bool, fla: list[str]) -> None:
    """Chunks and steps, outputs, states and gradients; 4 query heads on 2 key-value heads, values of another size."""
    kernel, family = implementation(spec, Choice("fla", "")), FAMILIES[spec.name]
    assert kernel.naive is spec.kernel().naive
    cu = CuSeqlens.of_lengths([5, 1, 9])
    inputs = make_inputs(kernel, HeadShape(4, 2, 8, 6), cu, extras_of(spec), torch.float32, carried=carried, scale=0.5)
    with torch.no_grad():
        inputs.k.copy_(normalize(inputs.k, dim=-1))
    check(kernel, inputs, cu, ("chunk", "step"), 1e-4)
    with torch.no_grad():
        out, state, _ = stepped(kernel, inputs, cu)
        expected, after, _ = kernel.naive(inputs.q, inputs.k, inputs.v, inputs.extras, inputs.state, cu)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    assert_same_state(state, after)
    assert set(fla) == {f"chunk_{family}", f"fused_recurrent_{family}"}


def test_a_decay_that_learns_gets_its_gradient(fla: list[str]) -> None:
    kernel, cu = implementation(LIGHTNING, Choice("fla", "")), CuSeqlens.of_lengths([4, 7])
    made = make_inputs(kernel, HeadShape(4, 2, 8, 6), cu, extras_of(LIGHTNING), torch.float32, scale=0.5)
    learns = replace(made.extras, log_decay_G=made.extras.log_decay_G.requires_grad_())
    check(kernel, replace(made, extras=learns), cu, ("chunk",), 1e-4)


def test_float64_is_refused_by_the_library(fla: list[str]) -> None:
    x = torch.zeros(1, 2, 4, dtype=torch.float64)
    kernel = implementation(LINEAR, Choice("fla", ""))
    with pytest.raises(ValueError, match="float32 at most; use backend torch"):
        kernel.chunk(x, x, x, LinearExtras(), None, CuSeqlens([0, 2]))
    with pytest.raises(ValueError, match="one token a sequence"):
        assert kernel.step is not None
        kernel.step(x.float(), x.float(), x.float(), LinearExtras(), None, CuSeqlens([0, 2]))
    assert fla == []


# -- softmax over some of the keys -------------------------------------------------------------------------------

BY_DISTANCE: list[tuple[KernelSpec, Extras]] = [
    (SOFTMAX, Extras()),
    (STRIDED, StridedExtras(3, 4)),
    (SLIDING_WINDOW, SlidingWindowExtras(5)),
    (SLIDING_WINDOW, SlidingWindowExtras(5, scale=0.2)),
]


def inputs(dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor, Tensor, CuSeqlens]:
    generator = torch.Generator().manual_seed(0)
    q, k, v = (torch.randn(h, 29, 8, generator=generator).to(dtype) for h in (4, 2, 2))
    return q, k, v, CuSeqlens([0, 7, 8, 29])


def assert_same_state(found: Any, expected: Any) -> None:
    assert (found is None) == (expected is None)
    for a, b in zip(found or (), expected or (), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize(("spec", "extras"), BY_DISTANCE, ids=lambda x: getattr(x, "name", type(x).__name__))
def test_flexattention_is_the_kernel(spec: KernelSpec, extras: Extras) -> None:
    """The real one, which computes forward on a CPU."""
    kernel = implementation(spec, Choice("flex_attention", ""))
    q, k, v, cu = inputs()
    with torch.no_grad():
        out, state, _ = kernel.chunk(q, k, v, extras, None, cu)
    expected, after, _ = spec.kernel().naive(q, k, v, extras, None, cu)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)
    assert_same_state(state, after)


@pytest.mark.parametrize(
    ("spec", "extras"),
    [pair for pair in BY_DISTANCE if pair[0] is not STRIDED],
    ids=lambda x: getattr(x, "name", type(x).__name__),
)
def test_flash_attention_is_the_kernel(spec: KernelSpec, extras: Extras, flash_attn: list[dict[str, Any]]) -> None:
    kernel = implementation(spec, Choice("flash_attention", ""))
    q, k, v, cu = inputs(torch.bfloat16)
    out, state, _ = kernel.chunk(q, k, v, extras, None, cu)
    expected, after, _ = spec.kernel().naive(q, k, v, extras, None, cu)
    assert out.dtype is torch.bfloat16
    torch.testing.assert_close(out, expected, rtol=2e-2, atol=2e-2)
    assert_same_state(state, after)
    assert flash_attn == [{"longest": (21, 21), "window": (4, 0) if spec is SLIDING_WINDOW else (-1, -1)}]


def test_where_flash_attention_does_not_fit_the_kernel_computes(flash_attn: list[dict[str, Any]]) -> None:
    """float32, values of another size, a carried state."""
    q, k, v, cu = inputs()
    half = [x.bfloat16() for x in (q, k, v)]
    softmax = implementation(SOFTMAX, Choice("flash_attention", ""))
    window = implementation(SLIDING_WINDOW, Choice("flash_attention", ""))
    extras = SlidingWindowExtras(5)
    _, state, _ = SLIDING_WINDOW.kernel().naive(*half, extras, None, cu)
    for kernel, x, given, past in (
        (softmax, [q, k, v], Extras(), None),
        (softmax, [half[0], half[1], half[2][..., :6]], Extras(), None),
        (window, half, extras, state),
    ):
        out, *_ = kernel.chunk(*x, given, past, cu)
        expected, *_ = kernel.naive(*x, given, past, cu)
        torch.testing.assert_close(out, expected, rtol=2e-2, atol=1e-2)
    assert flash_attn == []


def test_torch_is_the_kernel_itself() -> None:
    kernel = implementation(STRIDED, Choice("torch", ""))
    assert isinstance(kernel, Kernel)
    assert kernel is STRIDED.kernel()


def test_flexattention_has_no_backward_on_a_cpu() -> None:
    """Which is why it is refused there for learning."""
    q, k, v, cu = inputs()
    with pytest.raises(NotImplementedError, match="backward on CPU"):
        implementation(SOFTMAX, Choice("flex_attention", "")).chunk(q.requires_grad_(), k, v, Extras(), None, cu)
