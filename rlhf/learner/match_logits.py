"""KL(teacher || student) of the next token from hidden states, a chunk of tokens at a time; see logprobs.py.

With p = softmax(teacher's logits), s = softmax(z), z the student's: KL = sum_v p_v (log p_v - log s_v) and
dKL / dz = s - p. The loss is a weighted sum over tokens, so its gradient is known in the forward pass already and made
there: the logits exist once, and never those of more than a chunk.

Axes: N tokens, D hidden size (the teacher's may be another), V vocabulary, C rows of a chunk, R rows of a piece.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from rlhf.learner.layout import MicroBatch
from rlhf.learner.logprobs import ResponseHead, _buffer, _logits, _operands, _pieces, _wide
from rlhf.learner.policy import PolicyModule


@dataclass(frozen=True, slots=True)
class Taught:
    """What the teacher knows of N tokens: its hidden states before each and its output layer; weight_N: of each token
    in the loss."""

    hidden_ND: Tensor
    head: ResponseHead
    weight_N: Tensor


Divergence = tuple[Tensor, Tensor, Tensor, Tensor]
"""The loss, a sum of weight * KL with gradient; and three of [N], nats, without: KL, and the log-probability of the
tokens that stand there, student's and teacher's."""


class DivergenceHead(ResponseHead):
    """A model's output layer: as ResponseHead, or the divergence from a teacher where one is given."""

    @classmethod
    def instead_of(cls, head: ResponseHead) -> DivergenceHead:
        new = cls(head.in_features, head.out_features, bias=head.bias is not None, device="meta")
        new.weight, new.bias, new.scale = head.weight, head.bias, head.scale
        return new

    def forward(
        self,
        hidden: Tensor,
        target_N: Tensor | None = None,
        temperature: float = 1.0,
        chunk: int = 1024,
        taught: Taught | None = None,
    ) -> Any:
        if taught is None or target_N is None:
            return super().forward(hidden, target_N, temperature, chunk)
        learned = torch.is_grad_enabled()
        own = (hidden, self.weight, self.bias, self.scale)
        teacher = (taught.hidden_ND, taught.head.weight, taught.head.bias, taught.head.scale)
        return _ChunkedDivergence.apply(*own, *teacher, taught.weight_N, target_N, chunk, learned)


class LogitMatch(PolicyModule):
    """The student, as a policy or against a teacher."""

    def __init__(self, lm: Any, logit_chunk: int) -> None:
        super().__init__(lm, logit_chunk)
        lm.set_output_embeddings(DivergenceHead.instead_of(lm.get_output_embeddings()))

    def forward(
        self,
        micro: MicroBatch,
        temperature: float = 1.0,
        entropy_gradient: bool = False,
        head: bool = True,
        taught: Taught | None = None,
    ) -> Any:
        if taught is None:
            return super().forward(micro, temperature, entropy_gradient, head)
        states = self.lm.base_model(**micro.inputs, use_cache=False).last_hidden_state
        hidden_ND = states.reshape(-1, states.shape[-1]).index_select(0, micro.predictor_N)
        return self.lm.get_output_embeddings()(hidden_ND, micro.target_N, chunk=self.logit_chunk, taught=taught)


class _ChunkedDivergence(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden_ND: Tensor,
        weight_VD: Tensor,
        bias_V: Tensor | None,
        scale: float,
        teacher_ND: Tensor,
        teacher_VD: Tensor,
        teacher_V: Tensor | None,
        teacher_scale: float,
        weight_N: Tensor,
        target_N: Tensor,
        chunk: int,
        learned: bool,
    ) -> Divergence:
        n, wide = hidden_ND.shape[0], _wide(hidden_ND)
        kl_N = hidden_ND.new_empty(n, dtype=wide)
        logp_N, teacher_logp_N = torch.empty_like(kl_N), torch.empty_like(kl_N)
        h_ND, w_VD, b_V = _operands(hidden_ND, weight_VD, bias_V)
        th_ND, tw_VD, tb_V = _operands(teacher_ND, teacher_VD, teacher_V)
        rows = min(n, chunk)
        buffer_CV, teacher_buffer_CV = _buffer(rows, w_VD), _buffer(rows, tw_VD)
        grad_hidden_ND = torch.empty_like(hidden_ND) if learned and ctx.needs_input_grad[0] else None
        grad_weight_VD = torch.zeros_like(weight_VD, dtype=wide) if learned and ctx.needs_input_grad[1] else None
        grad_bias_V = torch.zeros_like(bias_V, dtype=wide) if learned and ctx.needs_input_grad[2] else None
        for start in range(0, n, chunk):
            span = slice(start, start + chunk)
            z_CV = _logits(h_ND[span], w_VD, b_V, 1.0 / scale, buffer_CV)
            p_CV = _logits(th_ND[span], tw_VD, tb_V, 1.0 / teacher_scale, teacher_buffer_CV)
            for (part, z_RV), (_, p_RV) in zip(_pieces(z_CV, start), _pieces(p_CV, start), strict=True):
                kl_N[part], logp_N[part], teacher_logp_N[part] = _divergence(z_RV, p_RV, target_N[part])
                z_RV.mul_(scale * weight_N[part, None])
            if grad_bias_V is not None:
                grad_bias_V += z_CV.sum(0)
            g_CV = z_CV.to(w_VD.dtype)
            if grad_hidden_ND is not None:
                grad_hidden_ND[span] = g_CV @ w_VD
            if grad_weight_VD is not None and w_VD.dtype == wide:
                grad_weight_VD.addmm_(g_CV.t(), h_ND[span])
            elif grad_weight_VD is not None:
                grad_weight_VD += g_CV.t() @ h_ND[span]
        ctx.save_for_backward(grad_hidden_ND, grad_weight_VD, grad_bias_V)
        ctx.dtypes = (hidden_ND.dtype, weight_VD.dtype, None if bias_V is None else bias_V.dtype)
        ctx.mark_non_differentiable(kl_N, logp_N, teacher_logp_N)
        return (kl_N * weight_N).sum(), kl_N, logp_N, teacher_logp_N

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        own = [
            None if grad is None else (grad * gradients[0]).to(dtype)
            for grad, dtype in zip(ctx.saved_tensors, ctx.dtypes, strict=True)
        ]
        return (*own, *(None,) * 9)


def _divergence(z_RV: Tensor, teacher_RV: Tensor, target_R: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """KL and the targets' log-probabilities, student's and teacher's; overwrites the student's logits by s - p."""
    picked = target_R[:, None]
    log_s_RV, log_p_RV = torch.log_softmax(z_RV, 1), torch.log_softmax(teacher_RV, 1)
    logp_R, teacher_logp_R = log_s_RV.gather(1, picked).squeeze(1), log_p_RV.gather(1, picked).squeeze(1)
    p_RV = log_p_RV.exp()
    kl_R = log_p_RV.sub_(log_s_RV).mul_(p_RV).sum(1)
    torch.sub(log_s_RV.exp_(), p_RV, out=z_RV)
    return kl_R, logp_R, teacher_logp_R
