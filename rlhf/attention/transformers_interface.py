"""Kernels that need nothing but q, k, v, as attention functions of transformers.

    register()
    AutoModelForCausalLM.from_pretrained(path, attn_implementation="longthought_strided")

A model's own layers then run the kernel's chunked form on their queries, keys and values, as they are: normed and
rotated where the model does so (`linear` thus has its inputs rotated, not its features). Kernels with gates or other
parameters of their own come with a mixer instead. Sampling is an engine's work: there is no cache here.

Axes: B rows, H query heads, G key-value heads, N tokens of a row, d key size, e value size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from math import isclose, sqrt
from typing import Any
from weakref import ref

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface

from rlhf.attention.batches import PackedBatch, packed_batch, require_right_padding
from rlhf.attention.catalog import CATALOG
from rlhf.attention.contract import Extras, Kernel
from rlhf.attention.spec import KernelSettings, KernelSpec

PREFIX = "longthought_"

# Layer types that say no more than the arguments do, and arguments that change what is computed, which no kernel knows.
SERVED = ("full_attention", "sliding_attention")
UNKNOWN = {"softcap": "a soft cap on its scores", "s_aux": "attention sinks", "position_bias": "a bias by position"}


def register(
    names: Iterable[str] | None = None,
    settings: Mapping[str, KernelSettings] | None = None,
    kernel_of: Callable[[KernelSpec], Kernel] = KernelSpec.kernel,
) -> tuple[str, ...]:
    """Make kernels known to transformers; returns the values of `attn_implementation`. May be called again.

    names: None for all that need nothing but q, k, v. settings: of a kernel by name, else its defaults. kernel_of: for
    another implementation of the same kernel (see `rlhf.attention.gpu`).
    """
    given = settings or {}
    chosen = servable() if names is None else tuple(names)
    for name in (*given, *chosen):
        if name not in CATALOG:
            raise ValueError(f"there is no attention {name}; known: {', '.join(sorted(CATALOG))}")
    registered = []
    for name in chosen:
        spec = CATALOG[name]
        extras = settings_extras(spec, given.get(name, spec.settings()))
        AttentionInterface.register(PREFIX + name, KernelAttention(kernel_of(spec), extras))
        AttentionMaskInterface.register(PREFIX + name, padding_mask)
        registered.append(PREFIX + name)
    return tuple(registered)


def servable() -> tuple[str, ...]:
    """Names of the kernels that need nothing but q, k, v and can make their extras from their settings."""
    return tuple(name for name, spec in CATALOG.items() if not spec.has_extras and _maker(spec) is not None)


def settings_extras(spec: KernelSpec, settings: KernelSettings) -> Extras:
    """Extras that hold the settings alone."""
    make = None if spec.has_extras else _maker(spec)
    if make is None:
        raise ValueError(
            f"attention {spec.name} needs more than queries, keys and values: choose it by policy.attention, which "
            "gives its layers a mixer"
        )
    return make(settings)


def _maker(spec: KernelSpec) -> Callable[[Any], Extras] | None:
    return getattr(import_module(spec.module), "extras_of", None)


@dataclass(frozen=True, slots=True)
class _Held:
    """A tensor as it was, without keeping it alive. version: None where PyTorch counts none (inference mode)."""

    tensor: ref[Tensor]
    version: int | None

    @classmethod
    def of(cls, tensor: Tensor | None) -> _Held | None:
        return None if tensor is None else cls(ref(tensor), _version(tensor))

    def same(self, tensor: Tensor | None) -> bool:
        known = self.tensor()
        return known is not None and known is tensor and self.version is not None and self.version == _version(known)


def _version(tensor: Tensor) -> int | None:
    return None if tensor.is_inference() else tensor._version


@dataclass(frozen=True, slots=True)
class _Seen:
    """The batch that was made of these arguments."""

    rows: int
    length: int
    held: tuple[_Held | None, ...]
    batch: PackedBatch

    def same(self, rows: int, length: int, tensors: Sequence[Tensor | None]) -> bool:
        return (self.rows, self.length) == (rows, length) and all(
            (t is None if h is None else h.same(t)) for h, t in zip(self.held, tensors, strict=True)
        )


class KernelAttention:
    """A kernel behind the signature of transformers' attention functions."""

    def __init__(self, kernel: Kernel, extras: Extras) -> None:
        self.kernel = kernel
        self.extras = extras
        self._seen: _Seen | None = None

    def __call__(
        self,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        attention_mask: Tensor | None,
        dropout: float = 0.0,
        scaling: float | None = None,
        position_ids: Tensor | None = None,
        cu_seq_lens_q: Tensor | None = None,
        **others: Any,
    ) -> tuple[Tensor, None]:
        """query [B, H, N, d], key [B, G, N, d], value [B, G, N, e] -> [B, N, H, e]."""
        self._refuse(module, query, key, attention_mask, dropout, others)
        rows = query.shape[0]
        batch = self._batch(rows, query.shape[2], attention_mask, position_ids, cu_seq_lens_q)
        q = batch.pack(self._scaled(query, scaling))
        out, *_ = self.kernel.chunk(q, batch.pack(key), batch.pack(value), self.extras, None, batch.cu_seqlens)
        return batch.unpack(out, rows), None

    def _scaled(self, query: Tensor, scaling: float | None) -> Tensor:
        """Queries from which a kernel that divides by sqrt(d) gets the model's own scale."""
        usual = 1 / sqrt(query.shape[-1])
        if scaling is None or isclose(scaling, usual, rel_tol=1e-6):
            return query
        if not self.kernel.scaled:
            name = self.kernel.name
            raise ValueError(f"attention {name} has no scale, and the model's is {scaling:g}: it would be another map")
        if (own := getattr(self.extras, "scale", None)) is not None:
            raise ValueError(f"attention {self.kernel.name} has the scale {own:g}, and the model {scaling:g}: drop one")
        return query * (scaling / usual)

    def _batch(
        self, rows: int, length: int, mask: Tensor | None, positions: Tensor | None, cu_seq_lens: Tensor | None
    ) -> PackedBatch:
        """The layers of a model are handed the same tensors: their values are looked at once, not once a layer."""
        tensors: tuple[Tensor | None, ...] = (mask, positions, cu_seq_lens)
        if self._seen is not None and self._seen.same(rows, length, tensors):
            return self._seen.batch
        batch = packed_batch(rows, length, mask, positions, cu_seq_lens)
        self._seen = _Seen(rows, length, tuple(_Held.of(t) for t in tensors), batch)
        return batch

    def _refuse(
        self,
        module: nn.Module,
        query: Tensor,
        key: Tensor,
        mask: Tensor | None,
        dropout: float,
        others: dict[str, Any],
    ) -> None:
        name = f"attention {self.kernel.name}"
        if query.shape[2] != key.shape[2]:
            raise ValueError(
                f"{name} got {query.shape[2]} queries and {key.shape[2]} keys, so past_key_values are in use: it keeps "
                "no cache here; sample with an engine, or run whole sequences with use_cache=False"
            )
        if mask is not None and mask.ndim != 2:
            raise ValueError(f"{name} takes a mask of padding [B, N] or none; found a mask of {mask.ndim} axes")
        if dropout:
            raise ValueError(f"{name} has no dropout; set attention_dropout to 0 in the model's config")
        if not getattr(module, "is_causal", True) or others.get("is_causal") is False:
            raise ValueError(f"{name} is causal, and the layer is not")
        kinds, layer = getattr(getattr(module, "config", None), "layer_types", None), getattr(module, "layer_idx", None)
        if kinds is not None and layer is not None and kinds[layer] not in SERVED:
            raise ValueError(f"{name} cannot stand in for layer {layer}, which is of type {kinds[layer]}")
        for argument, what in UNKNOWN.items():
            if others.get(argument) is not None:
                raise ValueError(f"{name} cannot stand in for a layer with {what} ({argument})")
        window = others.get("sliding_window")
        if window is not None and window != getattr(self.extras, "window", None):
            raise ValueError(f"{name} cannot stand in for a layer with a sliding window of {window} tokens")


def padding_mask(
    batch_size: int,
    q_length: int,
    kv_length: int,
    attention_mask: Tensor | None = None,
    use_vmap: bool = False,
    **_: Any,
) -> Tensor | None:
    """What transformers calls to make a mask: that of the padding [B, N], if there is any; the kernel is causal."""
    if use_vmap:
        raise ValueError("longthought kernels are causal; the model adds a mask function of its own, which none serves")
    if attention_mask is None or bool(attention_mask.all()):
        return None
    require_right_padding(attention_mask)
    return attention_mask.to(torch.bool)
