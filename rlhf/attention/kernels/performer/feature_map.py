"""exp(w_f . x' - its largest over f): the feature map but for a factor, with a backward that keeps the result alone.

Axes: G heads, N rows (tokens), m features, d key size.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def mapped(x_GNd: Tensor, features_Gmd: Tensor, floor: float = 0.0) -> tuple[Tensor, Tensor]:
    """(floor + exp(w_f . x' - top) [G, N, m], top [G, N]) with x' = x / d^(1/4); top is a constant to the gradient."""
    # Scaling the few features costs less than scaling the many rows.
    out_GNm, top_GN1 = _Mapped.apply(x_GNd, features_Gmd * features_Gmd.shape[-1] ** -0.25, floor)
    return out_GNm, top_GN1.squeeze(-1)


class _Mapped(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor, floor: float) -> tuple[Tensor, Tensor]:
        out = x @ w.mT
        top = out.amax(-1, keepdim=True)
        out.sub_(top).exp_()
        if floor:
            out.add_(floor)
        ctx.save_for_backward(x, w, out)
        ctx.floor = floor
        ctx.mark_non_differentiable(top)
        return out, top

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        x, w, out = ctx.saved_tensors
        g = gradients[0] * out
        if ctx.floor:
            g.sub_(gradients[0], alpha=ctx.floor)
        return g @ w, g.mT @ x if ctx.needs_input_grad[1] else None, None
