"""A recipe's file as data: read with its bases, overridden, and validated by the schema of its kind, with lines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from rlhf.recipe.findings import Finding
from rlhf.recipe.problems import Problem, RecipeError, dotted, explain, nearest, shown
from rlhf.recipe.yaml_lines import Document, Path, YamlError, parse

Recipe = TypeVar("Recipe", bound=BaseModel)


class Source:
    """The data of one file and where each key came from."""

    def __init__(self, name: str, document: Document) -> None:
        self.name, self.data = name, document.data
        self.places = {_texts(path): f"{name}:{line}" for path, line in document.lines.items()}
        self.faults = [Problem(dotted(f.path), f.message, f"{name}:{f.line}") for f in document.faults]

    def where(self, path: Path) -> str:
        """`file:line` of the key, of the nearest key above it, or the override that wrote it."""
        parts = _texts(path)
        for end in range(len(parts), -1, -1):
            if parts[:end] in self.places:
                return self.places[parts[:end]]
        return self.name

    def take(self, base: Source) -> None:
        """Stand on another recipe: what this one does not say is as there. Sections are merged, all else replaced."""
        replaced: set[Path] = set()
        self.data = _merged(base.data, self.data, (), replaced)
        kept = {path: place for path, place in base.places.items() if not any(path[: len(r)] == r for r in replaced)}
        self.places = kept | self.places
        self.faults = base.faults + self.faults

    def problem(self, finding: Finding) -> Problem:
        return Problem(finding.key, finding.message, self.where(split(finding.key)))

    def override(self, text: str) -> None:
        """Applies `a.b=value`; a fault is noted, and `validate` raises it together with the others."""
        where = f"override {text!r}"
        key, equals, value_text = text.partition("=")
        key = key.strip()
        if not equals or not key or not all(key.split(".")):
            self.faults.append(Problem("", f"found {text!r}; write key.path=value, e.g. rollout.engines=2", where))
            return
        try:
            value = parse(value_text)
            if value.faults:
                raise value.faults[0]
        except YamlError as error:
            self.faults.append(Problem(key, error.message, where))
            return
        path = split(key)
        if self.data is None:
            self.data = {}
        if fault := _assign(self.data, path, value.data):
            self.faults.append(Problem(key, fault, where))
        else:
            # What the file said at or below this key is gone, and so are its lines.
            at = _texts(path)
            self.places = {p: place for p, place in self.places.items() if p[: len(at)] != at} | {at: where}

    def validate(self, kinds: Mapping[str, type[Recipe]]) -> Recipe:
        """The recipe, of one of the kinds. Raises RecipeError with every fault that was noted or is found."""
        data = self.data
        if not isinstance(data, dict):
            found = "nothing" if data is None else shown(data)
            raise RecipeError(
                [*self.faults, Problem("", f"found {found}; write keys: policy, data, reward …", self.name)]
            )
        kind = data.get("kind", "train")
        if not isinstance(kind, str) or kind not in kinds:
            message = f"unknown kind {shown(kind)}; {nearest(str(kind), list(kinds))}"
            raise RecipeError([*self.faults, Problem("kind", message, self.where(("kind",)))])
        if "kind" not in data and "evaluation" in data and not {"data", "reward"} & set(data):
            message = "missing; a recipe with evaluation and neither data nor reward says kind: eval"
            raise RecipeError([*self.faults, Problem("kind", message, self.name)])
        if "kind" not in data and {"distill", "text"} & set(data) and not {"data", "reward"} & set(data):
            message = "missing; a recipe with text and distill, and neither data nor reward, says kind: distill"
            raise RecipeError([*self.faults, Problem("kind", message, self.name)])
        try:
            # As JSON, where a list is what a tuple is read from; strict otherwise.
            recipe = kinds[kind].model_validate_json(json.dumps(data))
        except ValidationError as error:
            self.faults += [self._explained(e, kinds[kind]) for e in error.errors(include_url=False)]
        if self.faults:
            raise RecipeError(self.faults)
        return recipe

    def _explained(self, error: Any, root: type[BaseModel]) -> Problem:
        path: Path = tuple(error["loc"])
        return Problem(dotted(path), explain(error, root), self.where(path))


def split(key: str) -> Path:
    """`reward.0.weight` → its parts, list indices as numbers."""
    return tuple(int(part) if part.isdecimal() else part for part in key.split("."))


def _texts(path: Path) -> tuple[str, ...]:
    """As a place is filed: a number is a list's index or a mapping's key, and a key does not tell which."""
    return tuple(map(str, path))


def read(path: FilePath, above: tuple[FilePath, ...] = ()) -> Source:
    """The file, on top of the one that its key `base` names (as seen from it), and so on. Raises RecipeError."""
    source = _read_one(path)
    if not isinstance(source.data, dict) or "base" not in source.data:
        return source
    base = source.data.pop("base")
    place, here = source.where(("base",)), path.resolve()
    if not isinstance(base, str) or not base.endswith((".yaml", ".yml")):
        raise RecipeError([Problem("base", f"found {shown(base)}; write a recipe's file, e.g. grpo.yaml", place)])
    if here in above:
        raise RecipeError(
            [Problem("base", f"{base} stands on this file in turn; a recipe cannot be its own base", place)]
        )
    if not (path.parent / base).is_file():
        siblings = [p.name for p in path.parent.glob("*.yaml") if p != path]
        raise RecipeError([Problem("base", f"no file {path.parent / base}; {nearest(base, siblings)}", place)])
    source.take(read(path.parent / base, (*above, here)))
    return source


def _read_one(path: FilePath) -> Source:
    name = str(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        siblings = [p.name for p in path.parent.glob("*.yaml")] if path.parent.is_dir() else []
        hint = nearest(path.name, siblings) if siblings else f"no recipe lies in {path.parent}"
        raise RecipeError([Problem("", f"no such file; {hint}", name)]) from None
    except (OSError, UnicodeDecodeError) as error:
        raise RecipeError([Problem("", f"cannot be read as UTF-8 text: {error}", name)]) from error
    try:
        return Source(name, parse(text))
    except YamlError as error:
        raise RecipeError([Problem(dotted(error.path), error.message, f"{name}:{error.line}")]) from error


def _merged(base: Any, own: Any, path: Path, replaced: set[Path]) -> Any:
    """Sections key by key; anything else is `own`, and its path is noted."""
    if not isinstance(base, dict) or not isinstance(own, dict):
        replaced.add(path)
        return own
    return base | {
        key: _merged(base[key], value, (*path, key), replaced) if key in base else value for key, value in own.items()
    }


def _assign(target: Any, path: Path, value: Any) -> str | None:
    """Writes a value into the data; returns what stands in the way."""
    for depth, part in enumerate(path):
        last = depth == len(path) - 1
        above = dotted(path[:depth]) or "the recipe"
        if isinstance(target, list):
            if not isinstance(part, int) or part >= len(target):
                return f"{above} is a list of {len(target)}; write an index below {len(target)}, e.g. {above}.0"
        elif not isinstance(target, dict):
            return f"{above} is {shown(target)}, not a section; override it as a whole"
        name = str(part) if isinstance(target, dict) else part
        if last:
            target[name] = value
        elif isinstance(target, dict) and target.get(name) is None:
            target[name] = {}
        target = target[name]
    return None
