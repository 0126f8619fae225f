"""Numbers of the file as tensors and back."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor


def t(values: Any) -> Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


def plain(value: Tensor) -> Any:
    return value.detach().tolist()


def with_gradient(loss: Callable[[Tensor], Tensor], at: Sequence[Any] | Tensor) -> tuple[float, Any]:
    """(loss, its gradient) at a point."""
    point = t(at).clone().requires_grad_(True)
    value = loss(point)
    (gradient,) = torch.autograd.grad(value, point)
    return float(value), plain(gradient)
