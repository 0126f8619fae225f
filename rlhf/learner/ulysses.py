"""Ranks that share sequences, as DeepSpeed Ulysses does it (arXiv 2309.14509).

Between attention layers a rank of a group has some of the tokens, with all heads; inside them it has some of the heads,
with all tokens. One all-to-all leads from the one to the other, and its own transpose leads back, which is also how
gradients go. What is needed of other ranks besides is written as the same exchange.

Axes: P ranks of a group, L tokens of a rank, A = P * L tokens of the group, H heads, X anything.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from rlhf.attention.contract import HeadShape
from rlhf.learner.engine import TIMEOUT
from rlhf.models.hybrid.layers import mixers_of
from rlhf.models.load import LoadedPolicy

_TOKENS, _HEADS = 1, 2  # axes of [1, tokens, heads, X], which DeepSpeed's exchange takes


class SequenceParallel:
    """This rank's group. Made by every rank of the world at once, once they have met."""

    def __init__(self, rank: int, world_size: int, size: int) -> None:
        firsts = range(0, world_size, size)
        groups = [dist.new_group(list(range(first, first + size)), timeout=TIMEOUT) for first in firsts]
        self.group = groups[rank // size]
        self.rank, self.size = rank % size, size

    def to_heads(self, x_HLX: Tensor) -> Tensor:
        """[H, L, X] of this rank's tokens -> [H / P, A, X] of this rank's heads."""
        return self._exchange(x_HLX, _HEADS, _TOKENS)

    def to_tokens(self, x_HAX: Tensor) -> Tensor:
        """[H / P, A, X] of this rank's heads -> [H, L, X] of this rank's tokens."""
        return self._exchange(x_HAX, _TOKENS, _HEADS)

    def gathered(self, x_LX: Tensor) -> Tensor:
        """[L, X] of each rank -> [A, X] on every rank: heads that are all alike."""
        return self.to_heads(x_LX.expand(self.size, -1, -1)).squeeze(0)

    def mean(self, x_AX: Tensor) -> Tensor:
        """[A, X] on each rank -> [L, X], the mean over ranks of this rank's tokens: each gives one of P heads."""
        return self.to_tokens(x_AX[None]).mean(0)

    def joined(self, values_M: Tensor, place_M: Tensor, count: int) -> Tensor:
        """[count] on every rank, of which this one gives those at `place_M`.

        To the gradient it is the values alone: every rank must go on to compute the same from the result.
        """
        joined_N: Tensor = _Join.apply(values_M, place_M, count, self.group)
        return joined_N

    def own_heads(self, x: Tensor, axis: int) -> Tensor:
        """Of a tensor that every rank holds whole."""
        own = self._share(x.shape[axis])
        return x.narrow(axis, self.rank * own, own)

    def placed(self, statistic: Tensor, shape: tuple[int, ...]) -> Tensor:
        """What adds up over ranks to a statistic of `shape`. Of this rank's heads: zeros where the others' stand. Of
        no heads: every rank of the group found the same, and the first one gives it."""
        if tuple(statistic.shape) == shape:
            return statistic if self.rank == 0 else torch.zeros_like(statistic)
        (axis,) = (i for i, size in enumerate(shape) if statistic.shape[i] != size)
        whole = statistic.new_zeros(shape)
        self.own_heads(whole, axis).copy_(statistic)
        return whole

    def _exchange(self, x: Tensor, scatter: int, gather: int) -> Tensor:
        from deepspeed.sequence.layer import _SeqAllToAll  # after the process group was joined (see engine.py)

        if scatter == _HEADS:
            self._share(x.shape[0])
        exchanged: Tensor = _SeqAllToAll.apply(self.group, x.transpose(0, 1)[None], scatter, gather, 0)
        return exchanged[0].transpose(0, 1)

    def _share(self, heads: int) -> int:
        if heads % self.size:
            raise ValueError(f"{heads} heads cannot be dealt out evenly to {self.size} ranks")
        return heads // self.size


class _Join(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, values_M: Tensor, place_M: Tensor, count: int, group: Any) -> Tensor:
        ctx.save_for_backward(place_M)
        joined_N = values_M.new_zeros(count).index_copy_(0, place_M, values_M)
        dist.all_reduce(joined_N, group=group)
        return joined_N

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (place_M,) = ctx.saved_tensors
        return gradients[0].index_select(0, place_M), None, None, None


def check_shareable(policy: LoadedPolicy, ranks: int, size: int) -> None:
    """ValueError where groups of `size` of the `ranks` cannot share the sequences of this policy."""
    asked = f"learner.sequence_parallel: {size}"
    if ranks % size:
        raise ValueError(f"{asked} does not divide the {ranks} ranks of the learner")
    if policy.layout == "padded":
        why = "; ".join(policy.notices) or "policy.packing is padded"
        raise ValueError(f"{asked} needs packed sequences ({why}); write learner.sequence_parallel: 1")
    for name, shape in _head_shapes(policy.model):
        if shape.heads % size or shape.kv_heads % size:
            raise ValueError(
                f"{asked} does not divide the {shape.heads} heads and {shape.kv_heads} key-value heads of {name}"
            )
    for layer, mixer in mixers_of(policy.model).items():
        if mixer.own_state_shapes() and not mixer.lookback:
            name = f"attention {mixer.KERNEL.name} (layer {layer})"
            raise ValueError(f"{asked}: {name} does not say how far back it looks (Mixer.lookback)")


def _head_shapes(model: Any) -> Iterator[tuple[str, HeadShape]]:
    config, mixers = model.config, mixers_of(model)
    heads, size = config.num_attention_heads, getattr(config, "head_dim", None) or 1
    if len(mixers) < config.num_hidden_layers:
        yield "softmax attention", HeadShape(heads, config.num_key_value_heads or heads, size, size)
    for layer, mixer in mixers.items():
        yield f"attention {mixer.KERNEL.name} (layer {layer})", mixer.kernel_shape()
