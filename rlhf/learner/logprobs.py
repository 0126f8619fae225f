"""Log-probability and entropy of response tokens from hidden states, a chunk of tokens at a time.

Of the logits, in any dtype, only `chunk` rows exist at once; they are made again in the backward pass, for one
more matrix product of the head. The softmax is float32. All chunks are inside one call of the head's module, so
that ZeRO-3 gathers its weight once a pass, whatever the number of tokens on a rank.

With z = logits / temperature, p = softmax(z), H = entropy: d logp(y) / dz = 1[y] - p, dH / dz = -p (log p + H).

Axes: N tokens, D hidden size, V vocabulary, C rows of a chunk.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import linear


def response_logp_and_entropy(
    hidden_ND: Tensor,
    lm_head: nn.Module,
    target_N: Tensor,
    temperature: float = 1.0,
    chunk: int = 1024,
    entropy_gradient: bool = False,
) -> tuple[Tensor, Tensor]:
    """(logp_N, entropy_N) in float32, nats; the entropy carries a gradient only where asked for."""
    logp_N, entropy_N = lm_head(hidden_ND, target_N, temperature, chunk)
    return logp_N, entropy_N if entropy_gradient else entropy_N.detach()


CACHED_ELEMENTS = 2**20  # 4 MiB of float32


class ResponseHead(nn.Linear):
    """A model's `lm_head`: logits as before, or log-probabilities where targets are given."""

    scale = 1.0

    @classmethod
    def adopt(cls, head: nn.Linear, scale: float = 1.0) -> ResponseHead:
        """The same parameters (and so the same tying) under the new class. scale: of logits over the layer's result."""
        if type(head) is not nn.Linear:
            raise TypeError(f"the output layer is a {type(head).__name__}; only a plain nn.Linear can be learned with")
        new = cls(head.in_features, head.out_features, bias=head.bias is not None, device="meta")
        new.weight, new.bias, new.scale = head.weight, head.bias, scale
        return new

    def forward(
        self, hidden: Tensor, target_N: Tensor | None = None, temperature: float = 1.0, chunk: int = 1024
    ) -> Any:
        if target_N is None:
            return super().forward(hidden)
        return _ChunkedHead.apply(hidden, self.weight, self.bias, target_N, temperature / self.scale, chunk)


class _ChunkedHead(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        target_N: Tensor,
        temperature: float,
        chunk: int,
    ) -> tuple[Tensor, Tensor]:
        n = hidden_ND.shape[0]
        logp_N = hidden_ND.new_empty(n, dtype=_wide(hidden_ND))
        lse_N, entropy_N = torch.empty_like(logp_N), torch.empty_like(logp_N)
        h_ND, w_VD, b_V = _operands(hidden_ND, weight_VD, bias_V)
        buffer_CV = _buffer(min(n, chunk), w_VD)
        for start in range(0, n, chunk):
            z_CV = _logits(h_ND[start : start + chunk], w_VD, b_V, temperature, buffer_CV)
            for part, z_RV in _pieces(z_CV, start):
                logp_N[part], lse_N[part], entropy_N[part] = _statistics(z_RV, target_N[part])
        ctx.save_for_backward(hidden_ND, weight_VD, bias_V, target_N, lse_N, entropy_N)
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.set_materialize_grads(False)
        return logp_N, entropy_N

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        hidden_ND, weight_VD, bias_V, target_N, lse_N, entropy_N = ctx.saved_tensors
        g_logp_N, g_entropy_N = (None if g is None else g / ctx.temperature for g in gradients)
        h_ND, w_VD, b_V = _operands(hidden_ND, weight_VD, bias_V)
        grad_hidden_ND = torch.empty_like(hidden_ND)
        # Chunks add up in float32 even where weights are bfloat16.
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=lse_N.dtype)
        grad_bias_V = None if bias_V is None else torch.zeros_like(bias_V, dtype=lse_N.dtype)
        buffer_CV = _buffer(min(len(hidden_ND), ctx.chunk), w_VD)
        for start in range(0, hidden_ND.shape[0], ctx.chunk):
            chunk = slice(start, start + ctx.chunk)
            g_CV = _logits(h_ND[chunk], w_VD, b_V, ctx.temperature, buffer_CV)
            for part, z_RV in _pieces(g_CV, start):
                _to_gradient(
                    z_RV.sub_(lse_N[part, None]),
                    target_N[part],
                    entropy_N[part],
                    None if g_logp_N is None else g_logp_N[part],
                    None if g_entropy_N is None else g_entropy_N[part],
                )
            if grad_bias_V is not None:
                grad_bias_V += g_CV.sum(0)
            g_CV = g_CV.to(w_VD.dtype)
            grad_hidden_ND[chunk] = g_CV @ w_VD
            if w_VD.dtype == grad_weight_VD.dtype:
                grad_weight_VD.addmm_(g_CV.t(), h_ND[chunk])
            else:
                grad_weight_VD += g_CV.t() @ h_ND[chunk]
        bias_grad = None if grad_bias_V is None else grad_bias_V.to(weight_VD.dtype)
        return grad_hidden_ND, grad_weight_VD.to(weight_VD.dtype), bias_grad, None, None, None


def _wide(x: Tensor) -> torch.dtype:
    """float32, or float64 where the model itself is (tests)."""
    return torch.float64 if x.dtype is torch.float64 else torch.float32


def _buffer(rows: int, weight_VD: Tensor) -> Tensor | None:
    """On a CPU, room for the logits of a chunk, used for every chunk: fresh memory of this size is mapped anew each
    time, and the page faults cost more than the arithmetic."""
    return None if weight_VD.device.type != "cpu" else weight_VD.new_empty(rows, weight_VD.shape[0])


def _pieces(z_CV: Tensor, start: int) -> Iterator[tuple[slice, Tensor]]:
    """(their places among the N tokens, rows) of a chunk: on a CPU as many as the cache holds, for the passes over
    them, while the product wants many rows (128 of 49152: 208 GFLOP/s, 1024: 297); else all at once."""
    rows = len(z_CV) if z_CV.device.type != "cpu" else max(1, CACHED_ELEMENTS // z_CV.shape[1])
    for i in range(0, len(z_CV), rows):
        yield slice(start + i, start + min(i + rows, len(z_CV))), z_CV[i : i + rows]


def _operands(hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Widened on a CPU, where the float32 product is the faster one (see wide.py); else as they are."""
    if hidden_ND.device.type != "cpu":
        return hidden_ND, weight_VD, bias_V
    wide = _wide(hidden_ND)
    return hidden_ND.to(wide), weight_VD.to(wide), None if bias_V is None else bias_V.to(wide)


def _logits(
    hidden_CD: Tensor, weight_VD: Tensor, bias_V: Tensor | None, temperature: float, buffer_CV: Tensor | None
) -> Tensor:
    """In the buffer where there is one, else in new memory; float32 or wider."""
    if buffer_CV is None:
        z_CV = linear(hidden_CD, weight_VD, bias_V).to(_wide(hidden_CD))
    else:
        z_CV = torch.mm(hidden_CD, weight_VD.t(), out=buffer_CV[: len(hidden_CD)])
        if bias_V is not None:
            z_CV.add_(bias_V)
    return z_CV if temperature == 1.0 else z_CV.div_(temperature)


def _statistics(z_RV: Tensor, target_R: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Log-probability of the targets, log-sum-exp and entropy; overwrites the logits."""
    picked_R = z_RV.gather(1, target_R[:, None]).squeeze(1)
    top_R = z_RV.amax(1)
    e_RV = z_RV.sub_(top_R[:, None]).exp()
    sum_R = e_RV.sum(1)
    mean_R = e_RV.mul_(z_RV).sum(1) / sum_R
    log_sum_R = sum_R.log()
    lse_R = top_R + log_sum_R
    return picked_R - lse_R, lse_R, log_sum_R - mean_R


def _to_gradient(
    logp_RV: Tensor, target_R: Tensor, entropy_R: Tensor, g_logp_R: Tensor | None, g_entropy_R: Tensor | None
) -> None:
    """Overwrite log-probabilities of the whole vocabulary by the gradient with respect to the logits."""
    if g_entropy_R is None:
        if g_logp_R is None:
            logp_RV.zero_()
            return
        logp_RV.exp_().mul_(-g_logp_R[:, None])
    else:
        p_RV = logp_RV.exp()
        logp_RV.add_(entropy_R[:, None]).mul_(-g_entropy_R[:, None])
        if g_logp_R is not None:
            logp_RV.sub_(g_logp_R[:, None])
        logp_RV.mul_(p_RV)
    if g_logp_R is not None:
        logp_RV.scatter_add_(1, target_R[:, None], g_logp_R[:, None].to(logp_RV.dtype))
