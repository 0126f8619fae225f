"""What every layer of a policy attends with: the section `policy.attention` resolved for a number of layers.

Imports no torch: kernels are known by their specs in `rlhf/attention/catalog.py`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rlhf.attention.catalog import CATALOG
from rlhf.attention.spec import KernelSettings, KernelSpec
from rlhf.recipe.attention_schema import AttentionConfig
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.problems import explain, nearest, shown

KEY = "policy.attention"
MOST_LAYERS = 4096
"""Where the model is not known, layers beyond this are not compared."""

_SPAN = re.compile(r"(\d+)(?:-(\d+)(?::(\d+))?)?")


class AttentionError(ValueError):
    """Layers that cannot be resolved; findings: every fault, with its key."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(f"{f.key}: {f.message}" for f in findings))
        self.findings = tuple(findings)


@dataclass(frozen=True, slots=True)
class LayerAttention:
    """Of one layer. settings: the kernel's own, as JSON values, every default filled in."""

    kernel: str
    settings: dict[str, Any]

    @property
    def spec(self) -> KernelSpec:
        return CATALOG[self.kernel]

    def parsed(self) -> KernelSettings:
        return self.spec.settings.model_validate_json(json.dumps(self.settings))


def resolve_layers(config: AttentionConfig, layers: int) -> tuple[LayerAttention, ...]:
    """One a layer. Raises AttentionError with every fault."""
    faults: list[Finding] = []
    default = None if config.default is None else _read(config.default, f"{KEY}.default", faults)
    by_layer: dict[int, LayerAttention | None] = {}
    for key, span in _spans(config, layers, faults):
        read = _read(config.layers[key], f"{KEY}.layers.{key}", faults)
        by_layer |= dict.fromkeys(span, read)
    if config.default is None and (missing := [i for i in range(layers) if i not in by_layer]) and not faults:
        verb = "is" if len(missing) == 1 else "are"
        fix = f"write default: softmax, or a key {spelled(missing, bare=True).split(', ')[0]} below layers"
        faults.append(refuse(f"{KEY}.default", f"found null, and {spelled(missing)} {verb} not named; {fix}"))
    found = [by_layer.get(i, default) for i in range(layers)]
    if faults:
        raise AttentionError(faults)
    return tuple(layer for layer in found if layer is not None)


def faults_of(config: AttentionConfig) -> list[Finding]:
    """What is wrong whatever the model: ranges, kernels, settings."""
    faults: list[Finding] = []
    if config.default is not None:
        _read(config.default, f"{KEY}.default", faults)
    for key, choice in config.layers.items():
        _read(choice, f"{KEY}.layers.{key}", faults)
    list(_spans(config, None, faults))
    return faults


def layers_of_config(raw: Any, layers: int) -> tuple[LayerAttention, ...]:
    """The key `attention` of a checkpoint's config.json. Raises AttentionError, keys as seen from there."""
    entries = raw.get("layers") if isinstance(raw, Mapping) else None
    if not isinstance(entries, list) or len(entries) != layers:
        count = f"{len(entries)} entries" if isinstance(entries, list) else "none"
        raise AttentionError([refuse("attention.layers", f"found {count} for {layers} layers")])
    faults: list[Finding] = []
    found = []
    for i, entry in enumerate(entries):
        key = f"attention.layers.{i}"
        if not isinstance(entry, Mapping) or not isinstance(entry.get("kernel"), str):
            faults.append(refuse(key, f"found {shown(entry)}, which names no kernel"))
            continue
        found.append(_read({**(entry.get("settings") or {}), "kernel": entry["kernel"]}, key, faults))
    if faults:
        raise AttentionError(faults)
    return tuple(layer for layer in found if layer is not None)


def by_kernel(layers: Iterable[LayerAttention]) -> dict[str, list[int]]:
    """Kernel -> its layers."""
    found: dict[str, list[int]] = {}
    for i, layer in enumerate(layers):
        found.setdefault(layer.kernel, []).append(i)
    return found


def spelled(layers: Sequence[int], *, bare: bool = False) -> str:
    """`layer 7`, `layers 3, 5`, `layers 0-11`, `layers 1-29:2`: as a recipe names them. bare: the numbers alone."""
    text = ", ".join(_parts(list(layers)))
    return text if bare else f"layer{'' if len(layers) == 1 else 's'} {text}"


def described(layers: Sequence[LayerAttention]) -> str:
    """`lightning in layers 0-11, softmax in the others`."""
    kernels = by_kernel(layers)
    if len(kernels) == 1:
        return f"{next(iter(kernels))} in every layer"
    others = "softmax" if "softmax" in kernels else max(kernels, key=lambda name: len(kernels[name]))
    named = [f"{name} in {spelled(at)}" for name, at in kernels.items() if name != others]
    return ", ".join([*named, f"{others} in the others"])


def _parts(layers: list[int]) -> Iterator[str]:
    """Runs of three layers or more as ranges; the whole as one where every step is the same."""
    step = layers[1] - layers[0] if len(layers) > 3 else 1
    if step > 1 and layers == list(range(layers[0], layers[-1] + 1, step)):
        yield f"{layers[0]}-{layers[-1]}:{step}"
        return
    while layers:
        end = next((n for n in range(1, len(layers)) if layers[n] != layers[0] + n), len(layers))
        run, layers = layers[:end], layers[end:]
        yield from [f"{run[0]}-{run[-1]}"] if end > 1 else [str(run[0])]


def _spans(config: AttentionConfig, layers: int | None, faults: list[Finding]) -> Iterator[tuple[str, range]]:
    """Each key with its layers; of keys without fault. layers: of the model, where it is known."""
    taken: dict[int, str] = {}
    for key in config.layers:
        span = _span(key, layers, faults)
        if span is None:
            continue
        twice = [i for i in span[:MOST_LAYERS] if i in taken]
        if twice:
            verb = "is" if len(twice) == 1 else "are"
            others = " and ".join(dict.fromkeys(taken[i] for i in twice))
            faults.append(refuse(f"{KEY}.layers.{key}", f"{spelled(twice)} {verb} in {others} too; name a layer once"))
            continue
        taken |= dict.fromkeys(span[:MOST_LAYERS], key)
        yield key, span


def _span(key: str, layers: int | None, faults: list[Finding]) -> range | None:
    at = f"{KEY}.layers.{key}"
    match = _SPAN.fullmatch(key)
    if match is None:
        fix = "write a layer, e.g. 12, a range, e.g. 0-11, or every second of one, e.g. 14-28:2"
        faults.append(refuse(at, f"found {shown(key)}; {fix}"))
        return None
    first, last, step = int(match[1]), int(match[2] or match[1]), int(match[3] or 1)
    ending = "" if match[3] is None else f":{step}"
    if last < first:
        faults.append(refuse(at, f"found {key}; write the lower layer first: {last}-{first}{ending}"))
    elif step == 0:
        faults.append(refuse(at, f"found {key}, with a step of 0; write {first}-{last}"))
    elif first < last < first + step:
        only = f"which is layer {first} alone; write {first}"
        faults.append(refuse(at, f"found {key}, {only}, or a step of at most {last - first}"))
    elif layers is not None and last >= layers:
        fix = f"{first}-{layers - 1}{ending}" if first < layers - 1 and match[2] else f"layers of 0-{layers - 1}"
        faults.append(refuse(at, f"found {key}, and the model has {layers} layers; write {fix}"))
    else:
        return range(first, last + 1, step)
    return None


def _read(choice: str | Mapping[str, Any], key: str, faults: list[Finding]) -> LayerAttention | None:
    """A kernel's name, or its name and settings."""
    settings = {} if isinstance(choice, str) else {name: v for name, v in choice.items() if name != "kernel"}
    kernel = choice if isinstance(choice, str) else choice["kernel"]
    if kernel not in CATALOG:
        hint = nearest(kernel, list(CATALOG))
        faults.append(refuse(key, f"no attention kernel is called {shown(kernel)}; {hint} (`rlhf list attention`)"))
        return None
    schema = CATALOG[kernel].settings
    try:
        filled = schema.model_validate_json(json.dumps(settings)).model_dump(mode="json")
    except ValidationError as error:
        for each in error.errors(include_url=False):
            path = ".".join(map(str, (key, *each["loc"])))
            faults.append(refuse(path, _setting_fault(each, kernel, schema)))
        return None
    return LayerAttention(kernel, filled)


def _setting_fault(error: ErrorDetails, kernel: str, schema: type[KernelSettings]) -> str:
    if error["type"] != "extra_forbidden":
        return explain(error, schema)
    names = list(schema.model_fields)
    hint = nearest(str(error["loc"][-1]), names) if names else "it has none: remove it"
    return f"{kernel} has no such setting; {hint}"
