"""Do a kernel's three forms agree: outputs, final states and every gradient, against `naive`?"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rlhf.attention.contract import FormName, HeadShape, Kernel, State, map_tensors, tensors_of
from rlhf.attention.cu_seqlens import CuSeqlens

MakeExtras = Callable[[torch.Generator, HeadShape, int, torch.dtype], Any]
"""(generator, shape, tokens, dtype) -> extras whose float tensors are leaves."""

TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-4}


@dataclass(frozen=True)
class Inputs:
    q: Tensor
    k: Tensor
    v: Tensor
    extras: Any
    state: State | None

    def leaves(self) -> dict[str, Tensor]:
        named = {"q": self.q, "k": self.k, "v": self.v}
        named |= {f"extras.{name}": t for name, (t, _) in tensors_of(self.extras).items()}
        named |= {f"state[{i}]": t for i, t in enumerate(self.state or ())}
        return {name: t for name, t in named.items() if t.requires_grad}


@contextmanager
def poisoned_memory() -> Iterator[None]:
    """Memory that torch.empty gives out holds NaN, so that reading what was never written shows."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    torch.utils.deterministic.fill_uninitialized_memory = True
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)


def make_inputs(
    kernel: Kernel,
    shape: HeadShape,
    cu_seqlens: CuSeqlens,
    make_extras: MakeExtras,
    dtype: torch.dtype = torch.float64,
    seed: int = 0,
    carried: bool = False,
    scale: float = 1.0,
) -> Inputs:
    """carried: start from the state that other tokens have left behind (a real state, not a random one)."""
    generator = torch.Generator().manual_seed(seed)

    def draw(heads: int, tokens: int, size: int) -> Tensor:
        x = torch.randn(heads, tokens, size, generator=generator, dtype=torch.float64) * scale
        return x.to(dtype).requires_grad_()

    def qkv(tokens: int) -> tuple[Tensor, Tensor, Tensor]:
        return (
            draw(shape.heads, tokens, shape.key),
            draw(shape.kv_heads, tokens, shape.key),
            draw(shape.kv_heads, tokens, shape.value),
        )

    state = None
    if carried:
        past = CuSeqlens.of_lengths([5 + 3 * i for i in range(cu_seqlens.count)])
        q, k, v = qkv(past.total)
        _, state, _ = kernel.naive(q, k, v, make_extras(generator, shape, past.total, dtype), None, past)
        assert state is not None
        state = tuple(t.detach().requires_grad_() for t in state)
    q, k, v = qkv(cu_seqlens.total)
    return Inputs(q, k, v, make_extras(generator, shape, cu_seqlens.total, dtype), state)


@dataclass(frozen=True)
class Answer:
    out: Tensor
    state: State | None
    losses: dict[str, Tensor]
    gradients: dict[str, Tensor]


def answer(kernel: Kernel, form: FormName, inputs: Inputs, cu_seqlens: CuSeqlens) -> Answer:
    """Outputs and the gradients of a random but fixed weighting of everything that comes out."""
    leaves = inputs.leaves()
    for leaf in leaves.values():
        leaf.grad = None
    if form == "step":
        out, state, losses = stepped(kernel, inputs, cu_seqlens)
    else:
        out, state, aux = kernel.form(form)(inputs.q, inputs.k, inputs.v, inputs.extras, inputs.state, cu_seqlens)
        losses = dict(aux.loss_T)
    weigh = torch.Generator().manual_seed(99)
    parts = [out, *losses.values(), *(s for s in state or () if s.requires_grad)]
    total = sum((p * torch.randn(p.shape, generator=weigh, dtype=torch.float64).to(p.dtype)).sum() for p in parts)
    torch.as_tensor(total).backward()
    gradients = {name: torch.zeros_like(t) if t.grad is None else t.grad.clone() for name, t in leaves.items()}
    detached = None if state is None else tuple(s.detach() for s in state)
    return Answer(out.detach(), detached, {n: t.detach() for n, t in losses.items()}, gradients)


def stepped(kernel: Kernel, inputs: Inputs, cu_seqlens: CuSeqlens) -> tuple[Tensor, State | None, dict[str, Tensor]]:
    """Every sequence token by token, all sequences that still have one at a time."""
    step, lengths = kernel.form("step"), cu_seqlens.lengths
    states: list[State | None] = [
        None if inputs.state is None else tuple(t[i : i + 1] for t in inputs.state) for i in range(cu_seqlens.count)
    ]
    outputs: list[Tensor | None] = [None] * cu_seqlens.total
    losses: dict[str, list[Tensor | None]] = {}
    for position in range(max(lengths)):
        live = [s for s, length in enumerate(lengths) if length > position]
        tokens = torch.tensor([cu_seqlens.offsets[s] + position for s in live])
        known = [s for s in (states[i] for i in live) if s is not None]
        state = tuple(torch.cat(parts) for parts in zip(*known, strict=True)) if known else None
        out, state, aux = step(
            inputs.q[:, tokens],
            inputs.k[:, tokens],
            inputs.v[:, tokens],
            at_tokens(inputs.extras, tokens),
            state,
            CuSeqlens(range(len(live) + 1)),
        )
        assert state is not None
        for row, s in enumerate(live):
            outputs[int(tokens[row])] = out[:, row]
            states[s] = tuple(t[row : row + 1] for t in state)
            for name, value in aux.loss_T.items():
                losses.setdefault(name, [None] * cu_seqlens.total)[int(tokens[row])] = value[row]
    final = tuple(torch.cat(parts) for parts in zip(*(s for s in states if s is not None), strict=True))
    stacked = {name: torch.stack([v for v in values if v is not None]) for name, values in losses.items()}
    return torch.stack([o for o in outputs if o is not None], 1), final, stacked


def at_tokens(extras: Any, tokens: Tensor) -> Any:
    return map_tensors(extras, lambda t, axes: t.index_select(axes.index("T"), tokens) if "T" in axes else t)


def assert_close(found: Tensor, expected: Tensor, tolerance: float, what: str) -> None:
    """Relative to the largest expected value of each head, or each state (at least a tenth of the largest of all, and
    1e-3, in float64 1e-4, so that what ought to vanish may be tiny)."""
    assert found.shape == expected.shape, f"{what}: {tuple(found.shape)}, expected {tuple(expected.shape)}"
    assert bool(torch.isfinite(found).all()), f"{what}: not finite"
    if expected.numel() == 0:
        return
    error = (found.double() - expected.double()).abs().flatten(1 if expected.ndim > 1 else 0).amax(-1)
    largest = expected.double().abs().flatten(1 if expected.ndim > 1 else 0).amax(-1)
    floor = 1e-4 if found.dtype is torch.float64 else 1e-3
    scale = largest.clamp(min=max(0.1 * float(largest.max()), floor))
    assert bool((error <= tolerance * scale).all()), (
        f"{what}: off by {error.tolist()}, the largest are {scale.tolist()}"
    )


def check(
    kernel: Kernel,
    inputs: Inputs,
    cu_seqlens: CuSeqlens,
    forms: Sequence[FormName] = ("chunk", "step"),
    tolerance: float | None = None,
) -> None:
    """Every form against naive, on the same inputs; memory is poisoned while they run."""
    bound = TOLERANCE[inputs.q.dtype] if tolerance is None else tolerance
    with poisoned_memory():
        expected = answer(kernel, "naive", inputs, cu_seqlens)
        for form in forms:
            found = answer(kernel, form, inputs, cu_seqlens)
            assert_close(found.out, expected.out, bound, f"{kernel.name} {form}: out")
            for i, (a, b) in enumerate(zip(found.state or (), expected.state or (), strict=True)):
                assert_close(a, b, bound, f"{kernel.name} {form}: state {i}")
            for name, loss in expected.losses.items():
                assert_close(found.losses[name], loss, bound, f"{kernel.name} {form}: aux {name}")
            for name, gradient in expected.gradients.items():
                assert_close(found.gradients[name], gradient, bound, f"{kernel.name} {form}: gradient of {name}")


def check_isolation(kernel: Kernel, shape: HeadShape, make_extras: MakeExtras, lengths: Sequence[int]) -> None:
    """A sequence among others gives what it gives alone, bit by bit or nearly, though its neighbours are NaN, gates and
    all; and so do its gradients."""
    packed = CuSeqlens.of_lengths(lengths)
    inputs = make_inputs(kernel, shape, packed, make_extras)
    for s, span in enumerate(packed.spans()):
        tokens = torch.arange(span.start, span.stop)
        others = torch.ones(packed.total, dtype=torch.bool).index_fill(0, tokens, False)
        whole = [t.detach() for t in (inputs.q, inputs.k, inputs.v)]
        own = [t[:, span].clone().requires_grad_() for t in whole]
        broken = [without(t, 1, others).requires_grad_() for t in whole]
        gates = map_tensors(inputs.extras, lambda t, axes: t.detach())
        hurt = map_tensors(
            gates, lambda t, axes, others=others: without(t, axes.index("T"), others) if "T" in axes else t
        )
        alone, *_ = kernel.chunk(*own, at_tokens(gates, tokens), None, CuSeqlens([0, lengths[s]]))
        among, *_ = kernel.chunk(*broken, hurt, None, packed)
        what = f"{kernel.name}: sequence {s} among NaNs"
        assert_close(among[:, span].detach(), alone.detach(), 1e-12, what)
        weight = torch.randn(alone.shape, generator=torch.Generator().manual_seed(s), dtype=alone.dtype)
        expected = torch.autograd.grad((alone * weight).sum(), own)
        found = torch.autograd.grad((among[:, span] * weight).sum(), broken)
        for name, a, b in zip("qkv", found, expected, strict=True):
            assert_close(a[:, span], b, 1e-10, f"{what}: gradient of {name}")


def without(x: Tensor, axis: int, tokens: Tensor) -> Tensor:
    """A copy with NaN at these tokens; whole numbers (codes, blocks) stay."""
    if not x.is_floating_point():
        return x
    return x.clone().index_fill_(axis, tokens.nonzero().flatten(), torch.nan)


def check_causal(kernel: Kernel, shape: HeadShape, make_extras: MakeExtras, length: int) -> None:
    """What comes later changes nothing before."""
    cu = CuSeqlens([0, length])
    inputs = make_inputs(kernel, shape, cu, make_extras)
    whole, *_ = kernel.chunk(inputs.q, inputs.k, inputs.v, inputs.extras, None, cu)
    for cut in {1, length // 2, length - 1}:
        tokens = torch.arange(cut)
        begun = [t[:, :cut] for t in (inputs.q, inputs.k, inputs.v)]
        part, *_ = kernel.chunk(*begun, at_tokens(inputs.extras, tokens), None, CuSeqlens([0, cut]))
        assert_close(part.detach(), whole[:, :cut].detach(), 1e-12, f"{kernel.name}: the first {cut} tokens")


def check_carried(kernel: Kernel, shape: HeadShape, make_extras: MakeExtras, lengths: Sequence[int], cut: int) -> None:
    """Two parts, the second from the first one's state, give what the whole gives; each sequence longer than `cut`."""
    cu = CuSeqlens.of_lengths(lengths)
    inputs = make_inputs(kernel, shape, cu, make_extras)
    whole, end, _ = kernel.chunk(inputs.q, inputs.k, inputs.v, inputs.extras, None, cu)
    state: State | None = None
    halves = [
        torch.cat([torch.arange(a, a + cut) for a in cu.offsets[:-1]]),
        torch.cat([torch.arange(a + cut, b) for a, b in zip(cu.offsets[:-1], cu.offsets[1:], strict=True)]),
    ]
    for tokens, sizes in zip(halves, ([cut] * cu.count, [n - cut for n in lengths]), strict=True):
        part = [t.index_select(1, tokens) for t in (inputs.q, inputs.k, inputs.v)]
        out, state, _ = kernel.chunk(*part, at_tokens(inputs.extras, tokens), state, CuSeqlens.of_lengths(sizes))
        assert_close(out.detach(), whole.index_select(1, tokens).detach(), 1e-10, f"{kernel.name}: in two parts")
    for i, (a, b) in enumerate(zip(state or (), end or (), strict=True)):
        assert_close(a.detach(), b.detach(), 1e-10, f"{kernel.name}: state {i} in two parts")
