"""A packed axis of which every rank of a group has a shard of equal length, and how attention is run over all of it.

The axis is filled up at its end to a multiple of the ranks. No attention sees what it is filled with: that is cut off
once heads have been exchanged for tokens, and comes back as zeros.

Axes: T packed tokens, L of them a rank (filling included), A = P * L; H, G heads, d, e, D, X sizes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from rlhf.attention.contract import Aux, Extras, map_tensors
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.levels import Level
from rlhf.attention.mixers.base import Mixer, Projected, Rope
from rlhf.learner.ulysses import SequenceParallel


@dataclass(frozen=True, slots=True)
class ShardedAxis:
    """tokens: T. length: L."""

    parallel: SequenceParallel
    tokens: int
    length: int

    @property
    def start(self) -> int:
        """This rank's first token."""
        return self.parallel.rank * self.length

    def cut(self, x_XT: Tensor, value: float = 0) -> Tensor:
        """[..., T] that every rank holds whole -> [..., L], filled up with `value`."""
        return self._filled(x_XT, value).narrow(-1, self.start, self.length)

    def to_heads(self, x_HLd: Tensor) -> Tensor:
        """[H, L, d] -> [H / P, T, d]."""
        return self.parallel.to_heads(x_HLd)[:, : self.tokens]

    def to_tokens(self, x_HTe: Tensor) -> Tensor:
        """[H / P, T, e] -> [H, L, e]."""
        return self.parallel.to_tokens(self._filled(x_HTe.transpose(1, 2)).transpose(1, 2))

    def mean(self, x_T: Tensor) -> Tensor:
        """[T] of each rank's heads -> [L], of all heads and this rank's tokens."""
        return self.parallel.mean(self._filled(x_T)[:, None]).squeeze(1)

    def mix(
        self, mixer: Mixer, hidden_LD: Tensor, rope: Rope, levels: Sequence[Level]
    ) -> tuple[Tensor, tuple[tuple[Level, Aux], ...]]:
        """What `rlhf.attention.levels.mix_levels` does, for this rank's tokens; aux is of its heads and all tokens."""
        (level,) = levels
        made = self._projected(mixer, hidden_LD, rope, level.cu_seqlens)
        out_HTe, _, aux = mixer.run(mixer.kernel, made, None, level.cu_seqlens, "chunk")
        return mixer.finish(self.to_tokens(out_HTe), hidden_LD), ((level, aux),)

    def _projected(self, mixer: Mixer, hidden_LD: Tensor, rope: Rope, cu_seqlens: CuSeqlens) -> Projected:
        """The kernel's arguments, of this rank's heads and all tokens."""
        reach = mixer.lookback
        before = min(reach, self.start)
        if reach:
            hidden_LD, rope = self._with_before(hidden_LD, reach), tuple(self._with_before(x, reach) for x in rope)
        made = mixer.project(hidden_LD, rope, None, self.pieces(cu_seqlens, before))

        def spread(x: Tensor, axes: str) -> Tensor:
            own = x.narrow(axes.index("T"), before, self.length) if before and "T" in axes else x
            return self._spread(own, axes)

        extras: Extras = map_tensors(made.extras, spread)
        return Projected(spread(made.q_HTd, "HTd"), spread(made.k_GTd, "GTd"), spread(made.v_GTe, "GTe"), extras)

    def pieces(self, cu_seqlens: CuSeqlens, before: int) -> CuSeqlens:
        """The parts of sequences among this rank's tokens and the `before` ones that precede them."""
        first, end = self.start - before, self.start + self.length
        borders = (offset - first for offset in cu_seqlens.offsets if first < offset < end)
        return CuSeqlens([0, *borders, end - first])

    def _with_before(self, x_LX: Tensor, reach: int) -> Tensor:
        """Before the rank's rows, the last `reach` rows of the rank before it; the first rank has none before it."""
        ends_PX = self.parallel.gathered(x_LX[-reach:])
        end = self.parallel.rank * reach
        return torch.cat([ends_PX[max(end - reach, 0) : end], x_LX])

    def _spread(self, x: Tensor, axes: str) -> Tensor:
        """An argument of a kernel: all tokens where it has tokens, this rank's heads where it has heads."""
        tokens, heads = axes.find("T"), max(axes.find("H"), axes.find("G"))
        if tokens < 0:
            return x if heads < 0 else self.parallel.own_heads(x, heads)
        if heads < 0:
            x_LX = x.movedim(tokens, 0)
            x_TX = self.parallel.gathered(x_LX.flatten(1) if x.ndim > 1 else x_LX[:, None])[: self.tokens]
            return x_TX.reshape(-1, *x_LX.shape[1:]).movedim(0, tokens)
        x_HLX = x.movedim((heads, tokens), (0, 1))
        x_HTX = self.to_heads(x_HLX.flatten(2) if x.ndim > 2 else x_HLX[:, :, None])
        return x_HTX.reshape(-1, self.tokens, *x_HLX.shape[2:]).movedim((0, 1), (heads, tokens))

    def _filled(self, x_XT: Tensor, value: float = 0) -> Tensor:
        """[..., T] -> [..., A]."""
        missing = self.parallel.size * self.length - self.tokens
        return pad(x_XT, (0, missing), value=value) if missing else x_XT


def sharded(parallel: SequenceParallel, tokens: int, reach: int) -> ShardedAxis:
    """reach: tokens that a layer wants of the rank before, all of which that one must have."""
    return ShardedAxis(parallel, tokens, max(-(-tokens // parallel.size), reach, 1))
