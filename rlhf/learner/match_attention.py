"""Mixers that learn to give what a softmax layer gives, each layer by itself, on the teacher's hidden states.

The error of a layer is the squared distance of the outputs, a mean over channels, divided by the mean square of the
teacher's output in that layer: 1 is as good as giving zeros. The loss is its mean over tokens and layers. (First stage
of LoLCATs, arXiv 2410.10254, and of MOHAWK, arXiv 2408.10189, which match attention outputs likewise.)

Axes: T packed tokens, D hidden size, L layers that are matched.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from rlhf.learner.layout import MicroBatch
from rlhf.learner.policy import PolicyModule
from rlhf.learner.teacher import Seen
from rlhf.models.hybrid.layers import mixers_of


class AttentionMatch(nn.Module):
    """Holds the student's mixers alone, so that an engine around it learns nothing else. policy: the whole student."""

    def __init__(self, lm: Any, logit_chunk: int, recompute: bool) -> None:
        super().__init__()
        self._whole = (PolicyModule(lm, logit_chunk),)  # in a tuple, where its parameters are not registered
        self.mixers = nn.ModuleDict({str(layer): mixer for layer, mixer in mixers_of(lm).items()})
        self._recompute = recompute

    @property
    def policy(self) -> PolicyModule:
        return self._whole[0]

    @property
    def layers(self) -> tuple[int, ...]:
        return tuple(int(layer) for layer in self.mixers)

    def forward(self, micro: MicroBatch, seen: Mapping[int, Seen]) -> Tensor:
        """[L]: of every layer, the sum over tokens of the mean squared distance, weighted by `micro.weight_S`."""
        given = next(iter(seen.values())).hidden
        # The student's own positions: a recipe may stretch them.
        rope = self.policy.lm.base_model.rotary_emb(given, micro.inputs["position_ids"])
        errors = []
        for layer, mixer in self.mixers.items():
            out = self._mixed(mixer, seen[int(layer)].hidden, rope, micro.inputs["packed_plan"])
            apart_T = (out.float() - seen[int(layer)].output.float()).square().mean(-1).view(-1)
            errors.append((apart_T * micro.weight_S).sum())
        return torch.stack(errors)

    def _mixed(self, mixer: nn.Module, hidden: Tensor, rope: tuple[Tensor, Tensor], plan: Any) -> Tensor:
        def run(hidden: Tensor) -> Tensor:
            return mixer(hidden, position_embeddings=rope, attention_mask=None, packed_plan=plan)[0]

        if self._recompute and torch.is_grad_enabled():
            return checkpoint(run, hidden, use_reentrant=False)
        return run(hidden)


def output_squares(micro: MicroBatch, seen: Mapping[int, Seen], layers: tuple[int, ...]) -> Tensor:
    """[L]: sums over tokens of the mean square of the teacher's outputs, weighted as the errors are."""
    return torch.stack([(seen[i].output.float().square().mean(-1).view(-1) * micro.weight_S).sum() for i in layers])
