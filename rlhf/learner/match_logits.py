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
from torch import Tensor, nn

from rlhf.learner.layout import MicroBatch
from rlhf.learner.logprobs import ResponseHead, _buffer, _logits, _operands, _pieces, _wide
from rlhf.learner.policy import PolicyModule


@dataclass(frozen=True, slots=True)
class Taught:
    """What the teacher knows of N tokens: its hidden states before each and its output layer; weight_N: of each token
    in the loss."""

    hidden_ND: Tensor
    head: nn.Linear
    weight_N: Tensor


@dataclass(frozen=True, slots=True)
class Divergence:
    """loss: sum of weight * KL, with gradient. The others [N], nats, without: KL, and the log-probability of the tokens
    that stand there, student's and teacher's."""

    loss: Tensor
    kl_N: Tensor
    logp_N: Tensor
    teacher_logp_N: Tensor


class DivergenceHead(ResponseHead):
    """A model's output layer: as ResponseHead, or the divergence from a teacher where one is given."""

    @classmethod
    def instead_of(cls, head: ResponseHead) -> DivergenceHead:
        new = cls(head.in_features, head.out_features, bias=head.bias is not None, device="meta")
        new.weight, new.bias = head.weight, head.bias
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
        teacher = (taught.hidden_ND, taught.head.weight, taught.head.bias)
        return Divergence(
            *_ChunkedDivergence.apply(
                hidden, self.weight, self.bias, *teacher, taught.weight_N, target_N, chunk, learned
            )
        )


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
        teacher_ND: Tensor,
        teacher_VD: Tensor,
        teacher_V: Tensor | None,
        weight_N: Tensor,
        target_N: Tensor,
        chunk: int,
        learned: bool,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
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
            z_CV = _logits(h_ND[span], w_VD, b_V, 1.0, buffer_CV)
            p_CV = _logits(th_ND[span], tw_VD, tb_V, 1.0, teacher_buffer_CV)
            for (part, z_RV), (_, p_RV) in zip(_pieces(z_CV, start), _pieces(p_CV, start), strict=True):
                kl_N[part], logp_N[part], teacher_logp_N[part] = _divergence(z_RV, p_RV, target_N[part])
                z_RV.mul_(weight_N[part, None])
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
        return (*own, *(None,) * 7)


def _divergence(z_RV: Tensor, teacher_RV: Tensor, target_R: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """KL and the targets' log-probabilities, student's and teacher's; overwrites z by s - p, the teacher's by scratch."""
    picked = target_R[:, None]
    z_RV.sub_(z_RV.logsumexp(1, keepdim=True))
    teacher_RV.sub_(teacher_RV.logsumexp(1, keepdim=True))
    logp_R, teacher_logp_R = z_RV.gather(1, picked).squeeze(1), teacher_RV.gather(1, picked).squeeze(1)
    p_RV = teacher_RV.exp()
    kl_R = torch.einsum("rv,rv->r", p_RV, teacher_RV.sub_(z_RV))
    z_RV.exp_().sub_(p_RV)
    return kl_R, logp_R, teacher_logp_R
