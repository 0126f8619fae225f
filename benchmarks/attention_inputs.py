"""What the kernels are timed on: 4 heads x 64, queries, keys and extras as a kernel's own layer makes them.

A layer of random weights is run once on random hidden states, so every kernel gets inputs of the kind and size that it
gets in a policy (keys of length 1 for the delta rule, decays near 1, codes amid the keys). What comes out is cut off
from the layer: q, k, v and those extras that a gradient reaches become leaves, the others (decays of lightning
attention, random features, codebooks, rotations) constants.

Axes: H heads, T tokens, d head size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from benchmarks.common import BenchmarkError
from rlhf.attention.catalog import CATALOG
from rlhf.attention.contract import Kernel, map_tensors, tensors_of
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.mixers.base import MixerShape, Rope
from rlhf.attention.spec import KernelSpec

HEADS, SIZE = 4, 64
HIDDEN = HEADS * SIZE
_PROJECTIONS = ("q_proj", "k_proj", "v_proj")


@dataclass(frozen=True, slots=True)
class Case:
    """A row of the tables. settings: where they are not the kernel's defaults. beside: the function of the program
    beside it that computes the same."""

    name: str
    kernel: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    beside: str | None = None


# linear: the features are rotated inside the kernel, which the program beside it does not do; so both ways.
# lightning: the first layer's decays, without the factor of the layer, are that program's.
# flash: values as wide as the heads, like everybody's; by default they are twice as wide.
_CASES: Mapping[str, tuple[Case, ...]] = {
    "linear": (
        Case("linear", "linear", {"rope": "none"}, "linear_chunk"),
        Case("linear, rotated", "linear", {"rope": "features"}),
    ),
    "lightning": (Case("lightning", "lightning", {"layer_slopes": False}, "lightning_chunk"),),
    "flash": (Case("flash", "flash", {"expansion": 1}),),
}


def cases(kernels: tuple[str, ...] | None = None) -> tuple[Case, ...]:
    """Of the kernels named, or of all in the catalog. BenchmarkError for a name that is not there."""
    wanted = tuple(CATALOG) if kernels is None else kernels
    if unknown := [name for name in wanted if name not in CATALOG]:
        raise BenchmarkError(f"no kernel {', '.join(unknown)}; there are {', '.join(CATALOG)}")
    return tuple(case for name in wanted for case in _CASES.get(name, (Case(name, name),)))


@dataclass(frozen=True, slots=True)
class Inputs:
    """One sequence, and the gradient of its outputs."""

    kernel: Kernel
    q_HTd: Tensor
    k_HTd: Tensor
    v_HTe: Tensor
    extras: Any
    gradient_HTe: Tensor
    cu_seqlens: CuSeqlens

    def leaves(self) -> tuple[Tensor, ...]:
        held = (self.q_HTd, self.k_HTd, self.v_HTe, *(t for t, _ in tensors_of(self.extras).values()))
        return tuple(t for t in held if t.requires_grad)

    def forward(self) -> tuple[Tensor, ...]:
        """Outputs [H, T, e], and each loss of the kernel's own [T]."""
        arguments = (self.q_HTd, self.k_HTd, self.v_HTe, self.extras, None, self.cu_seqlens)
        out_HTe, _, aux = self.kernel.chunk(*arguments)
        return out_HTe, *aux.loss_T.values()

    def forward_alone(self) -> None:
        with torch.no_grad():
            self.forward()

    def forward_and_backward(self) -> None:
        for leaf in self.leaves():
            leaf.grad = None
        out_HTe, *losses = self.forward()
        torch.autograd.backward([out_HTe, *losses], [self.gradient_HTe, *(torch.ones_like(loss) for loss in losses)])


def make_inputs(case: Case, tokens: int, dtype: torch.dtype, seed: int = 0) -> Inputs:
    spec = CATALOG[case.kernel]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        hidden_TD = torch.randn(tokens, HIDDEN).to(dtype)
        cu_seqlens = CuSeqlens([0, tokens])
        q, k, v, extras = _made(spec, case.settings, hidden_TD, cu_seqlens)
        leaf = _leaf(learned=True)
        values = leaf(v, "HTe")
        gradient = torch.randn(q.shape[0], tokens, v.shape[-1]).to(dtype)
        cut = map_tensors(extras, lambda t, axes: _leaf(learned=t.requires_grad)(t, axes))
        return Inputs(spec.kernel(), leaf(q, "HTd"), leaf(k, "HTd"), values, cut, gradient, cu_seqlens)


def _made(
    spec: KernelSpec, settings: Mapping[str, Any], hidden_TD: Tensor, cu_seqlens: CuSeqlens
) -> tuple[Tensor, Tensor, Tensor, Any]:
    chosen = spec.settings.model_validate(dict(settings))
    if spec.name == "softmax":  # the model's own layer, with no mixer
        from rlhf.attention.kernels.softmax import extras_of

        q, k, v = (torch.randn(HEADS, len(hidden_TD), SIZE).to(hidden_TD.dtype) for _ in range(3))
        return q, k, v, extras_of(chosen)
    mixer = spec.mixer()(MixerShape(HIDDEN, HEADS, HEADS, SIZE, layer=0, layers=1), chosen)
    std = HIDDEN**-0.5
    for name in _PROJECTIONS:
        if hasattr(mixer, name):
            nn.init.normal_(getattr(mixer, name).weight, 0.0, std)
    mixer.reset(std)
    made = mixer.to(hidden_TD.dtype).project(hidden_TD, _rope(hidden_TD), None, cu_seqlens)
    return made.q_HTd, made.k_GTd, made.v_GTe, made.extras


def _leaf(learned: bool) -> Callable[[Tensor, str], Tensor]:
    """Memory of its own, in the order of its axes, as the baselines' inputs lie too."""

    def cut(t: Tensor, axes: str) -> Tensor:
        fresh = t.detach().clone(memory_format=torch.contiguous_format)
        return fresh.requires_grad_() if learned else fresh

    return cut


def _rope(hidden_TD: Tensor) -> Rope:
    """Rotary angles of base 10,000."""
    inverse_d = 10000 ** -(torch.arange(0, SIZE, 2, dtype=torch.float32) / SIZE)
    angle_Td = torch.outer(torch.arange(len(hidden_TD), dtype=torch.float32), inverse_d).repeat(1, 2)
    return angle_Td.cos().to(hidden_TD.dtype), angle_Td.sin().to(hidden_TD.dtype)
