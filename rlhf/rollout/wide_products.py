"""vLLM's bfloat16 linear layers on a CPU, multiplied by the float32 kernel: the learner's arithmetic, and faster.

Measured on two cores with AVX512-BF16 and no AMX, one pass over the linear layers of SmolLM2-135M for 64 tokens:
113 ms in vLLM's bfloat16 kernel, 88 ms in float32. Weights are kept in float32 (twice the memory), which also spares
the proof of a publication from reading them back out of a packed kernel. The result is rounded to bfloat16 as before.
"""

from __future__ import annotations

import os

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

SWITCH = "LONGTHOUGHT_WIDE_PRODUCTS"  # set for an engine's processes by `engine_environment`
ATTRIBUTE = "wide_weight"


def is_worth_it(dtype: str, device: str) -> bool:
    """bfloat16 on a CPU without AMX; with AMX the bfloat16 kernel is the faster one."""
    return device == "cpu" and dtype == "bfloat16" and not torch.cpu._is_amx_tile_supported()


def install() -> None:
    """Take the place of vLLM's choice of a kernel for a layer, where the environment asks for it. Idempotent."""
    if os.environ.get(SWITCH) != "1":
        return
    from vllm.model_executor.layers import utils

    chosen_by_vllm = utils.dispatch_cpu_unquantized_gemm
    if getattr(chosen_by_vllm, "is_wide", False):
        return

    def dispatch(layer: nn.Module, remove_weight: bool) -> None:
        if layer.weight.is_meta or layer.weight.ndim != 2 or layer.weight.dtype is not torch.bfloat16:
            chosen_by_vllm(layer, remove_weight)
            return
        widen(layer)
        if remove_weight:
            layer.weight = nn.Parameter(torch.empty(0, dtype=torch.bfloat16), requires_grad=False)

    dispatch.is_wide = True  # type: ignore[attr-defined]
    utils.dispatch_cpu_unquantized_gemm = dispatch


def widen(layer: nn.Module) -> None:
    """Let a layer multiply with a float32 copy of the weight that it holds now."""
    wide_NK = layer.weight.detach().float()

    def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return linear(x.float(), wide_NK, None if bias is None else bias.float()).to(x.dtype)

    setattr(layer, ATTRIBUTE, wide_NK)
    layer.cpu_linear = product


def narrow_weight(layer: nn.Module) -> Tensor | None:
    """What a widened layer multiplies with, as the bfloat16 weight that it must equal; None for other layers.

    A float32 value that is no bfloat16 number is not what was published: it comes back as NaN, which no checksum hides.
    """
    wide_NK: Tensor | None = getattr(layer, ATTRIBUTE, None)
    if wide_NK is None:
        return None
    narrow_NK = wide_NK.to(torch.bfloat16)
    return torch.where(narrow_NK.float() == wide_NK, narrow_NK, torch.nan)
