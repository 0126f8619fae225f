"""Reads a recipe: YAML and dotted overrides in, a checked TrainRecipe out, or every fault with its line.

Nothing here or below imports torch, transformers, ray or vllm: a bad recipe is refused in a fraction of a
second. Keys are validated by `schema.py`, what spans several keys by `checks.py`.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from pydantic import ValidationError

from rlhf.algorithms.catalog import CATALOG
from rlhf.recipe.checks import check
from rlhf.recipe.checks_model import check_memory, check_model
from rlhf.recipe.devices import Devices, devices_for
from rlhf.recipe.estimate import Estimate, estimate_for
from rlhf.recipe.findings import Finding, warn
from rlhf.recipe.model_config import ModelConfig, ModelConfigError, find_config, read_model_config
from rlhf.recipe.problems import Problem, RecipeError, dotted, explain, nearest, shown
from rlhf.recipe.schema import TrainRecipe
from rlhf.recipe.yaml_lines import Document, Path, YamlError, dump, parse

KINDS: dict[str, type[TrainRecipe]] = {"train": TrainRecipe}


@dataclass(frozen=True, slots=True)
class Loaded:
    """A recipe that can run, what it will run on, and what its author may want to know.

    model, estimate: None where the model's config.json is not on this machine, or of an architecture without a
    formula; a warning then says so.
    """

    recipe: TrainRecipe
    devices: Devices
    warnings: tuple[Problem, ...]
    model: ModelConfig | None = None
    estimate: Estimate | None = None


def load_recipe(path: str | FilePath, overrides: Sequence[str] = ()) -> TrainRecipe:
    """The recipe of a file, with overrides (`a.b=value`) applied. Raises RecipeError with every fault."""
    return load_checked(path, overrides).recipe


def load_checked(path: str | FilePath, overrides: Sequence[str] = (), devices: Devices | None = None) -> Loaded:
    """Like load_recipe, with warnings. devices: what there is to run on; default what can be seen (devices.py)."""
    source = _read(FilePath(path))
    for override in overrides:
        source.override(override)
    recipe = source.validate()
    devices = devices or devices_for(recipe.cluster)
    findings = check(recipe, devices)
    model, more = _model(recipe)
    findings += more
    estimate = None
    if model is not None and recipe.algorithm.name in CATALOG:  # else that is what is wrong
        estimate = estimate_for(recipe, model, devices)
        findings += [*check_model(recipe, model), *check_memory(recipe, estimate, devices)]
    errors = [source.problem(f) for f in findings if f.fatal]
    if errors:
        raise RecipeError(errors)
    return Loaded(recipe, devices, tuple(source.problem(f) for f in findings), model, estimate)


def _model(recipe: TrainRecipe) -> tuple[ModelConfig | None, list[Finding]]:
    """The model's sizes, where its config.json is here; otherwise why they are not known."""
    path = find_config(recipe.policy.model, recipe.policy.revision)
    if path is None:
        note = f"{recipe.policy.model} is not on this machine yet, so its memory is not estimated"
        return None, [warn("policy.model", note)]
    try:
        return read_model_config(path), []
    except ModelConfigError as error:
        return None, [warn("policy.model", f"memory is not estimated: {error}")]


def dump_recipe(recipe: TrainRecipe) -> str:
    """The recipe as resolved, every default written out; `load_recipe` reads it back as an equal recipe."""
    return dump(recipe.model_dump(mode="json"))


class Source:
    """The data of one file and where each key came from."""

    def __init__(self, name: str, document: Document) -> None:
        self.name, self.data = name, document.data
        self.places = {path: f"{name}:{line}" for path, line in document.lines.items()}
        self.faults = [Problem(dotted(f.path), f.message, f"{name}:{f.line}") for f in document.faults]

    def where(self, path: Path) -> str:
        """`file:line` of the key, of the nearest key above it, or the override that wrote it."""
        for end in range(len(path), -1, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return self.name

    def take(self, base: Source) -> None:
        """Stand on another recipe: what this one does not say is as there. Sections are merged, all else replaced."""
        replaced: set[Path] = set()
        self.data = _merged(base.data, self.data, (), replaced)
        kept = {path: place for path, place in base.places.items() if not any(path[: len(r)] == r for r in replaced)}
        self.places = kept | self.places
        self.faults = base.faults + self.faults

    def problem(self, finding: Finding) -> Problem:
        path = tuple(int(p) if p.isdecimal() else p for p in finding.key.split("."))
        return Problem(finding.key, finding.message, self.where(path))

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
        path = tuple(int(p) if p.isdecimal() else p for p in key.split("."))
        if self.data is None:
            self.data = {}
        if fault := _assign(self.data, path, value.data):
            self.faults.append(Problem(key, fault, where))
        else:
            # What the file said at or below this key is gone, and so are its lines.
            self.places = {p: place for p, place in self.places.items() if p[: len(path)] != path} | {path: where}

    def validate(self) -> TrainRecipe:
        data = self.data
        if not isinstance(data, dict):
            found = "nothing" if data is None else shown(data)
            raise RecipeError(
                [*self.faults, Problem("", f"found {found}; write keys: policy, data, reward …", self.name)]
            )
        kind = data.get("kind", "train")
        if not isinstance(kind, str) or kind not in KINDS:
            message = f"unknown kind {shown(kind)}; {nearest(str(kind), list(KINDS))}"
            raise RecipeError([*self.faults, Problem("kind", message, self.where(("kind",)))])
        try:
            # As JSON, where a list is what a tuple is read from; strict otherwise.
            recipe = KINDS[kind].model_validate_json(json.dumps(data))
        except ValidationError as error:
            self.faults += [self._explained(e, KINDS[kind]) for e in error.errors(include_url=False)]
        if self.faults:
            raise RecipeError(self.faults)
        return recipe

    def _explained(self, error: Any, root: type[TrainRecipe]) -> Problem:
        path: Path = tuple(error["loc"])
        return Problem(dotted(path), explain(error, root), self.where(path))


def _read(path: FilePath, above: tuple[FilePath, ...] = ()) -> Source:
    """The file, on top of the one that its key `base` names (as seen from it), and so on."""
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
    source.take(_read(path.parent / base, (*above, here)))
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
