"""The choice of an implementation: what runs where, why, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from rlhf.attention.backends import Backend, DeviceKind, choose, is_installed, library_of
from rlhf.attention.catalog import CATALOG
from rlhf.attention.gpu import RECURRENCES
from rlhf.attention.spec import KernelSpec
from rlhf.attention.specs.gated import GLA
from rlhf.attention.specs.sparse import BLOCK_SPARSE, SOFTMAX, STRIDED


@pytest.mark.parametrize(
    ("spec", "device", "backend", "installed", "name", "reason"),
    [
        (GLA, "cpu", "auto", False, "torch", "GPU libraries do not run on a CPU"),
        (GLA, "cpu", "auto", True, "torch", "uninstall flash-linear-attention here"),
        (GLA, "cpu", "torch", False, "torch", "asked for"),
        (GLA, "gpu", "auto", True, "fla", "flash-linear-attention is installed"),
        (GLA, "gpu", "auto", False, "torch", "flash-linear-attention is not installed"),
        (GLA, "gpu", "torch", True, "torch", "asked for"),
        (GLA, "gpu", "library", True, "fla", "asked for"),
        (SOFTMAX, "cpu", "auto", False, "torch", "GPU libraries"),
        (SOFTMAX, "gpu", "auto", True, "flash_attention", "flash-attn is installed"),
        (SOFTMAX, "gpu", "auto", False, "torch", "flash-attn is not installed"),
        (SOFTMAX, "gpu", "flex", False, "flex_attention", "asked for"),
        (BLOCK_SPARSE, "gpu", "auto", False, "torch", "no library has this kernel"),
        (BLOCK_SPARSE, "cpu", "auto", False, "torch", "no library has this kernel"),
    ],
)
def test_the_choice_and_its_reason(
    spec: KernelSpec, device: DeviceKind, backend: Backend, installed: bool, name: str, reason: str
) -> None:
    found = choose(spec, device, backend, installed)
    assert found.name == name
    assert reason in found.reason


@pytest.mark.parametrize(
    ("spec", "device", "backend", "installed", "message"),
    [
        (
            GLA,
            "cpu",
            "library",
            True,
            "gla with backend library: flash-linear-attention needs Triton .* use backend torch",
        ),
        (
            SOFTMAX,
            "cpu",
            "library",
            False,
            "softmax with backend library: flash-attn needs a GPU; .* use backend torch",
        ),
        (GLA, "gpu", "library", False, "flash-linear-attention is not installed; install it, or"),
        (BLOCK_SPARSE, "gpu", "library", True, "block_sparse with backend library: no library has this kernel; use"),
        (SOFTMAX, "cpu", "flex", False, "FlexAttention has no backward on a CPU; use backend torch or auto"),
        (GLA, "gpu", "flex", False, "FlexAttention computes softmax, sliding_window, strided alone"),
        (replace(GLA, devices=("gpu",)), "cpu", "auto", False, "gla does not run on a cpu, only on: gpu"),
    ],
)
def test_what_cannot_run_is_refused_with_what_would_work(
    spec: KernelSpec, device: DeviceKind, backend: Backend, installed: bool, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        choose(spec, device, backend, installed)


def test_without_a_backward_flexattention_may_run_on_a_cpu() -> None:
    assert choose(STRIDED, "cpu", "flex", False, learning=False).name == "flex_attention"


def test_every_kernel_with_a_library_is_adapted_to_it() -> None:
    assert {name for name, spec in CATALOG.items() if spec.library is not None} <= set(RECURRENCES)
    for name, spec in CATALOG.items():
        library = library_of(spec)
        assert (library is not None and library.implementation == "fla") == (spec.library is not None), name


def test_no_library_is_installed_here() -> None:
    assert not any(is_installed(spec) for spec in CATALOG.values())


def test_choosing_imports_no_torch() -> None:
    program = (
        "import sys; from rlhf.attention.backends import choose, is_installed; from rlhf.attention.catalog import "
        "CATALOG; [choose(s, 'cpu', 'auto', is_installed(s)) for s in CATALOG.values()]; "
        "assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
