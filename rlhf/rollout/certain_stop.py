"""In vLLM's process: ends a response after a run of tokens that were all but certain. See repetition.py.

Axes: B requests of a batch, V vocabulary.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from vllm.v1.sample.logits_processor import BatchUpdate, LogitsProcessor, MoveDirectionality

from rlhf.rollout.engine_options import CERTAIN_STOP

if TYPE_CHECKING:
    from vllm import SamplingParams
    from vllm.config import VllmConfig

_NONE = -1


@dataclass(slots=True)
class _Request:
    """output: vLLM's own list, which grows. certain: the token that was all but certain at the last look, or none."""

    run: int
    log_probability: float
    end: int
    temperature: float
    output: list[int]
    seen: int
    count: int = 0
    certain: int = _NONE

    def look(self) -> bool:
        """Count the token that was sampled since; whether the run is complete."""
        if len(self.output) > self.seen:
            self.count = self.count + 1 if self.output[-1] == self.certain else 0
            self.seen = len(self.output)
        return self.count >= self.run


class CertainStop(LogitsProcessor):
    """The probability of a token is known when it is drawn, and which one was drawn at the next look: a token above
    0.5 can only be the most probable one, so that one and whether it is above the threshold are remembered."""

    def __init__(self, vllm_config: VllmConfig, device: torch.device, is_pin_memory: bool) -> None:
        self._requests: dict[int, _Request] = {}

    def is_argmax_invariant(self) -> bool:
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        if batch_update is None:
            return
        for index in batch_update.removed:
            self._requests.pop(index, None)
        for index, parameters, _, output in batch_update.added:
            self._put(index, _request(parameters, output))
        for source, target, direction in batch_update.moved:
            moved, other = self._requests.pop(source, None), self._requests.pop(target, None)
            self._put(target, moved)
            if direction is MoveDirectionality.SWAP:
                self._put(source, other)

    def _put(self, index: int, request: _Request | None) -> None:
        if request is None:
            self._requests.pop(index, None)
        else:
            self._requests[index] = request

    def apply(self, logits: Tensor) -> Tensor:
        """[B, V] before the temperature."""
        if not self._requests:
            return logits
        rows = sorted(self._requests)
        requests = [self._requests[row] for row in rows]
        over = [row for row, request in zip(rows, requests, strict=True) if request.look()]
        temperature_B = torch.tensor([r.temperature for r in requests], device=logits.device)
        scaled_BV = logits[rows].float() / temperature_B[:, None]
        top_B, token_B = scaled_BV.max(1)
        logp_B = (top_B - scaled_BV.logsumexp(1)).tolist()
        for request, logp, token in zip(requests, logp_B, token_B.tolist(), strict=True):
            request.certain = token if logp > request.log_probability else _NONE
        for row in over:
            logits[row] = -math.inf
            logits[row, self._requests[row].end] = 0.0
        return logits


def _request(parameters: SamplingParams, output: list[int]) -> _Request | None:
    asked = (parameters.extra_args or {}).get(CERTAIN_STOP)  # tokens in a row, probability, end token
    if asked is None:
        return None
    run, probability, end = asked
    temperature = parameters.temperature or 1.0  # 0: greedy, whose certainty is that of temperature 1
    return _Request(int(run), math.log(probability), int(end), temperature, output, seen=len(output))
