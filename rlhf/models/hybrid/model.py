"""The models as transformers knows them: `model_type: longthought_<base>`, so that nothing loads one as its base.

A folder of them loads through AutoModelForCausalLM once `register()` was called; where it was not, transformers says
that it does not know the type, instead of running softmax attention with another kernel's weights.
"""

from __future__ import annotations

from typing import Any

from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)
from transformers.conversion_mapping import (
    USER_REGISTERED_MAPPINGS,
    get_checkpoint_conversion_mapping,
    register_checkpoint_conversion_mapping,
)

from rlhf.models.hybrid.host import TransformersHost
from rlhf.models.hybrid.layers import make_mixers
from rlhf.recipe.model_config import BUILT


class LongthoughtLlamaConfig(LlamaConfig):
    model_type = "longthought_llama"
    attention: dict | None = None


class LongthoughtQwen2Config(Qwen2Config):
    model_type = "longthought_qwen2"
    attention: dict | None = None


class LongthoughtQwen3Config(Qwen3Config):
    model_type = "longthought_qwen3"
    attention: dict | None = None


class LongthoughtQwen3MoeConfig(Qwen3MoeConfig):
    model_type = "longthought_qwen3_moe"
    attention: dict | None = None


class _Mixing:
    """Puts the mixers in place when the base model stands, and initialises what they bring."""

    def __init__(self, config: Any) -> None:
        super().__init__(config)  # type: ignore[call-arg]
        self.mixer_host = TransformersHost()
        mixers = make_mixers(config)
        for layer, mixer in mixers.items():
            mixer.host = self.mixer_host
            self.model.layers[layer].self_attn = mixer  # type: ignore[attr-defined]
        self.post_init()  # type: ignore[attr-defined]
        for mixer in mixers.values():
            if not next(mixer.parameters()).is_meta:  # as it is where weights are loaded next
                mixer.reset(config.initializer_range)


class LongthoughtLlamaForCausalLM(_Mixing, LlamaForCausalLM):
    config_class = LongthoughtLlamaConfig


class LongthoughtQwen2ForCausalLM(_Mixing, Qwen2ForCausalLM):
    config_class = LongthoughtQwen2Config


class LongthoughtQwen3ForCausalLM(_Mixing, Qwen3ForCausalLM):
    config_class = LongthoughtQwen3Config


class LongthoughtQwen3MoeForCausalLM(_Mixing, Qwen3MoeForCausalLM):
    config_class = LongthoughtQwen3MoeConfig


CONFIGS: tuple[type[Any], ...] = (
    LongthoughtLlamaConfig,
    LongthoughtQwen2Config,
    LongthoughtQwen3Config,
    LongthoughtQwen3MoeConfig,
)
MODELS: tuple[type[Any], ...] = (
    LongthoughtLlamaForCausalLM,
    LongthoughtQwen2ForCausalLM,
    LongthoughtQwen3ForCausalLM,
    LongthoughtQwen3MoeForCausalLM,
)


def register_configs() -> None:
    """Make the configurations known to transformers; idempotent."""
    for config in CONFIGS:
        AutoConfig.register(config.model_type, config, exist_ok=True)


def register() -> None:
    """Make configurations, models and the names in their checkpoints known to transformers; idempotent."""
    register_configs()
    for config, model in zip(CONFIGS, MODELS, strict=True):
        AutoModelForCausalLM.register(config, model, exist_ok=True)
        conversion = get_checkpoint_conversion_mapping(config.model_type.removeprefix(BUILT))
        if conversion is not None and config.model_type not in USER_REGISTERED_MAPPINGS:
            register_checkpoint_conversion_mapping(config.model_type, conversion)
