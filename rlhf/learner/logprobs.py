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

    def forward(  # type: ignore[override]
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
        logp_N = hidden_ND.new_empty(n, dtype=_wide(hidden_ND))
        lse_N, entropy_N = torch.empty_like(logp_N), torch.empty_like(logp_N)
        for i in range(0, n, chunk):
            part = slice(i, i + chunk)
            z_CV = _logits(hidden_ND[part], weight_VD, bias_V, temperature)
            picked_C = z_CV.gather(1, target_N[part, None]).squeeze(1)
            top_C = z_CV.amax(1)
            z_CV.sub_(top_C[:, None])
            e_CV = z_CV.exp()
            sum_C = e_CV.sum(1)
            mean_C = torch.bmm(e_CV[:, None, :], z_CV[:, :, None]).view(-1) / sum_C
            log_sum_C = sum_C.log()
            lse_N[part] = top_C + log_sum_C
            logp_N[part] = picked_C - lse_N[part]
            entropy_N[part] = log_sum_C - mean_C
        ctx.save_for_backward(hidden_ND, weight_VD, bias_V, target_N, lse_N, entropy_N)
        ctx.temperature, ctx.chunk = temperature, chunk
        ctx.set_materialize_grads(False)
        return logp_N, entropy_N

    @staticmethod
    def backward(ctx: Any, grad_logp_N: Tensor | None, grad_entropy_N: Tensor | None) -> tuple[Tensor | None, ...]:  # type: ignore[override]
        hidden_ND, weight_VD, bias_V, target_N, lse_N, entropy_N = ctx.saved_tensors
        wide = lse_N.dtype
        grad_hidden_ND = torch.empty_like(hidden_ND)
        # Chunks add up in float32 even where weights are bfloat16.
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=wide)
        grad_bias_V = None if bias_V is None else torch.zeros_like(bias_V, dtype=wide)
        for i in range(0, hidden_ND.shape[0], ctx.chunk):
            part = slice(i, i + ctx.chunk)
            z_CV = _logits(hidden_ND[part], weight_VD, bias_V, ctx.temperature)
            g_CV = _grad_logits(
                z_CV.sub_(lse_N[part, None]),
                target_N[part],
                entropy_N[part],
                None if grad_logp_N is None else grad_logp_N[part] / ctx.temperature,
                None if grad_entropy_N is None else grad_entropy_N[part] / ctx.temperature,
            )
            if grad_bias_V is not None:
                grad_bias_V += g_CV.sum(0)
            g_CV = g_CV.to(weight_VD.dtype)
            grad_hidden_ND[part] = g_CV @ weight_VD
            grad_weight_VD += g_CV.t() @ hidden_ND[part]
        bias_grad = None if grad_bias_V is None else grad_bias_V.to(weight_VD.dtype)
        return grad_hidden_ND, grad_weight_VD.to(weight_VD.dtype), bias_grad, None, None, None


def _wide(x: Tensor) -> torch.dtype:
    """float32, or float64 where the model itself is (tests)."""
    return torch.float64 if x.dtype is torch.float64 else torch.float32


def _logits(hidden_CD: Tensor, weight_VD: Tensor, bias_V: Tensor | None, temperature: float) -> Tensor:
    """Made in the model's dtype, as the engine makes them, then widened."""
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
