"""The section `policy.attention`: which kernel every layer has. What it means for a model stands in `attention.py`."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Protocol

from pydantic import Field, PlainValidator, PositiveInt
from pydantic_core import PydanticCustomError

from rlhf.recipe.section import Section

SOFTMAX = "softmax"
Packing = Literal["auto", "packed", "padded"]
Backend = Literal["auto", "torch", "library", "flex"]


def _choice(value: Any) -> str | dict[str, Any]:
    if isinstance(value, dict) and "kernel" not in value:
        raise PydanticCustomError("kernel_missing", "write its kernel too: {kernel: NAME, setting: value}")
    if isinstance(value, str) or (isinstance(value, dict) and isinstance(value["kernel"], str)):
        return value
    raise PydanticCustomError("kernel_choice", "write a kernel's name, or {kernel: NAME, setting: value}")


KernelChoice = Annotated[str | dict[str, Any], PlainValidator(_choice)]
"""A name of `rlhf list attention`, or a mapping of `kernel` and that kernel's settings."""


class RopeConfig(Section):
    """Rotary positions for longer contexts than the model was trained with."""

    type: Literal["linear", "ntk", "yarn"] = Field(
        description="linear: positions divided by the factor; ntk: a larger theta (static); yarn: arXiv 2309.00071"
    )
    factor: Annotated[float, Field(gt=1.0)] = Field(description="the new context over the original one, e.g. 4.0")
    original_context: PositiveInt | None = Field(None, description="tokens; default what the model's config says")


class AttentionConfig(Section):
    default: KernelChoice | None = Field(
        SOFTMAX, description="kernel of the layers that `layers` does not name; null: it must name every one"
    )
    layers: dict[str, KernelChoice] = Field(
        {}, description="by layer: 12, 0-11 (both included) or 14-28:2 (every second): a kernel, with its settings"
    )
    rope: RopeConfig | None = None
    backend: Backend = Field(
        "auto",
        description="what computes the kernels: torch: chunked PyTorch; library: flash-linear-attention or flash-attention, on GPUs; flex: FlexAttention, for windows; auto: the fastest that is here",
    )


class HasAttention(Protocol):
    """A policy of a recipe."""

    @property
    def attention(self) -> AttentionConfig | None: ...


def attention_backend(policy: HasAttention) -> Backend:
    return "auto" if policy.attention is None else policy.attention.backend


def not_a_packing(value: Any) -> Any:
    """Of `policy.attention`, whose name the key `policy.packing` once had."""
    if isinstance(value, str) and value in ("auto", "packed", "padded"):
        message = "write policy.packing: {found} (policy.attention says which kernel each layer has)"
        raise PydanticCustomError("renamed", message, {"found": value})
    if isinstance(value, str):
        raise PydanticCustomError("no_section", "write a section: {default: {found}}", {"found": value})
    return value
