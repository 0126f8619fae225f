"""The policy as the engine runs it: hidden states of a micro-batch, and from them what the loss needs."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from rlhf.learner.layout import MicroBatch
from rlhf.learner.logprobs import ResponseHead, response_logp_and_entropy
from rlhf.learner.wide import widen
from rlhf.models.load import logit_scale


class PolicyModule(nn.Module):
    """`lm` is the Hugging Face model, whose output layer is replaced by a ResponseHead of the same weights."""

    def __init__(self, lm: Any, logit_chunk: int) -> None:
        super().__init__()
        lm.set_output_embeddings(ResponseHead.adopt(lm.get_output_embeddings(), logit_scale(lm)))
        widen(lm, str(lm.device))
        self.lm = lm
        self.logit_chunk = logit_chunk

    def forward(
        self, micro: MicroBatch, temperature: float, entropy_gradient: bool = False, head: bool = True
    ) -> tuple[Tensor, Tensor]:
        """(logp_N, entropy_N) of the response tokens; without the head (a pass that counts experts) two empty ones."""
        states = self.lm.base_model(**micro.inputs, use_cache=False).last_hidden_state
        if not head:
            return torch.empty(0), torch.empty(0)
        hidden_MD, target_M = micro.predicting(states)
        logp_M, entropy_M = response_logp_and_entropy(
            hidden_MD, self.lm.get_output_embeddings(), target_M, temperature, self.logit_chunk, entropy_gradient
        )
        return micro.whole(logp_M), micro.whole(entropy_M)
