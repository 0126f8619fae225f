"""How vLLM runs a mixer: one page of state a sequence, `step` for one token, `chunk` for a prompt or a part of one.

vLLM hands the page out and takes it back: continuous batching, a prompt in chunks and pre-emption (the sequence then
begins anew, on another page) need nothing more than reading a page only where a sequence has a past.
"""

from __future__ import annotations

from math import prod

import torch
from torch import Tensor
from vllm.config import get_current_vllm_config
from vllm.forward_context import get_forward_context
from vllm.model_executor.layers.mamba.abstract import MambaBase
from vllm.v1.attention.backends.registry import MambaAttentionBackendEnum

from rlhf.attention.contract import FormName, State
from rlhf.attention.mixers.base import Mixer
from rlhf.models.hybrid.host import cos_and_sin
from rlhf.rollout.hybrid.batch import Part, batch_of


class EngineHost(MambaBase):
    """Stands behind `Mixer.forward` of one layer of vLLM's model, and is what vLLM knows as the layer's cache.

    page: elements of the largest state of all layers. Each layer gets a page of that size, because vLLM wants the
    states of all layers alike.
    """

    def __init__(self, name: str, mixer: Mixer, rotary: torch.nn.Module, page: int) -> None:
        self.name, self.rotary, self.page = name, rotary, page
        self.shapes = mixer.state_shapes()
        self.sizes = [prod(shape) for shape in self.shapes]
        self.kv_cache: tuple[Tensor, ...] = (torch.tensor([]),)
        get_current_vllm_config().compilation_config.static_forward_context[name] = self

    @property
    def mamba_type(self) -> MambaAttentionBackendEnum:
        return MambaAttentionBackendEnum.LINEAR

    def get_state_shape(self) -> tuple[tuple[int, ...], ...]:
        return ((self.page,),)

    def get_state_dtype(self) -> tuple[torch.dtype, ...]:
        return (torch.float32,)

    def __call__(self, mixer: Mixer, positions: Tensor, hidden_states: Tensor) -> Tensor:
        """positions [T], hidden_states [T, D] -> [T, D]."""
        metadata = get_forward_context().attn_metadata
        if isinstance(metadata, dict):
            metadata = metadata[self.name]
        out_TD = torch.zeros_like(hidden_states)
        if metadata is None:  # vLLM measures memory with a batch of no sequences
            return out_TD
        batch = batch_of(metadata)
        parts: tuple[tuple[Part | None, FormName], ...] = ((batch.decodes, "step"), (batch.prefills, "chunk"))
        for part, form in parts:
            if part is not None:
                tokens = slice(part.start, part.stop)
                out_TD[tokens] = self._run(mixer, positions[tokens], hidden_states[tokens], part, form)
        return out_TD

    def _run(self, mixer: Mixer, positions_T: Tensor, hidden_TD: Tensor, part: Part, form: FormName) -> Tensor:
        rope = mixer.angles(cos_and_sin(self.rotary, positions_T, hidden_TD))
        out_TD, after, _ = mixer.mix(hidden_TD, rope, self._read(part), part.cu_seqlens, form)
        assert after is not None
        page = torch.cat([t.flatten(1) for t in after], 1)
        self.kv_cache[0][part.slot_S, : page.shape[1]] = page
        return out_TD

    def _read(self, part: Part) -> State:
        """The states of the part's sequences; zero, which means none yet, where one begins."""
        pages = self.kv_cache[0].index_select(0, part.slot_S)[:, : sum(self.sizes)]
        pages = pages.masked_fill(~part.begun_S[:, None], 0.0)
        pieces = pages.split(self.sizes, 1)
        return tuple(piece.unflatten(1, shape) for piece, shape in zip(pieces, self.shapes, strict=True))


def page_size(mixers: dict[int, Mixer]) -> int:
    """Elements of the largest state."""
    return max(sum(prod(shape) for shape in mixer.state_shapes()) for mixer in mixers.values())
