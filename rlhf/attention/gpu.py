"""Kernels by other implementations than their folders': flash-linear-attention, flash-attention, FlexAttention.

Which one is decided by `rlhf.attention.backends.choose`. Nothing of a library is imported before a kernel runs.

State of verification: NOT RUN ON A GPU, none was at hand. The calls of flash-linear-attention 0.6.0 are tested against
stand-ins with its signatures and formulas, and its own Triton kernels ran once in Triton's interpreter on a CPU (for
linear, lightning, gla and gated_delta: outputs, states and gradients within 3e-6 of naive in float32). FlexAttention
ran forward on a CPU. flash-attention was only ever a stand-in.

flash-linear-attention has its own layout, [1, T, H, d], and knows no grouped queries: keys, values and gates are
repeated for every query head, and so are states, of which one copy is read back. It multiplies in the inputs' dtype
(in TF32 where that is float32) and sums in float32.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from typing import Any

import torch
from torch import Tensor

from rlhf.attention.backends import Choice
from rlhf.attention.contract import NO_AUX, Aux, Form, Kernel, State, repeat_heads, tensors_of
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.gpu_softmax import flash_form, flex_form
from rlhf.attention.kernels.linear.extras import EPS, LinearExtras, features, rotated
from rlhf.attention.kernels.ssd.extras import passed_by
from rlhf.attention.spec import KernelSpec


def implementation(spec: KernelSpec, choice: Choice) -> Kernel:
    """The kernel with the forms of the chosen implementation; naive stays the definition."""
    kernel = spec.kernel()
    if choice.name == "fla":
        recurrence = RECURRENCES[spec.name]
        step = None if kernel.step is None else _form(recurrence, recurrent_step)
        if step is not None and kernel.step is not None and spec.name in STEP_WITHOUT_BACKWARD:
            step = _unless_learning(step, kernel.step)
        return replace(kernel, chunk=_form(recurrence, recurrent_chunk), step=step)
    if choice.name == "flash_attention":
        return replace(kernel, chunk=flash_form(kernel))
    if choice.name == "flex_attention":
        return replace(kernel, chunk=flex_form(kernel))
    return kernel


# -- flash-linear-attention: its ops -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Operands:
    """What an op is given, in this project's layout; gates of the key-value heads by name: [G], [G, T] or [G, T, d]."""

    q_HTd: Tensor
    k_GTd: Tensor
    v_GTe: Tensor
    state_SGde: Tensor | None
    cu_seqlens: CuSeqlens
    scale: float
    gates: Mapping[str, Tensor] = field(default_factory=dict)


Run = Callable[[str, Operands], tuple[Tensor, Tensor]]
"""(family of ops, operands) -> (out [H, T, e], the state after each sequence [S, G, d, e])."""

Recurrence = Callable[[Run, Operands, Any, State | None], tuple[Tensor, State]]
"""A kernel by such a family: (how to run it, operands, extras, state) -> (out [H, T, e], state)."""


def recurrent_chunk(family: str, given: Operands) -> tuple[Tensor, Tensor]:
    # The offsets on the host too, so that the op need not wait for the GPU.
    return _call(family, f"chunk_{family}", given, cu_seqlens_cpu=given.cu_seqlens.tensor("cpu").long())


def recurrent_step(family: str, given: Operands) -> tuple[Tensor, Tensor]:
    given.cu_seqlens.require_single_tokens()
    if family == "gla":
        given = replace(given, gates={"gk": given.gates["g"]})
    return _call(family, f"fused_recurrent_{family}", given)


def _call(family: str, op: str, given: Operands, **more: Tensor) -> tuple[Tensor, Tensor]:
    """(out [H, T, e], the state after each sequence [S, G, d, e] float32)."""
    if given.q_HTd.dtype is torch.float64:
        raise ValueError("flash-linear-attention computes in float32 at most; use backend torch for float64")
    heads, groups = given.q_HTd.shape[0], given.k_GTd.shape[0]
    state = given.state_SGde
    out_1THe, final_SHde = getattr(import_module(f"fla.ops.{family}"), op)(
        q=_rows(given.q_HTd, heads),
        k=_rows(given.k_GTd, heads),
        v=_rows(given.v_GTe, heads),
        scale=given.scale,
        initial_state=None if state is None else state.float().repeat_interleave(heads // groups, 1),
        output_final_state=True,
        cu_seqlens=given.cu_seqlens.tensor(given.q_HTd.device).long(),
        **{name: repeat_heads(g, heads) if g.ndim == 1 else _rows(g, heads) for name, g in given.gates.items()},
        **more,
    )
    return out_1THe[0].transpose(0, 1), final_SHde[:, :: heads // groups]


def _rows(x_GT: Tensor, heads: int) -> Tensor:
    """[G, T, ...] -> [1, T, H, ...]."""
    return repeat_heads(x_GT, heads).transpose(0, 1)[None]


# -- the kernels of this project by those ops --------------------------------------------------------------------


def _form(recurrence: Recurrence, run: Run) -> Form[Any]:
    def form(
        q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: Any, state: State | None, cu_seqlens: CuSeqlens
    ) -> tuple[Tensor, State | None, Aux]:
        past = None if state is None else state[0]
        given = Operands(q_HTd, k_GTd, v_GTe, past, cu_seqlens, _scale(extras, q_HTd))
        out, after = recurrence(run, given, extras, state)
        return out.to(q_HTd.dtype), after, NO_AUX

    return form


def _linear(run: Run, given: Operands, extras: LinearExtras, state: State | None) -> tuple[Tensor, State]:
    """Twice: rotated features with the values, features as they are with ones, whose sum is the denominator."""
    fq, fk = features(given.q_HTd), features(given.k_GTd)
    sums = replace(given, q_HTd=rotated(fq, extras), k_GTd=rotated(fk, extras), v_GTe=given.v_GTe.to(fq.dtype), scale=1)
    numerator, total = run("simple_gla", sums)
    ones, past = torch.ones_like(fk[..., :1]), None if state is None else state[1][..., None]
    denominator, norm = run("simple_gla", replace(sums, q_HTd=fq, k_GTd=fk, v_GTe=ones, state_SGde=past))
    return numerator / (denominator + EPS), (total, norm.squeeze(-1))


def _constant_decay(run: Run, given: Operands, extras: Any, state: State | None) -> tuple[Tensor, State]:
    """Lightning attention and retention: one log-decay a head."""
    log_G: Tensor = extras.log_decay_G.float()
    # g_gamma takes no gradient, gates of every token do.
    every = given.cu_seqlens.total
    decay = {"g": log_G[:, None].expand(-1, every)} if log_G.requires_grad else {"g_gamma": log_G}
    out, after = run("simple_gla", replace(given, gates=decay))
    return out, (after,)


def _ssd(run: Run, given: Operands, extras: Any, state: State | None) -> tuple[Tensor, State]:
    """A selective state space: a step size dt weighs what a token adds."""
    added = (given.v_GTe * extras.dt_GT[..., None]).to(given.v_GTe.dtype)
    out, after = run("simple_gla", replace(given, v_GTe=added, gates={"g": extras.log_decay_GT.float()}))
    return passed_by(out, given.v_GTe, extras), (after,)


def _gla(run: Run, given: Operands, extras: Any, state: State | None) -> tuple[Tensor, State]:
    out, after = run("gla", replace(given, gates={"g": extras.log_alpha_GTd.float()}))
    return out, (after,)


def _gated_delta(run: Run, given: Operands, extras: Any, state: State | None) -> tuple[Tensor, State]:
    gates = {"g": extras.log_decay_GT.float(), "beta": extras.beta_GT.float()}
    out, after = run("gated_delta_rule", replace(given, gates=gates))
    return out, (after,)


def _scale(extras: Any, q_HTd: Tensor) -> float:
    """Of the queries: what the extras say, 1 / sqrt(d) where that is None; 1 where they know no scale."""
    scale = getattr(extras, "scale", 1.0)
    return q_HTd.shape[-1] ** -0.5 if scale is None else scale


def _unless_learning(form: Form[Any], own: Form[Any]) -> Form[Any]:
    """`own` where a gradient is wanted."""

    def either(
        q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: Any, state: State | None, cu_seqlens: CuSeqlens
    ) -> tuple[Tensor, State | None, Aux]:
        tensors = (q_HTd, k_GTd, v_GTe, *(t for t, _ in tensors_of(extras).values()), *(state or ()))
        learning = torch.is_grad_enabled() and any(t.requires_grad for t in tensors)
        return (own if learning else form)(q_HTd, k_GTd, v_GTe, extras, state, cu_seqlens)

    return either


STEP_WITHOUT_BACKWARD = ("gated_delta",)
"""fused_recurrent_gated_delta_rule has no backward: steps with a gradient are the kernel's own."""

RECURRENCES: Mapping[str, Recurrence] = {
    "linear": _linear,
    "lightning": _constant_decay,
    "retention": _constant_decay,
    "ssd": _ssd,
    "gla": _gla,
    "gated_delta": _gated_delta,
}
