"""Transformer-VQ in a layer: the projections of a softmax layer, and a codebook that follows the keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlhf.attention.contract import Kernel
from rlhf.attention.kernels.vq.chunk import chunk
from rlhf.attention.kernels.vq.ema import CodebookEma, in_two
from rlhf.attention.kernels.vq.extras import VqExtras, state_shapes
from rlhf.attention.kernels.vq.naive import naive
from rlhf.attention.kernels.vq.start import codebook_from_keys
from rlhf.attention.kernels.vq.step import step
from rlhf.attention.mixers.base import Mixer, MixerShape, Rope, fill_normal
from rlhf.attention.specs.features import VqSettings

KERNEL = Kernel("vq", naive, chunk, step, state_shapes)


class VqMixer(Mixer):
    """The codebook, and what its moving average needs to go on in a model of any dtype: parameters, so that they are
    in every checkpoint, and none of them moved by a gradient.

    codebook: what learner and engine attend with. codebook_rest: what its dtype rounds away of it (`in_two`).
    codebook_counts: the average numbers of keys, [2, G, n], in two parts likewise.
    """

    KERNEL = KERNEL
    SOFTMAX = True
    GRADIENT_GOES_ON = False  # straight-through blocks are counted from the first token given

    def __init__(self, shape: MixerShape, settings: VqSettings) -> None:
        super().__init__(shape, settings)

        def fixed(*sizes: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(sizes), requires_grad=False)

        self.codebook = fixed(shape.kv_heads, settings.codes, shape.head_dim)
        self.codebook_rest = fixed(shape.kv_heads, settings.codes, shape.head_dim)
        self.codebook_counts = fixed(2, shape.kv_heads, settings.codes)
        self.ema = CodebookEma(decay=settings.ema_decay, revive_below=settings.revive_below)

    def reset(self, std: float) -> None:
        """Random codes, as long as the keys of a new layer are. A converted layer's keys may be longer; with no counts
        yet, the first update puts every code amid the keys it got, and `start_from_keys` does so before any."""
        normed = self.shape.qk_norm
        fill_normal(self.codebook, 1.0 if normed else std * self.shape.hidden**0.5)
        with torch.no_grad():
            self.codebook_rest.zero_()
            self.codebook_counts.zero_()

    def extras(self, hidden_TD: Tensor, rope: Rope) -> VqExtras:
        return self.static_extras()

    def static_extras(self) -> VqExtras:
        return VqExtras(self.codebook, block=self.settings.block)

    def statistics(self) -> dict[str, tuple[int, ...]]:
        groups, codes, size = self.codebook.shape
        return {"count_Gc": (groups, codes), "sum_Gcd": (groups, codes, size)}

    def aux_weights(self) -> dict[str, float]:
        return {"commitment": self.settings.commitment}

    def learn_outside(self, statistics: dict[str, Tensor], update: int) -> None:
        """The moving average goes on, in float32, and the same on every rank."""
        codebook = self.codebook.float() + self.codebook_rest.float()
        counts = self.codebook_counts.float().sum(0)
        seed = (self.settings.seed, self.shape.layer, update)
        given = {name: value.float() for name, value in statistics.items()}
        self._keep(*self.ema.update(codebook, counts, given, seed))

    def start_from_keys(self, k_GTd: Tensor) -> None:
        """Put the codes amid these keys (rotated, as the kernel gets them) and forget what was counted."""
        groups, codes, _ = self.codebook.shape
        found = codebook_from_keys(k_GTd, codes, (self.settings.seed, self.shape.layer))
        self._keep(found.float(), found.new_zeros(groups, codes))

    def _keep(self, codebook_Gcd: Tensor, counts_Gc: Tensor) -> None:
        main, rest = in_two(codebook_Gcd, self.codebook.dtype)
        with torch.no_grad():
            self.codebook.copy_(main)
            self.codebook_rest.copy_(rest)
            self.codebook_counts.copy_(torch.stack(in_two(counts_Gc, self.codebook_counts.dtype)))
