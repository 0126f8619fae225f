"""The sequences of one engine step as a kernel sees them: those that get one token, then those that get several."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor

from rlhf.attention.cu_seqlens import CuSeqlens

_KEPT = "longthought_batch"


@dataclass(frozen=True, slots=True)
class Part:
    """Tokens [start, stop) of the step, of sequences whose states lie at slot_S; begun_S: whether each has a past."""

    start: int
    stop: int
    cu_seqlens: CuSeqlens
    slot_S: Tensor
    begun_S: Tensor


@dataclass(frozen=True, slots=True)
class EngineBatch:
    """decodes: one token each, or None. prefills: a prompt or a chunk of one each, or None."""

    decodes: Part | None
    prefills: Part | None

    @property
    def tokens(self) -> int:
        return max(part.stop for part in (self.decodes, self.prefills) if part is not None)


def batch_of(metadata: Any) -> EngineBatch:
    """From vLLM's LinearAttentionMetadata, which all layers of a step share; made once a step."""
    made = getattr(metadata, _KEPT, None)
    if made is None:
        made = _read(metadata)
        setattr(metadata, _KEPT, made)
    return made


def _read(metadata: Any) -> EngineBatch:
    count = metadata.num_decodes + metadata.num_prefills
    starts = metadata.query_start_loc[: count + 1].tolist()
    lengths = torch.tensor([b - a for a, b in pairwise(starts)])
    slot_S = metadata.state_indices_tensor[:count].long()
    begun_S = metadata.seq_lens[:count].to(slot_S.device) > lengths.to(slot_S.device)

    def part(first: int, last: int) -> Part | None:
        if first == last:
            return None
        offsets = [s - starts[first] for s in starts[first : last + 1]]
        rows = slice(first, last)
        return Part(starts[first], starts[last], CuSeqlens(offsets), slot_S[rows], begun_S[rows])

    return EngineBatch(part(0, metadata.num_decodes), part(metadata.num_decodes, count))
