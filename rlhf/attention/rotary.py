"""Rotary position embedding (RoFormer, arXiv 2104.09864), in the half-split order that transformers uses."""

from __future__ import annotations

import torch
from torch import Tensor


def rotate(x_HTd: Tensor, cos_Td: Tensor, sin_Td: Tensor) -> Tensor:
    """x * cos + rotate_half(x) * sin. cos and sin may cover fewer channels than x: the rest stays as it is."""
    rotary = cos_Td.shape[-1]
    x, rest = x_HTd[..., :rotary], x_HTd[..., rotary:]
    cos, sin = cos_Td.to(x.dtype), sin_Td.to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    turned = x * cos + torch.cat([-b, a], -1) * sin
    return torch.cat([turned, rest], -1) if rest.shape[-1] else turned
