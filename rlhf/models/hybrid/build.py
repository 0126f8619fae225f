"""A policy with a recipe's kernels, from a model of Llama or Qwen: its weights kept, what is new initialised.

Axes: none here; a "layer" is {"kernel": name, "settings": {...}} as config.json holds it.
"""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM

from rlhf.attention.rope_scaling import RopeScaling, scaled_rope
from rlhf.models.hybrid.model import CONFIGS, register
from rlhf.models.resolve import SOFTMAX, ModelError
from rlhf.recipe.model_config import BUILT

_WEIGHTS = (".safetensors", ".bin", ".pt", ".gguf", ".index.json")


@dataclass(frozen=True, slots=True)
class Converted:
    """kept: tensors of the base that the policy goes on with. new: those that were initialised. dropped: of the base,
    for which the new layers have no place (all three: names)."""

    folder: Path
    kept: tuple[str, ...]
    new: tuple[str, ...]
    dropped: tuple[str, ...]


def hybrid_config(base: Any, layers: Sequence[Mapping[str, Any]], rope: RopeScaling | None = None) -> Any:
    """The configuration of `base` with `layers`, one entry a layer, and, if asked for, rotary positions stretched.

    It stays of the base's type where no layer is replaced.
    """
    if all(layer["kernel"] == SOFTMAX for layer in layers):
        stretched = copy.deepcopy(base)
        if rope is not None:
            stretched.rope_parameters, stretched.max_position_embeddings = scaled_rope(base, rope)
        return stretched
    known = {config.model_type: config for config in CONFIGS}
    kind = base.model_type.removeprefix(BUILT)
    if BUILT + kind not in known:
        can = ", ".join(sorted(name.removeprefix(BUILT) for name in known))
        raise ModelError(f"policy.attention: the layers of a {base.model_type} cannot be replaced; those of {can} can")
    if base.model_type != kind:
        raise ModelError("policy.attention: this model's layers were replaced before; name the model it came from")
    values = base.to_dict()
    for key in ("model_type", "architectures", "transformers_version", "auto_map"):
        values.pop(key, None)
    if rope is not None:
        values["rope_parameters"], values["max_position_embeddings"] = scaled_rope(base, rope)
    return known[BUILT + kind](**values, attention={"layers": [dict(layer) for layer in layers]})


def write_hybrid(
    base: Path, folder: Path, layers: Sequence[Mapping[str, Any]], seed: int, rope: RopeScaling | None = None
) -> Converted:
    """Writes the policy into `folder`, tokenizer and all, in the base's dtype; the same seed gives the same weights.

    The caller's random state is left as it was.
    """
    register()
    source = AutoModelForCausalLM.from_pretrained(base, dtype="auto")
    config = hybrid_config(AutoConfig.from_pretrained(base), layers, rope)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AutoModelForCausalLM.from_config(config, dtype=source.dtype)
    given = source.state_dict()
    outcome = model.load_state_dict(given, strict=False)
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder)
    if source.generation_config is not None:
        source.generation_config.save_pretrained(folder)
    for file in sorted(base.iterdir()):
        if file.is_file() and not file.name.endswith(_WEIGHTS) and not (folder / file.name).exists():
            shutil.copyfile(file, folder / file.name)
    dropped = tuple(outcome.unexpected_keys)
    kept = tuple(name for name in given if name not in set(dropped))
    return Converted(folder, kept, tuple(outcome.missing_keys), dropped)
