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
_ROWS = 1024  # of a weight, looked at at a time


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
    """Let a layer multiply with a float32 copy of the weight that it holds now.

    A copy made before is overwritten where it stands: a compiled model keeps the tensor that it was traced with.
    """
    wide_NK: Tensor | None = getattr(layer, ATTRIBUTE, None)
    if wide_NK is not None and wide_NK.shape == layer.weight.shape:
        wide_NK.copy_(layer.weight.detach())
        return
    fresh_NK = layer.weight.detach().float()

    def product(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        return linear(x.float(), fresh_NK, None if bias is None else bias.float()).to(x.dtype)

    setattr(layer, ATTRIBUTE, fresh_NK)
    layer.cpu_linear = product


def narrow_weight(layer: nn.Module) -> Tensor | None:
    """What a widened layer multiplies with, as the bfloat16 weight that it must equal; None for other layers.

    A float32 value that is no bfloat16 number is not what was published: it comes back as NaN, which no checksum hides.
    """
    wide_NK: Tensor | None = getattr(layer, ATTRIBUTE, None)
    if wide_NK is None:
        return None
    narrow_NK = torch.empty_like(wide_NK, dtype=torch.bfloat16)
    for narrow, wide in zip(narrow_NK.split(_ROWS), wide_NK.split(_ROWS), strict=True):
        narrow.copy_(wide)
        beyond = wide.view(torch.int32) & 0xFFFF  # the bits of a float32 number that a bfloat16 one lacks
        if beyond.any():
            narrow[beyond != 0] = torch.nan
    return narrow_NK
