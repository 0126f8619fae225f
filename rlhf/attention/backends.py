"""Which implementation of a kernel runs where, and why: decided before a run, without importing torch.

`rlhf check` prints what is decided here; `rlhf.attention.gpu` carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from rlhf.attention.spec import KernelSpec

Backend = Literal["auto", "torch", "library", "flex"]
"""What a recipe asks for: the best there is, PyTorch alone, a library of GPU kernels, PyTorch's FlexAttention."""

DeviceKind = Literal["cpu", "gpu"]

Implementation = Literal["torch", "fla", "flash_attention", "flex_attention"]
"""torch: the kernel as it stands in its folder. The others: see `rlhf.attention.gpu`."""

FLA_KERNELS = ("linear", "lightning", "retention", "ssd", "gla", "gated_delta")
"""Kernels whose contract is adapted to flash-linear-attention."""

FLASH_KERNELS = ("softmax", "sliding_window")
"""Kernels that flash-attention computes."""

FLEX_KERNELS = ("softmax", "sliding_window", "strided")
"""Kernels that say by the distance of two tokens alone whether one sees the other."""


@dataclass(frozen=True, slots=True)
class Choice:
    """reason: half a sentence for people, after "because"."""

    name: Implementation
    reason: str


@dataclass(frozen=True, slots=True)
class Library:
    """name: of the distribution. module: what is imported."""

    implementation: Implementation
    name: str
    module: str


FLA = Library("fla", "flash-linear-attention", "fla")
FLASH = Library("flash_attention", "flash-attn", "flash_attn")


def library_of(spec: KernelSpec) -> Library | None:
    """The library whose GPU kernels could compute it."""
    if spec.library is not None and spec.name in FLA_KERNELS:
        return FLA
    return FLASH if spec.name in FLASH_KERNELS else None


def is_installed(spec: KernelSpec) -> bool:
    """Whether its library could be imported; imports nothing."""
    library = library_of(spec)
    return library is not None and find_spec(library.module) is not None


def choose(spec: KernelSpec, device: DeviceKind, backend: Backend, installed: bool, learning: bool = True) -> Choice:
    """installed: whether the kernel's library is importable there. learning: whether a backward is needed.

    Refuses (ValueError) what cannot run, with the kernel, the reason and what would work.
    """
    if device not in spec.devices:
        raise ValueError(f"attention {spec.name} does not run on a {device}, only on: {', '.join(spec.devices)}")
    if backend == "flex":
        return _flex(spec, device, learning)
    library = library_of(spec)
    if backend == "library":
        return _library(spec, library, device, installed)
    if backend == "torch":
        return Choice("torch", "it was asked for")
    if device == "gpu" and library is not None and installed:
        return Choice(library.implementation, f"{library.name} is installed and has this kernel")
    return Choice("torch", _why_no_library(library, device, installed))


def _why_no_library(library: Library | None, device: DeviceKind, installed: bool) -> str:
    if library is None:
        return "no library has this kernel"
    if device == "gpu":
        return f"{library.name} is not installed; its kernels are faster on a GPU"
    if library is FLA and installed:
        return (
            "GPU libraries do not run on a CPU; uninstall flash-linear-attention here, for transformers takes it where "
            "it finds it and then fails"
        )
    return "GPU libraries do not run on a CPU"


def _library(spec: KernelSpec, library: Library | None, device: DeviceKind, installed: bool) -> Choice:
    asked = f"attention {spec.name} with backend library"
    if library is None:
        raise ValueError(f"{asked}: no library has this kernel; use backend torch or auto")
    if device == "cpu":
        what = "needs Triton and a GPU, and must not even be installed beside a CPU's transformers"
        needs = what if library is FLA else "needs a GPU"
        raise ValueError(f"{asked}: {library.name} {needs}; on a CPU use backend torch or auto")
    if not installed:
        raise ValueError(f"{asked}: {library.name} is not installed; install it, or use backend torch or auto")
    return Choice(library.implementation, "it was asked for")


def _flex(spec: KernelSpec, device: DeviceKind, learning: bool) -> Choice:
    asked = f"attention {spec.name} with backend flex"
    if spec.name not in FLEX_KERNELS:
        raise ValueError(
            f"{asked}: FlexAttention computes {', '.join(FLEX_KERNELS)} alone; use backend torch, library or auto"
        )
    if device == "cpu" and learning:
        raise ValueError(f"{asked}: FlexAttention has no backward on a CPU; use backend torch or auto")
    return Choice("flex_attention", "it was asked for")
