"""Stand-ins for libraries that need a GPU, put in their place.

flash-linear-attention must not even be importable beside a CPU's transformers. The stand-ins have the signatures of
flash-linear-attention 0.6.0 and flash-attention 2 and compute what those document, token by token.
"""

from __future__ import annotations

import sys
from itertools import pairwise
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor


def recurrence(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    log_decay: Tensor | None,
    beta: Tensor | None,
    scale: float | None,
    initial_state: Tensor | None,
    cu_seqlens: Tensor,
) -> tuple[Tensor, Tensor]:
    """[1, T, H, ...]; log_decay [T, H, 1 or K]. With beta the delta rule."""
    assert q.shape == k.shape
    assert q.shape[:3] == v.shape[:3]
    assert cu_seqlens.dtype is torch.int64
    q, k, v = (x[0].float() for x in (q, k, v))
    factor = k.shape[-1] ** -0.5 if scale is None else scale
    outputs, states = [], []
    for n, (a, b) in enumerate(pairwise(cu_seqlens.tolist())):
        state = torch.zeros(k.shape[1], k.shape[2], v.shape[2]) if initial_state is None else initial_state[n]
        assert state.dtype is torch.float32
        assert state.shape == (k.shape[1], k.shape[2], v.shape[2])
        for t in range(a, b):
            if log_decay is not None:
                state = state * log_decay[t].exp()[..., None]
            value = v[t] if beta is None else beta[t][:, None] * (v[t] - (state * k[t][..., None]).sum(-2))
            state = state + k[t][..., None] * value[:, None]
            outputs.append(factor * (q[t][..., None] * state).sum(-2))
        states.append(state)
    return torch.stack(outputs)[None], torch.stack(states)


def chunk_simple_gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor | None = None,
    g_gamma: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    state_v_first: bool = False,
    cu_seqlens: Tensor | None = None,
    cu_seqlens_cpu: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    assert output_final_state
    assert cu_seqlens is not None
    assert cu_seqlens_cpu is None or torch.equal(cu_seqlens_cpu, cu_seqlens.cpu())
    assert g is None or g_gamma is None
    assert g_gamma is None or not g_gamma.requires_grad
    log = None if g is None else g[0][..., None]
    log = g_gamma[None, :, None].expand(q.shape[1], -1, -1) if g_gamma is not None else log
    return recurrence(q, k, v, log, None, scale, initial_state, cu_seqlens)


def fused_recurrent_simple_gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor | None = None,
    g_gamma: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    reverse: bool = False,
    state_v_first: bool = False,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    return chunk_simple_gla(q, k, v, g, g_gamma, scale, initial_state, output_final_state, False, cu_seqlens)


def chunk_gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    state_v_first: bool = False,
    cu_seqlens: Tensor | None = None,
    cu_seqlens_cpu: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    assert output_final_state
    assert cu_seqlens is not None
    assert g.shape == k.shape
    return recurrence(q, k, v, g[0], None, scale, initial_state, cu_seqlens)


def fused_recurrent_gla(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    gk: Tensor | None = None,
    gv: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    reverse: bool = False,
    state_v_first: bool = False,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    assert gk is not None
    return chunk_gla(q, k, v, gk, scale, initial_state, output_final_state, False, cu_seqlens)


def chunk_gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor,
    beta: Tensor,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    use_qk_l2norm_in_kernel: bool = False,
    use_beta_sigmoid_in_kernel: bool = False,
    allow_neg_eigval: bool = False,
    state_v_first: bool = False,
    cu_seqlens: Tensor | None = None,
    cu_seqlens_cpu: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    assert output_final_state
    assert cu_seqlens is not None
    assert g.shape == beta.shape == k.shape[:3]
    return recurrence(q, k, v, g[0][..., None], beta[0], scale, initial_state, cu_seqlens)


def fused_recurrent_gated_delta_rule(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    g: Tensor | None = None,
    gk: Tensor | None = None,
    gv: Tensor | None = None,
    beta: Tensor | None = None,
    scale: float | None = None,
    initial_state: Tensor | None = None,
    output_final_state: bool = False,
    cu_seqlens: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    assert g is not None
    assert beta is not None
    assert not q.requires_grad, "the real one has no backward"
    return chunk_gated_delta_rule(q, k, v, g, beta, scale, initial_state, output_final_state, cu_seqlens=cu_seqlens)


def install_fla(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the ops that are called from now on."""
    called: list[str] = []

    def recorded(op: Any) -> Any:
        def run(**arguments: Any) -> Any:
            called.append(op.__name__)
            return op(**arguments)

        return run

    ops = {
        "simple_gla": (chunk_simple_gla, fused_recurrent_simple_gla),
        "gla": (chunk_gla, fused_recurrent_gla),
        "gated_delta_rule": (chunk_gated_delta_rule, fused_recurrent_gated_delta_rule),
    }
    for family, members in ops.items():
        module = ModuleType(f"fla.ops.{family}")
        for op in members:
            setattr(module, op.__name__, recorded(op))
        monkeypatch.setitem(sys.modules, module.__name__, module)
    for package in ("fla", "fla.ops"):
        monkeypatch.setitem(sys.modules, package, ModuleType(package))
    return called


def install_flash_attn(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The arguments of each call from now on."""
    calls: list[dict[str, Any]] = []

    def flash_attn_varlen_func(
        q: Tensor,
        k: Tensor,
        v: Tensor,
        cu_seqlens_q: Tensor,
        cu_seqlens_k: Tensor,
        max_seqlen_q: int,
        max_seqlen_k: int,
        dropout_p: float = 0.0,
        softmax_scale: float | None = None,
        causal: bool = False,
        window_size: tuple[int, int] = (-1, -1),
    ) -> Tensor:
        assert q.dtype in {torch.float16, torch.bfloat16}
        assert q.shape[2] == k.shape[2] == v.shape[2]
        assert cu_seqlens_q.dtype is cu_seqlens_k.dtype is torch.int32
        assert causal
        calls.append({"longest": (max_seqlen_q, max_seqlen_k), "window": window_size})
        outputs = []
        for a, b in pairwise(cu_seqlens_q.tolist()):
            back = torch.arange(b - a)[:, None] - torch.arange(b - a)
            seen = (back >= 0) & ((back <= window_size[0]) if window_size[0] >= 0 else torch.tensor(True))
            rows = [x[a:b].transpose(0, 1).float() for x in (q, k, v)]
            outputs.append(
                torch.nn.functional.scaled_dot_product_attention(
                    *rows, attn_mask=seen, scale=softmax_scale, enable_gqa=True
                ).transpose(0, 1)
            )
        return torch.cat(outputs).to(q.dtype)

    module = ModuleType("flash_attn")
    module.flash_attn_varlen_func = flash_attn_varlen_func  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "flash_attn", module)
    return calls
