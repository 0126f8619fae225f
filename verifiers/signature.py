"""Whether a function takes the settings that a recipe gives it: by name, and by type where it says its types."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from verifiers.base import Sample


def check_settings(name: str, function: Callable[..., Any], config: Mapping[str, Any]) -> None:
    """Raise ValueError, naming the setting, what was found and what to write."""
    signature = inspect.signature(function)
    try:
        signature.bind(Sample("", ""), **config)
    except TypeError as problem:
        names = list(signature.parameters)[1:]
        raise ValueError(
            f"verifier {name!r}, config {dict(config)!r}: {problem}; its settings are {', '.join(names) or 'none'}"
        ) from problem
    hints = _hints(function)
    for key, value in config.items():
        if key in hints and not _fits(value, hints[key]):
            raise ValueError(f"verifier {name!r}, setting {key!r}: found {value!r}, write a {_shown(hints[key])}")


def _hints(function: Callable[..., Any]) -> Mapping[str, Any]:
    try:
        return get_type_hints(function)
    except (NameError, TypeError, AttributeError):  # names that only a type checker knows: nothing is said then
        return {}


def _fits(value: object, hint: Any) -> bool:
    """Of types that YAML can write; anything is taken for others."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, part) for part in get_args(hint))
    if origin is Literal:
        return value in get_args(hint)
    kind = origin or hint
    if kind is float:
        return type(value) in (float, int)
    if kind is type(None) or kind in (bool, int, str, list, dict):
        return type(value) is kind
    return True


def _shown(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"value out of {', '.join(map(repr, get_args(hint)))}"
    return hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint).replace("typing.", "")
