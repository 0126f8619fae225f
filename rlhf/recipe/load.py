"""Reads a recipe: YAML and dotted overrides in, a checked recipe of its kind out, or every fault with its line.

Nothing here or below imports torch, transformers, ray or vllm: a bad recipe is refused in a fraction of a
second. Keys are validated by the schemas, what spans several keys by `checks.py` and `checks_eval.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath

from rlhf.algorithms.catalog import CATALOG
from rlhf.recipe.attention import KEY as ATTENTION
from rlhf.recipe.checks import check
from rlhf.recipe.checks_attention import check_attention, check_eval_attention
from rlhf.recipe.checks_distill import check_distill, check_distill_memory, check_distill_model
from rlhf.recipe.checks_eval import check_eval
from rlhf.recipe.checks_model import check_eval_memory, check_eval_model, check_memory, check_model
from rlhf.recipe.devices import Devices, devices_for
from rlhf.recipe.distill_estimate import DistillEstimate, distill_estimate
from rlhf.recipe.distill_schema import DistillRecipe
from rlhf.recipe.engine_memory import EngineMemory, eval_engine_memory
from rlhf.recipe.estimate import Estimate, estimate_for
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.model_config import (
    REPLACEABLE,
    BuiltConfigError,
    ModelConfig,
    ModelConfigError,
    find_config,
    find_trained_config,
    read_model_config,
)
from rlhf.recipe.policy_attention import attended
from rlhf.recipe.prefix_caching import check_native
from rlhf.recipe.problems import Problem, RecipeError
from rlhf.recipe.schema import PolicyConfig, TrainRecipe
from rlhf.recipe.source import read
from rlhf.recipe.yaml_lines import dump

Recipe = TrainRecipe | EvalRecipe | DistillRecipe
KINDS: dict[str, type[TrainRecipe] | type[EvalRecipe] | type[DistillRecipe]] = {
    "train": TrainRecipe,
    "eval": EvalRecipe,
    "distill": DistillRecipe,
}
Finder = Callable[[str, str | None], FilePath | None]
"""(model, revision) -> its config.json, where it is here."""

Placing = Callable[[Finding], Problem]
"""Gives a finding the place where its key was written."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A recipe that can run, what it will run on, and what its author may want to know.

    model, estimate: None where the model's config.json is not on this machine, or of an architecture without a
    formula; a warning then says so. The model has the layers that policy.attention gives it.
    """

    recipe: TrainRecipe
    devices: Devices
    warnings: tuple[Problem, ...]
    model: ModelConfig | None = None
    estimate: Estimate | None = None


@dataclass(frozen=True, slots=True)
class LoadedEval:
    """The same of an evaluation. engine: memory of one of an engine's devices, where the model is known."""

    recipe: EvalRecipe
    devices: Devices
    warnings: tuple[Problem, ...]
    model: ModelConfig | None = None
    engine: EngineMemory | None = None


@dataclass(frozen=True, slots=True)
class LoadedDistill:
    """The same of a distillation. model: the student, with the layers that policy.attention gives it."""

    recipe: DistillRecipe
    devices: Devices
    warnings: tuple[Problem, ...]
    model: ModelConfig | None = None
    estimate: DistillEstimate | None = None


AnyLoaded = Loaded | LoadedEval | LoadedDistill


def load_recipe(path: str | FilePath, overrides: Sequence[str] = ()) -> TrainRecipe:
    """The training recipe of a file, with overrides (`a.b=value`) applied. Raises RecipeError with every fault."""
    return load_train(path, overrides).recipe


def load_train(path: str | FilePath, overrides: Sequence[str] = (), devices: Devices | None = None) -> Loaded:
    """Like load_checked, of a training recipe alone."""
    loaded = load_checked(path, overrides, devices)
    if not isinstance(loaded, Loaded):
        kind = loaded.recipe.kind
        raise RecipeError([Problem("kind", f"found {kind}, where a training recipe is needed; name one", str(path))])
    return loaded


def load_eval(path: str | FilePath, overrides: Sequence[str] = (), devices: Devices | None = None) -> LoadedEval:
    """Like load_checked, of an evaluation's recipe alone."""
    loaded = load_checked(path, overrides, devices)
    if not isinstance(loaded, LoadedEval):
        message = f"found {loaded.recipe.kind}, where an evaluation's recipe is needed; name one that says kind: eval"
        raise RecipeError([Problem("kind", message, str(path))])
    return loaded


def load_distill(path: str | FilePath, overrides: Sequence[str] = (), devices: Devices | None = None) -> LoadedDistill:
    """Like load_checked, of a distillation's recipe alone."""
    loaded = load_checked(path, overrides, devices)
    if not isinstance(loaded, LoadedDistill):
        message = f"found {loaded.recipe.kind}, where a distillation's is needed; name one that says kind: distill"
        raise RecipeError([Problem("kind", message, str(path))])
    return loaded


def load_checked(path: str | FilePath, overrides: Sequence[str] = (), devices: Devices | None = None) -> AnyLoaded:
    """The recipe of a file with its warnings. devices: what there is to run on; default what can be seen."""
    source = read(FilePath(path))
    for override in overrides:
        source.override(override)
    recipe = source.validate(KINDS)
    if isinstance(recipe, EvalRecipe):
        return checked_eval(recipe, source.problem, devices)
    if isinstance(recipe, DistillRecipe):
        return _checked_distill(recipe, source.problem, devices)
    return _checked_train(recipe, source.problem, devices)


def _checked_train(recipe: TrainRecipe, placed: Placing, devices: Devices | None) -> Loaded:
    devices = devices or devices_for(recipe.cluster)
    model, estimate, more = _train_model(recipe, devices, find_config)
    return Loaded(recipe, devices, _warnings([*check(recipe, devices), *more], placed), model, estimate)


def _train_model(
    recipe: TrainRecipe, devices: Devices, find: Finder
) -> tuple[ModelConfig | None, Estimate | None, list[Finding]]:
    """The model, what it needs, and what its config.json forbids."""
    model, findings = _engine_model(recipe.policy, find, "rollout", recipe.rollout.prefix_caching)
    if model is None or recipe.algorithm.name not in CATALOG:  # that is what is wrong, then
        return model, None, findings
    estimate = estimate_for(recipe, model, devices)
    findings += [*check_model(recipe, model), *check_attention(recipe, model, devices)]
    findings += check_memory(recipe, estimate, devices)
    return model, estimate, findings


def checked_eval(recipe: EvalRecipe, placed: Placing, devices: Devices | None = None) -> LoadedEval:
    """An evaluation's recipe from a file, or composed from options (`options.py`). Raises RecipeError."""
    devices = devices or devices_for(recipe.cluster)
    model, engine, more = _eval_model(recipe, devices, find_trained_config)
    return LoadedEval(recipe, devices, _warnings([*check_eval(recipe, devices), *more], placed), model, engine)


def _eval_model(
    recipe: EvalRecipe, devices: Devices, find: Finder
) -> tuple[ModelConfig | None, EngineMemory | None, list[Finding]]:
    model, findings = _engine_model(recipe.policy, find, "engines", recipe.engines.prefix_caching)
    if model is None:
        return None, None, findings
    engine = eval_engine_memory(recipe, model, devices)
    findings += [*check_eval_model(recipe, model), *check_eval_attention(recipe, model, devices)]
    return model, engine, [*findings, *check_eval_memory(recipe, engine, devices)]


def _checked_distill(recipe: DistillRecipe, placed: Placing, devices: Devices | None) -> LoadedDistill:
    devices = devices or devices_for(recipe.cluster)
    student, estimate, more = _distill_model(recipe, devices, find_config)
    return LoadedDistill(
        recipe, devices, _warnings([*check_distill(recipe, devices), *more], placed), student, estimate
    )


def _distill_model(
    recipe: DistillRecipe, devices: Devices, find: Finder
) -> tuple[ModelConfig | None, DistillEstimate | None, list[Finding]]:
    student, findings = teacher, _ = _model(recipe.policy.model_copy(update={"attention": None}), find)
    if teacher is None or not teacher.built:  # else what is wrong is said of the teacher
        student, findings = _model(recipe.policy, find)
    if teacher is None or student is None:
        return student, None, findings
    findings += check_distill_model(recipe, teacher, student, devices)
    estimate = distill_estimate(recipe, teacher, student, devices)
    return student, estimate, [*findings, *check_distill_memory(recipe, estimate, devices)]


def recheck(recipe: Recipe, folder: FilePath) -> None:
    """What only the model's config.json shows, once it is in `folder`: one of the hub may have come when the run began.

    folder: of policy.model as it is; a distillation's teacher. Raises RecipeError.
    """

    def find(model: str, revision: str | None) -> FilePath:
        return folder / "config.json"

    devices = devices_for(recipe.cluster)
    if isinstance(recipe, EvalRecipe):
        findings = _eval_model(recipe, devices, find)[2]
    elif isinstance(recipe, DistillRecipe):
        findings = _distill_model(recipe, devices, find)[2]
    else:
        findings = _train_model(recipe, devices, find)[2]
    _warnings(findings, lambda finding: Problem(finding.key, finding.message, str(folder)))


def _warnings(findings: Sequence[Finding], placed: Placing) -> tuple[Problem, ...]:
    """Of findings none of which is fatal. Raises RecipeError with the fatal ones."""
    errors = [placed(finding) for finding in findings if finding.fatal]
    if errors:
        raise RecipeError(errors)
    return tuple(placed(finding) for finding in findings)


def _engine_model(
    policy: PolicyConfig, find: Finder, section: str, caching: bool | None
) -> tuple[ModelConfig | None, list[Finding]]:
    """`_model`, and what its own recurrent layers forbid engines, whatever the formula. section: of the engines."""
    model, findings = _model(policy, find)
    return model, [*findings, *check_native(section, caching, find(policy.model, policy.revision))]


def _model(policy: PolicyConfig, find: Finder) -> tuple[ModelConfig | None, list[Finding]]:
    """The model's sizes and layers, where its config.json is here; otherwise why they are not known."""
    path = find(policy.model, policy.revision)
    if path is None:
        note = f"{policy.model} is not on this machine yet, so its memory is not estimated"
        return None, [warn("policy.model", note), *attended(policy, None)[1]]
    try:
        return attended(policy, read_model_config(path))
    except BuiltConfigError as error:
        return None, [refuse("policy.model", str(error))]
    except ModelConfigError as error:
        if policy.attention is None:
            return None, [warn("policy.model", f"memory is not estimated: {error}")]
        can = ", ".join(REPLACEABLE)
        return None, [refuse(ATTENTION, f"only the layers of {can} can be replaced; {error}")]


def dump_recipe(recipe: Recipe) -> str:
    """The recipe as resolved, every default written out; `load_checked` reads it back as an equal recipe."""
    return dump(recipe.model_dump(mode="json"))
