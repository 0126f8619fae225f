"""Performer in a layer: the projections of a softmax layer, and features that no gradient moves."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rlhf.attention.contract import Kernel
from rlhf.attention.kernels.performer.chunk import chunk
from rlhf.attention.kernels.performer.extras import PerformerExtras, state_shapes
from rlhf.attention.kernels.performer.naive import naive
from rlhf.attention.kernels.performer.orthogonal import orthogonal_features
from rlhf.attention.kernels.performer.step import step
from rlhf.attention.mixers.base import Mixer, MixerShape, Rope
from rlhf.attention.specs.features import PerformerSettings

KERNEL = Kernel("performer", naive, chunk, step, state_shapes)


class PerformerMixer(Mixer):
    KERNEL = KERNEL
    SOFTMAX = True

    def __init__(self, shape: MixerShape, settings: PerformerSettings) -> None:
        super().__init__(shape, settings)
        count = settings.features_of(shape.head_dim)
        self.features = nn.Parameter(torch.empty(shape.kv_heads, count, shape.head_dim), requires_grad=False)

    def reset(self, std: float) -> None:
        """Features are drawn by their own seed, whatever `std`. A converted layer starts as an estimate of the softmax
        that it replaces; a rough one where queries and keys are long (`PerformerSettings.features_of`)."""
        self._draw(0)

    def extras(self, hidden_TD: Tensor, rope: Rope) -> PerformerExtras:
        return self.static_extras()

    def static_extras(self) -> PerformerExtras:
        return PerformerExtras(self.features)

    def learn_outside(self, statistics: dict[str, Tensor], update: int) -> None:
        """Redraw when it is due, the same on every rank. (A layer that overfits one draw loses with the next.)"""
        every = self.settings.redraw_every
        if every and update and update % every == 0:
            self._draw(update)

    def _draw(self, update: int) -> None:
        groups, count, size = self.features.shape
        drawn = orthogonal_features(groups, count, size, (self.settings.seed, self.shape.layer, update))
        with torch.no_grad():
            self.features.copy_(drawn)
