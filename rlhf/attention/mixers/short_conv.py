"""A short causal convolution of each channel over packed sequences, as Mamba (arXiv 2312.00752, sec. 3.4) and the
delta-rule models (arXiv 2412.06464) put before their recurrence.

    y[t, c] = sum_{j < w} weight[c, w - 1 - j] * x[t - j, c]  (+ bias[c])

Axes: T packed tokens, C channels, w taps, S sequences, n = w - 1 inputs that a sequence remembers.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from rlhf.attention.contract import working
from rlhf.attention.cu_seqlens import CuSeqlens


class ShortConv(nn.Module):
    """No activation inside: callers apply theirs."""

    def __init__(self, channels: int, width: int = 4, bias: bool = False) -> None:
        super().__init__()
        if width < 2:
            raise ValueError(f"a convolution over {width} tokens mixes nothing; the width is at least 2")
        self.width = width
        self.weight = nn.Parameter(torch.empty(channels, width))
        self.bias = nn.Parameter(torch.empty(channels)) if bias else None
        self.reset(0.0)

    def reset(self, std: float) -> None:
        """The identity, whatever `std`: a converted layer begins as if there were no convolution."""
        with torch.no_grad():
            self.weight.zero_()
            self.weight[:, -1] = 1
            if self.bias is not None:
                self.bias.zero_()

    def state_shape(self) -> tuple[int, int]:
        """[C, w - 1], of one sequence."""
        return self.weight.shape[0], self.width - 1

    def forward(self, x_TC: Tensor, state_SCn: Tensor | None, cu_seqlens: CuSeqlens) -> tuple[Tensor, Tensor]:
        """y [T, C] in x's dtype, and each sequence's last w - 1 inputs, the latest last (float32 or float64).

        state_SCn: the inputs before these tokens; zeros, or None: there were none.
        """
        x, weight = working(x_TC, self.weight)
        past = self.width - 1
        if state_SCn is None:
            before_SnC = x.new_zeros(cu_seqlens.count, past, x.shape[1])
        else:
            before_SnC = state_SCn.to(x.dtype).transpose(1, 2)
        if cu_seqlens.total == cu_seqlens.count * cu_seqlens.lengths[0] and len(set(cu_seqlens.lengths)) == 1:
            row_SLC = torch.cat([before_SnC, x.view(cu_seqlens.count, -1, x.shape[1])], 1)
            y, after_SnC = _Convolve.apply(row_SLC, weight).flatten(0, 1), row_SLC[:, -past:]
        else:
            y, after_SnC = _ragged(x, before_SnC, weight, cu_seqlens)
        if self.bias is not None:
            y = y + self.bias.to(y.dtype)
        return y.to(x_TC.dtype), after_SnC.transpose(1, 2)


def _ragged(x_TC: Tensor, before_SnC: Tensor, weight_Cw: Tensor, cu: CuSeqlens) -> tuple[Tensor, Tensor]:
    """Sequences of different lengths: one row in which the past of each lies before it."""
    count, past, channels = before_SnC.shape
    device = x_TC.device
    offset_S = torch.tensor(cu.offsets, device=device)
    sequence_S, tap_n = torch.arange(count, device=device), torch.arange(past, device=device)
    length_S = offset_S[1:] - offset_S[:-1]
    sequence_T = torch.repeat_interleave(sequence_S, length_S, output_size=cu.total)
    window_T = torch.arange(cu.total, device=device) + sequence_T * past
    before = ((offset_S[:-1] + sequence_S * past)[:, None] + tap_n).flatten()
    after = ((offset_S[1:] + sequence_S * past)[:, None] + tap_n).flatten()
    row_LC = x_TC.new_zeros(cu.total + count * past, channels)
    row_LC = row_LC.index_copy(0, before, before_SnC.flatten(0, 1)).index_copy(0, window_T + past, x_TC)
    y = _Convolve.apply(row_LC[None], weight_Cw)[0].index_select(0, window_T)
    return y, row_LC.index_select(0, after).view(count, past, channels)


class _Convolve(torch.autograd.Function):
    """[S, n + L, C], [C, w] -> [S, L, C]. By hand: autograd would keep a copy of the inputs for every tap."""

    @staticmethod
    def forward(ctx: Any, row: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(row, weight)
        width, length = weight.shape[1], row.shape[1] - weight.shape[1] + 1
        taps = weight.T.contiguous()
        out = row[:, width - 1 :] * taps[width - 1]
        for j in range(width - 1):
            out.addcmul_(row[:, j : j + length], taps[j])
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (g_out,) = gradients
        row, weight = ctx.saved_tensors
        width, length = weight.shape[1], g_out.shape[1]
        taps = weight.T.contiguous()
        g_row = torch.zeros_like(row) if ctx.needs_input_grad[0] else None
        g_weight = torch.empty_like(weight) if ctx.needs_input_grad[1] else None
        for j in range(width):
            if g_row is not None:
                g_row[:, j : j + length].addcmul_(g_out, taps[j])
            if g_weight is not None:
                g_weight[:, j] = (g_out * row[:, j : j + length]).sum((0, 1))
        return g_row, g_weight
