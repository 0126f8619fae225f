"""What is wrong with a recipe, and how a fault found by pydantic becomes a sentence with a fix."""

from __future__ import annotations

import difflib
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from rlhf.recipe.yaml_lines import Path


@dataclass(frozen=True, slots=True)
class Problem:
    """where: `file:line` or the override. key: dotted path. message: what was found, and what to write."""

    key: str
    message: str
    where: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.where, self.key, self.message) if part)


class RecipeError(ValueError):
    """A recipe that cannot run, with everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__("\n".join(str(p) for p in problems))
        self.problems = list(problems)


def dotted(path: Path) -> str:
    return ".".join(str(part) for part in path)


def shown(value: Any, limit: int = 60) -> str:
    """The value as one would write it in YAML, shortened."""
    text = (
        {None: "null", True: "true", False: "false"}[value]
        if value is None or value is True or value is False
        else repr(value)
    )
    return text if len(text) <= limit else text[: limit - 1] + "…"


def nearest(name: str, names: Sequence[str]) -> str:
    """` did you mean …?` or the list of what there is."""
    lower = {other.lower(): other for other in names}
    near = [lower[found] for found in difflib.get_close_matches(name.lower(), lower, n=3, cutoff=0.6)]
    near = near or [other for other in names if len(name) > 2 and name.lower() in other.lower()][:3]
    return f"did you mean {' or '.join(near)}?" if near else f"there is: {', '.join(sorted(names))}"


def model_of(annotation: Any) -> type[BaseModel] | None:
    """The section behind `X`, `X | None`, `list[X]` or `Annotated[X, …]`, if it is one."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for inner in get_args(annotation):
        if (found := model_of(inner)) is not None:
            return found
    return None


def section_at(root: type[BaseModel], path: Path) -> type[BaseModel] | None:
    """The section that a path leads to; None where it leads to a value or nowhere."""
    section: type[BaseModel] | None = root
    for part in path:
        if isinstance(part, int):
            continue
        if section is None or part not in section.model_fields:
            return None
        section = model_of(section.model_fields[part].annotation)
    return section


def every_key(root: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """The dotted path of every key of the schema."""
    for name, info in root.model_fields.items():
        yield prefix + name
        section = model_of(info.annotation)
        if section is not None:
            is_list = any(get_origin(a) is list for a in (info.annotation, *get_args(info.annotation)))
            yield from every_key(section, f"{prefix}{name}." + ("0." if is_list else ""))


def explain(error: ErrorDetails, root: type[BaseModel]) -> str:
    """One pydantic error as what was found and what to write."""
    path: Path = tuple(error["loc"])
    if error["type"] == "extra_forbidden":
        return _unknown_key(root, path)
    if error["type"] == "missing":
        return _missing(root, path)
    kind, found, context = error["type"], f"found {shown(error['input'])}", error.get("ctx", {})
    if kind == "literal_error":
        return f"{found}; write {_allowed(root, path, str(error['input']))}"
    if kind in _EXPECTED:
        return f"{found}; write {_EXPECTED[kind]}{_section_hint(root, path)}{_or_null(root, path)}"
    if kind in _LIMITS:
        return f"{found}; write {_LIMITS[kind].format(**context)}"
    return f"{found}; {error['msg'][:1].lower()}{error['msg'][1:]}"


_LIMITS = {
    "greater_than": "a number above {gt:g}",
    "greater_than_equal": "a number of at least {ge:g}",
    "less_than": "a number below {lt:g}",
    "less_than_equal": "a number of at most {le:g}",
    "too_short": "at least {min_length} of them",
    "too_long": "{max_length} of them",
    "string_pattern_mismatch": "text that matches {pattern}",
    "finite_number": "a finite number",
}
_EXPECTED = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "string_type": "text (in quotes where it looks like a number)",
    "list_type": "a list, e.g. [a, b]",
    "tuple_type": "a list, e.g. [a, b]",
    "dict_type": "keys and values",
    "model_type": "a section with keys",
    "model_attributes_type": "a section with keys",
}


def _unknown_key(root: type[BaseModel], path: Path) -> str:
    name = str(path[-1])
    section = section_at(root, path[:-1]) or root
    prefix = dotted(path[:-1])
    here = difflib.get_close_matches(name, list(section.model_fields), n=2, cutoff=0.7)
    if here:
        return f"unknown key; did you mean {' or '.join(f'{prefix}.{k}' if prefix else k for k in here)}?"
    elsewhere = [key for key in every_key(root) if key.rsplit(".", 1)[-1] == name]
    if elsewhere:
        return f"unknown key; did you mean {' or '.join(elsewhere)}?"
    return f"unknown key; {prefix or 'a recipe'} has: {', '.join(section.model_fields)}"


def _missing(root: type[BaseModel], path: Path) -> str:
    section = section_at(root, path[:-1])
    info = section.model_fields.get(str(path[-1])) if section is not None else None
    if info is None:
        return "an entry is missing here; write one more"
    inner = model_of(info.annotation)
    if info.description:
        return f"missing; write {info.description}"
    if inner is not None:
        return f"missing; write a section with {', '.join(_required(inner)) or 'its keys'}"
    allowed = literals(info.annotation)
    return f"missing; write {_alternatives(allowed)}" if allowed else "missing; write it"


def _required(section: type[BaseModel]) -> list[str]:
    return [name for name, info in section.model_fields.items() if info.is_required()]


def _annotation(root: type[BaseModel], path: Path) -> Any:
    names = [part for part in path if isinstance(part, str)]
    section = section_at(root, tuple(names[:-1]))
    info = section.model_fields.get(names[-1]) if section is not None and names else None
    return info.annotation if info is not None else None


def literals(annotation: Any) -> list[str]:
    if get_origin(annotation) is Literal:
        return [str(a) for a in get_args(annotation)]
    return [text for inner in get_args(annotation) for text in literals(inner)]


def _allowed(root: type[BaseModel], path: Path, found: str) -> str:
    names = literals(_annotation(root, path))
    near = difflib.get_close_matches(found, names, n=1)
    return _alternatives(names) + (f"; did you mean {near[0]}?" if near else "")


def _alternatives(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} or {names[-1]}"


def _section_hint(root: type[BaseModel], path: Path) -> str:
    section = section_at(root, path)
    return f": {', '.join(section.model_fields)}" if section is not None and path else ""


def _or_null(root: type[BaseModel], path: Path) -> str:
    annotation = _annotation(root, path)
    optional = get_origin(annotation) in (Union, types.UnionType) and type(None) in get_args(annotation)
    return " or null" if optional else ""
