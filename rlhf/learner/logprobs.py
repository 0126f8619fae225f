"""Log-probability and entropy of response tokens from hidden states, a chunk of tokens at a time.

Of the logits, in any dtype, only `chunk` rows exist at once; they are made again in the backward pass, for one
more matrix product of the head. The softmax is float32. All chunks are inside one call of the head's module, so
that ZeRO-3 gathers its weight once a pass, whatever the number of tokens on a rank.

With z = logits / temperature, p = softmax(z), H = entropy: d logp(y) / dz = 1[y] - p, dH / dz = -p (log p + H).

Axes: N tokens, D hidden size, V vocabulary, C rows of a chunk.
"""

from __future__ import annotations

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


CACHED_ELEMENTS = 6 * 2**20  # 24 MiB of float32


class ResponseHead(nn.Linear):
    """A model's `lm_head`: logits as before, or log-probabilities where targets are given."""

    @classmethod
    def adopt(cls, head: nn.Linear) -> ResponseHead:
        """The same parameters (and so the same tying) under the new class."""
        if type(head) is not nn.Linear:
            raise TypeError(f"the output layer is a {type(head).__name__}; only a plain nn.Linear can be learned with")
        new = cls(head.in_features, head.out_features, bias=head.bias is not None, device="meta")
        new.weight, new.bias = head.weight, head.bias
        return new

    def forward(
        self, hidden: Tensor, target_N: Tensor | None = None, temperature: float = 1.0, chunk: int = 1024
    ) -> Any:
        if target_N is None:
            return super().forward(hidden)
        return _ChunkedHead.apply(hidden, self.weight, self.bias, target_N, temperature, chunk)


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
        ctx.chunk = _rows(chunk, weight_VD)
        logp_N = hidden_ND.new_empty(n, dtype=_wide(hidden_ND))
        lse_N, entropy_N = torch.empty_like(logp_N), torch.empty_like(logp_N)
        h_ND, w_VD, b_V = _operands(hidden_ND, weight_VD, bias_V)
        for i in range(0, n, ctx.chunk):
            part = slice(i, i + ctx.chunk)
            z_CV = _logits(h_ND[part], w_VD, b_V, temperature)
            picked_C = z_CV.gather(1, target_N[part, None]).squeeze(1)
            top_C = z_CV.amax(1)
            e_CV = z_CV.sub_(top_C[:, None]).exp()
            sum_C = e_CV.sum(1)
            mean_C = e_CV.mul_(z_CV).sum(1) / sum_C
            log_sum_C = sum_C.log()
            lse_N[part] = top_C + log_sum_C
            logp_N[part] = picked_C - lse_N[part]
            entropy_N[part] = log_sum_C - mean_C
        ctx.save_for_backward(hidden_ND, weight_VD, bias_V, target_N, lse_N, entropy_N)
        ctx.temperature = temperature
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
        for i in range(0, hidden_ND.shape[0], ctx.chunk):
            part = slice(i, i + ctx.chunk)
            logp_CV = _logits(h_ND[part], w_VD, b_V, ctx.temperature).sub_(lse_N[part, None])
            g_CV = _grad_logits(
                logp_CV,
                target_N[part],
                entropy_N[part],
                None if g_logp_N is None else g_logp_N[part],
                None if g_entropy_N is None else g_entropy_N[part],
            )
            if grad_bias_V is not None:
                grad_bias_V += g_CV.sum(0)
            g_CV = g_CV.to(w_VD.dtype)
            grad_hidden_ND[part] = g_CV @ w_VD
            if w_VD.dtype == grad_weight_VD.dtype:
                grad_weight_VD.addmm_(g_CV.t(), h_ND[part])
            else:
                grad_weight_VD += g_CV.t() @ h_ND[part]
        bias_grad = None if grad_bias_V is None else grad_bias_V.to(weight_VD.dtype)
        return grad_hidden_ND, grad_weight_VD.to(weight_VD.dtype), bias_grad, None, None, None


def _wide(x: Tensor) -> torch.dtype:
    """float32, or float64 where the model itself is (tests)."""
    return torch.float64 if x.dtype is torch.float64 else torch.float32


def _rows(chunk: int, weight_VD: Tensor) -> int:
    """Rows of a chunk. On a CPU no more than CACHED_ELEMENTS: larger buffers are mapped anew each time, and the
    page faults cost more than the arithmetic (1024 rows of 49152: exp 113 ms at once, 17 in pieces of 128)."""
    if weight_VD.device.type != "cpu":
        return chunk
    return max(1, min(chunk, CACHED_ELEMENTS // weight_VD.shape[0]))


def _operands(hidden_ND: Tensor, weight_VD: Tensor, bias_V: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Widened on a CPU, where the float32 product is the faster one (see wide.py); else as they are."""
    if hidden_ND.device.type != "cpu":
        return hidden_ND, weight_VD, bias_V
    wide = _wide(hidden_ND)
    return hidden_ND.to(wide), weight_VD.to(wide), None if bias_V is None else bias_V.to(wide)


def _logits(hidden_CD: Tensor, weight_VD: Tensor, bias_V: Tensor | None, temperature: float) -> Tensor:
    z_CV = linear(hidden_CD, weight_VD, bias_V).to(_wide(hidden_CD))
    return z_CV if temperature == 1.0 else z_CV.div_(temperature)


def _grad_logits(
    logp_CV: Tensor, target_C: Tensor, entropy_C: Tensor, g_logp_C: Tensor | None, g_entropy_C: Tensor | None
) -> Tensor:
    """Gradient with respect to the logits; overwrites logp_CV where it can."""
    if g_entropy_C is None:
        if g_logp_C is None:
            return torch.zeros_like(logp_CV)
        out_CV = logp_CV.exp_().mul_(-g_logp_C[:, None])
    else:
        p_CV = logp_CV.exp()
        out_CV = logp_CV.add_(entropy_C[:, None]).mul_(-g_entropy_C[:, None])
        if g_logp_C is not None:
            out_CV.sub_(g_logp_C[:, None])
        out_CV.mul_(p_CV)
    if g_logp_C is not None:
        out_CV.scatter_add_(1, target_C[:, None], g_logp_C[:, None].to(out_CV.dtype))
    return out_CV
