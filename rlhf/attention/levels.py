"""Sequences that go on from others on the same packed axis: responses from their prompt, prompts from what they share.

A recurrent kernel runs them level by level: what stands on its own first, then what goes on from it, started from the
state that was left behind. (Softmax attention gathers keys instead: rlhf/learner/attention.py.)

Axes: T packed tokens, D hidden size, S sequences of a level.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from rlhf.attention.contract import Aux, State
from rlhf.attention.cu_seqlens import CuSeqlens
from rlhf.attention.mixers.base import Mixer, Rope


@dataclass(frozen=True, slots=True)
class Level:
    """index_T: the tokens of this level's sequences, one after the other; None: all, in order.

    parent_S: for each sequence, which one of the level before it goes on from; None: from nothing.
    """

    cu_seqlens: CuSeqlens
    index_T: Tensor | None = None
    parent_S: Tensor | None = None

    def to(self, device: torch.device | str) -> Level:
        def moved(t: Tensor | None) -> Tensor | None:
            return None if t is None else t.to(device)

        return Level(self.cu_seqlens, moved(self.index_T), moved(self.parent_S))


def plain(lengths: Sequence[int]) -> tuple[Level, ...]:
    """Sequences that stand on their own, in order."""
    return (Level(CuSeqlens.of_lengths(lengths)),)


def mix_levels(
    mixer: Mixer, hidden_TD: Tensor, rope: Rope, levels: Sequence[Level]
) -> tuple[Tensor, tuple[tuple[Level, Aux], ...]]:
    """[T, D] -> [T, D], and what each level adds to loss and metrics."""
    if len(levels) == 1 and levels[0].index_T is None:
        out_TD, _, aux = mixer.mix(hidden_TD, rope, None, levels[0].cu_seqlens)
        return out_TD, ((levels[0], aux),)
    outputs, places, added = [], [], []
    state: State | None = None
    for level in levels:
        assert level.index_T is not None
        past = None
        if level.parent_S is not None:
            if state is None:
                raise ValueError(f"attention {mixer.KERNEL.name} leaves no state to go on from: do not share prompts")
            past = tuple(t.index_select(0, level.parent_S) for t in state)
        part = hidden_TD.index_select(0, level.index_T)
        turned = (rope[0].index_select(0, level.index_T), rope[1].index_select(0, level.index_T))
        out, state, aux = mixer.mix(part, turned, past, level.cu_seqlens)
        outputs.append(out)
        places.append(level.index_T)
        added.append((level, aux))
    out_TD = torch.cat(outputs).index_select(0, torch.cat(places).argsort())
    return out_TD, tuple(added)
