"""The model that a distillation's student learns from: frozen, whole on every rank, whatever the ZeRO stage.

Axes: T packed tokens, N response tokens of a micro-batch, D hidden size, V vocabulary.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn

from rlhf.learner.base_rank import load
from rlhf.learner.layout import MicroBatch
from rlhf.learner.logprobs import ResponseHead
from rlhf.learner.policy import PolicyModule
from rlhf.learner.spec import LearnerSpec


@dataclass(frozen=True, slots=True)
class Seen:
    """What went into a layer's attention and what came out, both [1, T, D], without gradient."""

    hidden: Tensor
    output: Tensor


class Teacher:
    """folder: of the pretrained model; spec: of the student's rank, for dtype, device and chunks."""

    def __init__(self, spec: LearnerSpec, folder: str) -> None:
        loaded = load(replace(spec, model_dir=folder))
        if loaded.layout != "packed":
            raise ValueError(f"{folder}: a teacher is run on packed sequences; {'; '.join(loaded.notices)}")
        self._module = PolicyModule(loaded.model, spec.learner.logit_chunk).eval().requires_grad_(False)

    @property
    def head(self) -> ResponseHead:
        return self._module.lm.get_output_embeddings()

    def logp(self, micro: MicroBatch) -> Tensor:
        """[N] of the micro-batch's response tokens, at temperature 1."""
        with torch.no_grad():
            return self._module(micro, 1.0)[0]

    def hidden(self, micro: MicroBatch) -> Tensor:
        """[N, D]: the last hidden state before each response token."""
        states = self._run(micro)
        return states.reshape(-1, states.shape[-1]).index_select(0, micro.predictor_N)

    def attention(self, micro: MicroBatch, layers: Collection[int]) -> dict[int, Seen]:
        """By layer, what its self_attn was given and gave."""
        found: dict[int, Seen] = {}
        with _watching(self._module.lm, layers, found):
            self._run(micro)
        return found

    def _run(self, micro: MicroBatch) -> Tensor:
        with torch.no_grad():
            return self._module.lm.base_model(**micro.inputs, use_cache=False).last_hidden_state


@contextmanager
def _watching(lm: Any, layers: Collection[int], found: dict[int, Seen]) -> Iterator[None]:
    handles = []

    def watch(layer: int) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: Mapping[str, Any], output: Any) -> None:
            hidden = args[0] if args else kwargs["hidden_states"]
            found[layer] = Seen(hidden, output[0])

        return hook

    try:
        for layer in layers:
            attention = lm.base_model.layers[layer].self_attn
            handles.append(attention.register_forward_hook(watch(layer), with_kwargs=True))
        yield
    finally:
        for handle in handles:
            handle.remove()
