"""Softmax over some of the keys by flash-attention and by FlexAttention.

Which keys a query sees is a matter of distance alone: all of its own sequence before it, the last ones, some.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from typing import Any

import torch
from torch import Tensor
from torch.nn.attention.flex_attention import create_block_mask, flex_attention

from rlhf.attention.contract import NO_AUX, Aux, Form, Kernel, State, working
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.kernels.sliding_window.extras import remember

Attend = Callable[[Tensor, Tensor, Tensor, Any, CuSeqlens], Tensor]
"""(q_HTd, k_GTd, v_GTe, extras, cu_seqlens) -> out [H, T, e]."""

Distances = Callable[[Any], Callable[[Tensor], Tensor]]
"""extras -> (how many tokens a key stands before a query, at least 0 -> is it seen?)."""


def flash_form(kernel: Kernel) -> Form[Any]:
    """flash-attention's varlen function, where it has the dtype and the sizes; else the kernel's own form."""

    def attend(q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: Any, cu_seqlens: CuSeqlens) -> Tensor:
        offsets, longest = cu_seqlens.tensor(q_HTd.device), max(cu_seqlens.lengths)
        window = getattr(extras, "window", None)
        out_THe = import_module("flash_attn").flash_attn_varlen_func(
            *(x.transpose(0, 1) for x in (q_HTd, k_GTd, v_GTe)),
            cu_seqlens_q=offsets,
            cu_seqlens_k=offsets,
            max_seqlen_q=longest,
            max_seqlen_k=longest,
            softmax_scale=_scale(extras, q_HTd),
            causal=True,
            window_size=(-1, -1) if window is None else (window - 1, 0),
        )
        return out_THe.transpose(0, 1)

    def fits(q_HTd: Tensor, v_GTe: Tensor) -> bool:
        return q_HTd.dtype in {torch.float16, torch.bfloat16} and q_HTd.shape[-1] == v_GTe.shape[-1]

    return _form(kernel, attend, fits)


def flex_form(kernel: Kernel) -> Form[Any]:
    """FlexAttention over the packed axis, compiled on a GPU: as it stands, it makes all scores."""
    sees = SEES[kernel.name]

    def attend(q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: Any, cu_seqlens: CuSeqlens) -> Tensor:
        seen, device, total = sees(extras), q_HTd.device, cu_seqlens.total
        sequence_T = torch.repeat_interleave(torch.tensor(cu_seqlens.lengths, device=device))

        def mask(b: Tensor, h: Tensor, i: Tensor, j: Tensor) -> Tensor:
            return (sequence_T[i] == sequence_T[j]) & (i >= j) & seen(i - j)

        on_gpu = device.type != "cpu"
        blocks = create_block_mask(mask, None, None, total, total, device=device, _compile=on_gpu)
        run = _compiled() if on_gpu else flex_attention
        scale = _scale(extras, q_HTd)
        return run(q_HTd[None], k_GTd[None], v_GTe[None], block_mask=blocks, scale=scale, enable_gqa=True)[0]

    return _form(kernel, attend, lambda q_HTd, v_GTe: True)


def _form(kernel: Kernel, attend: Attend, fits: Callable[[Tensor, Tensor], bool]) -> Form[Any]:
    """`attend` where nothing is carried and the tensors (q, v) fit; the state it leaves is the kernel's."""

    def form(
        q_HTd: Tensor, k_GTd: Tensor, v_GTe: Tensor, extras: Any, state: State | None, cu_seqlens: CuSeqlens
    ) -> tuple[Tensor, State | None, Aux]:
        if state is not None or not fits(q_HTd, v_GTe):
            return kernel.chunk(q_HTd, k_GTd, v_GTe, extras, state, cu_seqlens)
        out = attend(q_HTd, k_GTd, v_GTe, extras, cu_seqlens)
        if kernel.name != "sliding_window":
            return out, None, NO_AUX
        k, v = working(k_GTd, v_GTe)
        return out, remember(k, v, None, cu_seqlens, extras.window), NO_AUX

    return form


SEES: dict[str, Distances] = {
    "softmax": lambda extras: lambda back: back >= 0,
    "sliding_window": lambda extras: lambda back: back < extras.window,
    "strided": lambda extras: lambda back: (back < extras.local) | (back % extras.stride == 0),
}


@cache
def _compiled() -> Callable[..., Tensor]:
    """Without compilation FlexAttention makes all scores."""
    return torch.compile(flex_attention)


def _scale(extras: Any, q_HTd: Tensor) -> float:
    scale = getattr(extras, "scale", None)
    return q_HTd.shape[-1] ** -0.5 if scale is None else scale
