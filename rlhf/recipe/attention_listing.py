"""What `rlhf list attention` prints: the kernels, or the settings of one."""

from __future__ import annotations

import json
from collections.abc import Iterator

from pydantic.fields import FieldInfo

from rlhf.attention.catalog import CATALOG
from rlhf.attention.spec import KernelSpec
from rlhf.recipe.problems import literals, nearest

_ENGINES = {
    "state": "vLLM, a state a sequence",
    "paged": "vLLM, keys and values in pages",
    "none": "none: learner only",
}


def kernel_lines() -> dict[str, str]:
    """Name -> what it is, in words."""
    return {name: "; ".join(_facts(spec)) for name, spec in CATALOG.items()}


def kernel_detail(name: str) -> Iterator[str | dict[str, str]]:
    """Lines, and tables of names with a line each. Raises ValueError where there is no such kernel."""
    if name not in CATALOG:
        raise ValueError(f"{name!r} is no attention kernel; {nearest(name, list(CATALOG))}")
    spec = CATALOG[name]
    yield "; ".join(_facts(spec))
    fields = spec.settings.model_fields
    if fields:
        yield "\nsettings, with their defaults in brackets:"
        yield {key: "  ".join(_setting(info)) for key, info in fields.items()}
    else:
        yield "\nno settings"


def _facts(spec: KernelSpec) -> Iterator[str]:
    yield spec.summary
    yield f"cost {spec.cost}"
    yield f"state {spec.state}"
    yield "causal" if spec.causal else "not causal"
    yield "packable" if spec.packable else "not packable"
    library = f" ({spec.library} of flash-linear-attention)" if spec.library is not None else ""
    yield " and ".join(spec.devices) + library
    yield f"engine {_ENGINES[spec.engine]}"
    yield spec.source


def _setting(info: FieldInfo) -> Iterator[str]:
    choices = literals(info.annotation)
    if info.is_required():
        yield "(to be written)" + (f"  {' | '.join(choices)}" if choices else "")
    elif choices:
        yield " | ".join(f"[{choice}]" if choice == str(info.default) else choice for choice in choices)
    else:
        yield f"[{json.dumps(info.get_default(call_default_factory=True))}]"
    if info.description:
        yield info.description
