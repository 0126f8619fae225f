"""Checks on `data`: keys that belong to another kind of source, and held-out prompts that are trained on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlhf.data.difficulty import levels_of
from rlhf.recipe.checks_domains import domain_of
from rlhf.recipe.checks_task import check_task
from rlhf.recipe.data_schema import SourceConfig
from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.problems import shown
from rlhf.recipe.schema import TrainRecipe
from verifiers.specs import VERIFIERS

_FIELDS = frozenset(
    {"prompt_field", "reference_field", "metadata_fields", "domain", "domain_field", "difficulty_field"}
)
BELONGS = {
    "jsonl": _FIELDS | {"path", "size"},
    "parquet": _FIELDS | {"path", "size"},
    "hub": _FIELDS | {"path", "split", "subset", "revision", "size"},
    "reasoning_gym": frozenset({"task", "task_config", "difficulty", "size", "seed", "domain"}),
}
NEEDS = {
    "jsonl": {"path": "the file"},
    "parquet": {"path": "the file"},
    "hub": {"path": "the dataset's id"},
    "reasoning_gym": {"task": "the task's name, e.g. chain_sum", "size": "how many prompts to make, e.g. 1000"},
}


def check_data(recipe: TrainRecipe) -> Iterator[Finding]:
    data = recipe.data
    training = {"data.train": data.train} | {f"data.train_also.{i}": s for i, s in enumerate(data.train_also)}
    heldout = {} if data.heldout is None else {"data.heldout": data.heldout}
    for key, source in (training | heldout).items():
        yield from check_source(key, source)
        yield from _check_verifiers(recipe, key, source)
    for source in training.values():
        if data.heldout is not None:
            yield from check_apart(source, data.heldout, "data.heldout")
    sizes = [source.size for source in training.values()]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    if total is not None and total < recipe.trainer.prompts_per_step:
        yield warn(
            "trainer.prompts_per_step",
            f"found {recipe.trainer.prompts_per_step}, more than the {total} prompts to train on: a step then holds "
            "a prompt more than once",
        )


def check_source(key: str, source: SourceConfig) -> Iterator[Finding]:
    kind = source.source
    for name, meaning in NEEDS[kind].items():
        if getattr(source, name) is None:
            yield refuse(f"{key}.{name}", f"missing; source {kind} needs {meaning}")
    for name, info in SourceConfig.model_fields.items():
        value = getattr(source, name)
        if name != "source" and name not in BELONGS[kind] and value != info.default:
            users = ", ".join(k for k, names in BELONGS.items() if name in names)
            yield refuse(f"{key}.{name}", f"found {shown(value)}, a key of source {users}, not of {kind}; remove it")
    if source.domain is not None and source.domain_field is not None:
        yield refuse(f"{key}.domain", f"{key}.domain_field says it row by row; remove one of the two")
    if kind == "reasoning_gym" and source.task is not None:
        yield from check_task(key, f"{key}.task", source.task, source)
    if kind in ("jsonl", "parquet") and source.path is not None and not Path(source.path).is_file():
        yield refuse(f"{key}.path", f"no file {source.path} as seen from {Path.cwd()}")


def _check_verifiers(recipe: TrainRecipe, key: str, source: SourceConfig) -> Iterator[Finding]:
    """A verifier that needs what this source does not bring would answer `error` to every sample."""
    domain = domain_of(source)
    for i, part in enumerate(recipe.reward):
        if part.domains and (domain is None or not part.judges(domain)):
            continue  # it judges other sources, or some rows of this one, which their gold answers will tell
        spec = VERIFIERS.get(part.verifier)
        if part.verifier == "logic" and source.source != "reasoning_gym":
            if not {"task", "entry"} <= set(source.metadata_fields):
                yield refuse(
                    f"reward.{i}.verifier",
                    f"logic judges reasoning_gym prompts, and {key} is {source.source}; write verifier: math, "
                    "or metadata_fields: [task, task_config, entry]",
                )
        elif (
            spec is not None
            and spec.needs_reference
            and source.source != "reasoning_gym"
            and source.reference_field is None
        ):
            yield refuse(
                f"{key}.reference_field",
                f"found null, but the verifier {part.verifier} needs a gold answer; write its field",
            )


def check_apart(train: SourceConfig, heldout: SourceConfig, key: str) -> Iterator[Finding]:
    """key: of what is held out: the held-out source, or a benchmark of the run."""
    if train.source != heldout.source:
        return
    if train.source == "reasoning_gym":
        if (train.task, train.task_config) != (heldout.task, heldout.task_config) or not train.size or not heldout.size:
            return
        if not set(levels_of(train.difficulty)) & set(levels_of(heldout.difficulty)):
            return
        # Item i of a reasoning-gym dataset is made from the seed plus i (seen for 101 of 104 tasks).
        apart = train.seed + train.size <= heldout.seed or heldout.seed + heldout.size <= train.seed
        if not apart:
            yield refuse(
                f"{key}.seed",
                f"found {heldout.seed}: item i is made from seed + i, so these {heldout.size} prompts and the "
                f"{train.size} of data.train (seed {train.seed}) are partly the same; write "
                f"{train.seed + train.size} or more",
            )
        return
    same = ("path", "split", "subset", "revision")
    if all(getattr(train, name) == getattr(heldout, name) for name in same):
        yield refuse(
            f"{key}.path", f"found {shown(heldout.path)}, which data.train reads too; write another file or split"
        )
