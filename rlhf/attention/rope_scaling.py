"""Rotary positions for contexts longer than a model was trained with, as parameters that transformers and vLLM know."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class RopeScaling:
    """factor: how many times longer. original_context: tokens that the model was trained with; default what it says.

    linear: positions divided by the factor (Chen et al., arXiv 2306.15595). ntk: the base theta raised so that the
    slowest channel turns factor times slower and the fastest as before ("NTK-aware", static). yarn: channel by channel
    between the two, with a sharper softmax, where there is one (Peng et al., arXiv 2309.00071).
    """

    kind: Literal["linear", "ntk", "yarn"]
    factor: float
    original_context: int | None = None


def scaled_rope(config: Any, scaling: RopeScaling) -> tuple[dict[str, Any], int]:
    """(rope_parameters, max_position_embeddings) of a configuration of transformers, stretched."""
    found = dict(config.rope_parameters or {})
    if found.get("rope_type", "default") != "default":
        raise ValueError(
            f"policy.attention.rope: the model's positions are stretched already ({found['rope_type']}); remove it"
        )
    context = scaling.original_context or config.max_position_embeddings
    longer = int(context * scaling.factor)
    theta = float(found["rope_theta"])
    if scaling.kind == "ntk":
        size = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
        return found | {"rope_theta": theta * scaling.factor ** (size / (size - 2))}, longer
    found |= {"rope_type": scaling.kind, "factor": float(scaling.factor)}
    if scaling.kind == "yarn":
        found["original_max_position_embeddings"] = context
    return found, longer
