"""Checks of an evaluation's benchmarks, entry by entry: names, keys of another kind of entry, samples and verifiers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rlhf.recipe.asked import GENERATED, Asked, asked_of
from rlhf.recipe.checks_answers import check_answers
from rlhf.recipe.checks_task import check_task
from rlhf.recipe.checks_verifier import CODE, check_code, check_verifier
from rlhf.recipe.evaluation_schema import BenchmarkConfig, EvaluationConfig
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.problems import shown
from rlhf.recipe.schema import VerifyConfig
from verifiers.specs import VERIFIERS

FILE_KEYS = ("prompt_field", "reference_field", "metadata_fields", "category_field", "licence")
GENERATED_KEYS = ("task_config", "difficulty", "size", "seed")
SUFFIXES = (".jsonl", ".jsonl.gz", ".csv", ".parquet")


def check_evaluation(evaluation: EvaluationConfig, verify: VerifyConfig) -> Iterator[Finding]:
    """Of either kind of recipe. verify: what judges the answers."""
    asked = asked_of(evaluation)
    for i, one in enumerate(asked):
        yield from _check_name(one, asked[:i])
        yield from _check_keys(one)
        if one.kind == "file":
            yield from _check_file(one)
        elif one.kind == "reasoning_gym":
            yield from check_task(one.key, f"{one.key}.name", one.task, one.entry)
        yield from _check_judge(one, verify)
        yield from _check_samples(one, evaluation)
    yield from check_answers(evaluation, asked)


def _check_name(one: Asked, above: Sequence[Asked]) -> Iterator[Finding]:
    key = f"{one.key}.name"
    if one.unknown:
        yield refuse(key, one.unknown)
    if any(other.name == one.name for other in above):
        first = next(other for other in above if other.name == one.name)
        yield refuse(key, f"{one.name} is {first.key} too, and results go by name; remove one, or merge them")
    if one.kind != "file":
        return
    if one.name.startswith(GENERATED):
        yield refuse(key, f"found {shown(one.name)}, whose problems are made, and a file too; write another name")
    elif _is_in_table(one.name):
        yield refuse(key, f"{one.name} is a name of `rlhf list benchmarks`; write another for a file of your own")


def _is_in_table(name: str) -> bool:
    from rlhf.evaluation.benchmarks import BENCHMARKS

    return name in BENCHMARKS


def _check_keys(one: Asked) -> Iterator[Finding]:
    """Keys of another kind of entry would mean nothing."""
    entry = one.entry
    changed = entry.changed
    for name in FILE_KEYS if one.kind != "file" else ():
        if name in changed:
            what = f"a key of entries with file, and {one.name} has none"
            yield refuse(f"{one.key}.{name}", f"found {shown(getattr(entry, name))}, {what}; remove it")
    for name in GENERATED_KEYS if one.kind != "reasoning_gym" else ():
        if name in changed:
            what = f"a key of {GENERATED}TASK, not of {one.name}"
            yield refuse(f"{one.key}.{name}", f"found {shown(getattr(entry, name))}, {what}; remove it")
    if entry.instruction is not None and "{question}" not in entry.instruction:
        yield refuse(f"{one.key}.instruction", f"found {shown(entry.instruction)}; write {{question}} where it goes")


def _check_file(one: Asked) -> Iterator[Finding]:
    file = str(one.entry.file)
    if not file.endswith(SUFFIXES):
        yield refuse(f"{one.key}.file", f"found {shown(file)}; write a file ending in {', '.join(SUFFIXES)}")
    elif not Path(file).expanduser().is_file():
        yield refuse(f"{one.key}.file", f"no file {file} as seen from {Path.cwd()}")
    if one.verifier is None:
        yield refuse(f"{one.key}.verifier", "missing; an entry with file says which verifier judges, e.g. math")
        return
    spec, entry = VERIFIERS.get(one.verifier), one.entry
    if one.verifier == "logic" and not {"task", "entry"} <= set(entry.metadata_fields):
        yield refuse(
            f"{one.key}.verifier",
            "logic judges reasoning_gym's problems; write another, or metadata_fields: [task, task_config, entry]",
        )
    elif spec is not None and spec.needs_reference and entry.reference_field is None:
        yield refuse(
            f"{one.key}.reference_field",
            f"found null, but the verifier {one.verifier} needs a gold answer; write its field",
        )


def _check_judge(one: Asked, verify: VerifyConfig) -> Iterator[Finding]:
    if one.verifier is None:
        return
    yield from check_verifier(one.key, one.verifier, one.config)
    if (spec := VERIFIERS.get(one.verifier)) is not None and spec.grades:
        yield refuse(f"{one.key}.verifier", f"{one.verifier} grades, and calls no answer correct; name one that does")
    if one.verifier == CODE:
        yield from check_code(one.key, one.config, verify)


def _check_samples(one: Asked, evaluation: EvaluationConfig) -> Iterator[Finding]:
    if one.samples > 1 and one.temperature == 0.0:
        own = one.entry.temperature is not None
        place = f"{one.key}.temperature" if own else "evaluation.temperature"
        whose = f"{one.samples} samples of a problem of {one.name}"
        yield refuse(
            place,
            f"found 0, and {whose}, which would all be the same; write a temperature, e.g. 0.6, or "
            f"{_samples_key(one.entry, one.key)}: 1",
        )
    for i, k in enumerate(evaluation.pass_at):
        if k > one.samples:
            yield refuse(
                f"evaluation.pass_at.{i}",
                f"found {k}, more than the {one.samples} samples of a problem of {one.name}; write at most "
                f"{one.samples}, or {_samples_key(one.entry, one.key)}: {k}",
            )


def _samples_key(entry: BenchmarkConfig, key: str) -> str:
    """Where the samples are said, or should be."""
    return f"{key}.samples" if entry.samples is not None else "evaluation.samples"
