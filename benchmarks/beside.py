"""The program that the kernels are timed beside: its functions, wherever it lies, and whether they compute the same.

Its functions take q, k, v [B, H, T, d] and the size C of their chunks.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.attention_inputs import HEADS, SIZE, Case, cases, make_inputs
from benchmarks.common import BenchmarkError

CHUNKS: Mapping[str, tuple[int, ...]] = {"linear_chunk": (64, 128), "lightning_chunk": (64,)}
CHECKED_AT = 512  # tokens
TOLERANCE = 1e-3  # of the largest output, float32


@dataclass(frozen=True, slots=True)
class Variant:
    """One function with one size of chunks, on inputs of its own."""

    function: str
    chunk: int
    run: Callable[..., Tensor]

    @property
    def name(self) -> str:
        return f"{self.function}, C {self.chunk}"


def load(path: Path) -> tuple[Variant, ...]:
    """BenchmarkError if it is not there or lacks a function. Importing runs what stands at its top level."""
    if not path.is_file():
        raise BenchmarkError(f"--beside {path}: no such file")
    spec = importlib.util.spec_from_file_location("beside_program", path)
    if spec is None or spec.loader is None:
        raise BenchmarkError(f"--beside {path}: not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if missing := [name for name in CHUNKS if not callable(getattr(module, name, None))]:
        raise BenchmarkError(f"--beside {path}: it has no function {', '.join(missing)}")
    return tuple(Variant(name, size, getattr(module, name)) for name, sizes in CHUNKS.items() for size in sizes)


def differences(variants: tuple[Variant, ...], kernels: tuple[Case, ...] | None = None) -> dict[str, float]:
    """Largest difference of outputs, relative to the largest output, of each variant from the kernel that is to compute
    the same. BenchmarkError above the tolerance: then the times say nothing."""
    found = {}
    for case in cases() if kernels is None else kernels:
        for variant in variants:
            if variant.function == case.beside:
                found[variant.name] = _difference(case, variant)
    if worst := [f"{name} {error:.2g}" for name, error in found.items() if error > TOLERANCE]:
        raise BenchmarkError(f"the kernels and the program beside them compute different things: {', '.join(worst)}")
    return found


def _difference(case: Case, variant: Variant) -> float:
    inputs = make_inputs(case, CHECKED_AT, torch.float32)
    with torch.no_grad():
        ours = inputs.forward()[0]
        theirs = variant.run(*(x[None] for x in (inputs.q_HTd, inputs.k_HTd, inputs.v_HTe)), C=variant.chunk)[0]
    if scale := getattr(inputs.extras, "scale", None):
        ours = ours / scale  # of the queries, which that program leaves out
    return float((ours - theirs).abs().max() / theirs.abs().max())


def plain_inputs(tokens: int, dtype: torch.dtype, seed: int = 0) -> tuple[tuple[Tensor, Tensor, Tensor], Tensor]:
    """(q, k, v, each a leaf [1, H, T, d]; the gradient of the outputs): random, as that program's own."""
    draw = torch.Generator().manual_seed(seed)

    def one() -> Tensor:
        return torch.randn(1, HEADS, tokens, SIZE, generator=draw).to(dtype)

    return (one().requires_grad_(), one().requires_grad_(), one().requires_grad_()), one()


def runs(
    function: Callable[..., Any], tokens: int, dtype: torch.dtype
) -> tuple[Callable[[], None], Callable[[], None]]:
    """(forward, forward and backward) of a function of q, k, v."""
    qkv, gradient = plain_inputs(tokens, dtype)

    def forward() -> None:
        with torch.no_grad():
            function(*qkv)

    def both() -> None:
        for leaf in qkv:
            leaf.grad = None
        function(*qkv).backward(gradient)

    return forward, both
