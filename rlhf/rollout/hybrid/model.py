"""vLLM's own models with mixers in the layers that a policy's config.json names.

A mixer is the very module that the learner trains (rlhf/attention/mixers), so both sides compute one function; all
else is vLLM's: embeddings, softmax layers, experts, output.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from typing import Any, get_args

import torch
from torch import Tensor
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding
from vllm.config import VllmConfig
from vllm.model_executor.layers.mamba.mamba_utils import MambaStateCopyFuncCalculator
from vllm.model_executor.model_loader.weight_utils import default_weight_loader
from vllm.model_executor.models.interfaces import HasInnerState, IsHybrid
from vllm.model_executor.models.llama import LlamaForCausalLM
from vllm.model_executor.models.qwen2 import Qwen2ForCausalLM
from vllm.model_executor.models.qwen3 import Qwen3ForCausalLM
from vllm.model_executor.models.qwen3_moe import Qwen3MoeForCausalLM
from vllm.platforms import current_platform

from rlhf.attention.backends import Backend
from rlhf.attention.implementations import implement
from rlhf.attention.mixers.base import Mixer
from rlhf.models.hybrid.layers import make_mixers
from rlhf.rollout.engine_options import ATTENTION_SWITCH
from rlhf.rollout.hybrid.host import EngineHost, page_size


def _asked_backend() -> Backend:
    asked = os.environ.get(ATTENTION_SWITCH, "auto")
    known: dict[str, Backend] = {name: name for name in get_args(Backend)}
    if asked not in known:
        raise ValueError(f"{ATTENTION_SWITCH}: found {asked!r}; write one of {', '.join(known)}")
    return known[asked]


class _Mixing:
    """Takes the softmax attention out of the mixers' layers again, before vLLM gives it a cache."""

    has_inner_state = True
    is_hybrid = True
    model: Any

    def __init__(self, *, vllm_config: VllmConfig, prefix: str = "") -> None:
        super().__init__(vllm_config=vllm_config, prefix=prefix)  # type: ignore[call-arg]
        config = vllm_config.model_config.hf_config
        known = vllm_config.compilation_config.static_forward_context
        mixers = make_mixers(config)
        rotary = LlamaRotaryEmbedding(config)
        for layer, mixer in mixers.items():
            place = self.model.layers[layer]
            name = place.self_attn.attn.layer_name
            del known[name]
            mixer.host = EngineHost(name, mixer, rotary, page_size(mixers))
            place.self_attn = mixer.requires_grad_(False)
        implement(mixers.values(), "cpu" if current_platform.is_cpu() else "gpu", _asked_backend())
        self._mixers = mixers

    @classmethod
    def get_mamba_state_shape_from_config(cls, vllm_config: VllmConfig) -> tuple[tuple[int, ...], ...]:
        with torch.device("meta"):
            mixers = make_mixers(vllm_config.model_config.hf_config)
        return ((page_size(mixers),),)

    @classmethod
    def get_mamba_state_dtype_from_config(cls, vllm_config: VllmConfig) -> tuple[torch.dtype, ...]:
        return (torch.float32,)

    @classmethod
    def get_mamba_state_copy_func(cls) -> Any:
        return MambaStateCopyFuncCalculator.linear_attention_state_copy_func()

    def load_weights(self, weights: Iterable[tuple[str, Tensor]]) -> set[str]:
        """The mixers' tensors by name, as they are; the others as the base model loads them."""
        own: set[str] = set()
        parameters = {
            f"model.layers.{layer}.self_attn.{name}": parameter
            for layer, mixer in self._mixers.items()
            for name, parameter in mixer.named_parameters()
        }

        def others() -> Iterator[tuple[str, Tensor]]:
            for name, tensor in weights:
                if name not in parameters:
                    yield name, tensor
                    continue
                load = getattr(parameters[name], "weight_loader", default_weight_loader)
                load(parameters[name], tensor)
                own.add(name)

        return set(super().load_weights(others())) | own  # type: ignore[misc]


class LongthoughtLlamaForCausalLM(_Mixing, LlamaForCausalLM, HasInnerState, IsHybrid):
    """See the module."""


class LongthoughtQwen2ForCausalLM(_Mixing, Qwen2ForCausalLM, HasInnerState, IsHybrid):
    """See the module."""


class LongthoughtQwen3ForCausalLM(_Mixing, Qwen3ForCausalLM, HasInnerState, IsHybrid):
    """See the module."""


class LongthoughtQwen3MoeForCausalLM(_Mixing, Qwen3MoeForCausalLM, HasInnerState, IsHybrid):
    """See the module."""


def mixers_in(model: Any) -> dict[int, Mixer]:
    """Of a live model of vLLM; empty for one without."""
    return getattr(model, "_mixers", {})
