"""How a decoder layer of transformers runs a mixer: packed by a plan of levels, by cu_seqlens or by positions that
start again, or row by row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

from rlhf.attention.batches import packed_batch
from rlhf.attention.contract import Aux
from rlhf.attention.levels import Level, mix_levels
from rlhf.attention.mixers.base import Mixer, Rope


class Mixing(Protocol):
    """`mix_levels`, or what does the same where ranks share the axis (the `parallel` of a plan): tokens are this rank's
    then, and aux is of its heads."""

    def __call__(
        self, mixer: Mixer, hidden_TD: Tensor, rope: Rope, levels: Sequence[Level], /
    ) -> tuple[Tensor, tuple[tuple[Level, Aux], ...]]: ...


class TransformersHost:
    """Stands behind `Mixer.forward` in a model of transformers. recorded: what kernels add to loss and metrics, while
    somebody listens (never during a recomputed forward)."""

    def __init__(self) -> None:
        self.recorded: list[tuple[Mixer, tuple[tuple[Level, Aux], ...]]] | None = None

    def __call__(
        self,
        mixer: Mixer,
        hidden_states: Tensor,
        position_embeddings: tuple[Tensor, Tensor] | None = None,
        attention_mask: Tensor | None = None,
        past_key_values: Any = None,
        packed_plan: Any = None,
        position_ids: Tensor | None = None,
        cu_seq_lens_q: Tensor | None = None,
        **_: Any,
    ) -> tuple[Tensor, None]:
        """hidden_states [B, L, D], position_embeddings two of [B or 1, L, d]; the rest is transformers'."""
        if attention_mask is not None:
            raise ValueError(f"attention {mixer.KERNEL.name} takes no mask: pack sequences, or pad them on the right")
        if past_key_values is not None:
            raise ValueError(f"attention {mixer.KERNEL.name} keeps no cache in transformers: sample with vLLM")
        assert position_embeddings is not None
        rows, length, size = hidden_states.shape
        rope = tuple(t.expand(rows, -1, -1).reshape(rows * length, -1) for t in position_embeddings)
        mix: Mixing = mix_levels
        if packed_plan is not None:
            levels = packed_plan.levels
            if packed_plan.parallel is not None:
                mix = packed_plan.parallel.mix
        else:
            levels = (Level(packed_batch(rows, length, None, position_ids, cu_seq_lens_q).cu_seqlens),)
        out_TD, added = mix(mixer, hidden_states.reshape(rows * length, size), mixer.angles((rope[0], rope[1])), levels)
        if self.recorded is not None and any(aux.loss_T or aux.statistics for _, aux in added):
            self.recorded.append((mixer, added))
        return out_TD.view(rows, length, size), None


def cos_and_sin(rotary: torch.nn.Module, positions_T: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    """What transformers' own rotary embedding gives for positions [T]: two of [T, d], in the dtype of `like`."""
    cos, sin = rotary(like, positions_T[None])
    return cos[0], sin[0]
