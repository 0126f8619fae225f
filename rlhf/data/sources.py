"""Reads rows from jsonl, parquet, the hub and reasoning-gym. A reader is a generator of rows and bad rows.

A bad row is yielded, not raised, so that the caller decides (`data.on_bad_row`); what makes the whole source
unreadable (no such file, unknown task) is raised as a DataError.
"""

from __future__ import annotations

import difflib
import gzip
import json
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any

from rlhf.data.difficulty import levels_of, settings_of
from rlhf.data.errors import LONG_NUMBER, BadRowError, DataError
from rlhf.data.parquet import open_parquet, parquet_rows
from rlhf.data.rows import Row, make_row
from rlhf.recipe.data_schema import SourceConfig

Item = Row | BadRowError
Reader = Callable[[SourceConfig, str], Iterator[Item]]


def read_rows(config: SourceConfig, key: str) -> Iterator[Item]:
    """All rows of a source, in its order. key: its place in the recipe, `data.train` or `data.heldout`."""
    return READERS[config.source](config, key)


def read_jsonl(config: SourceConfig, key: str) -> Iterator[Item]:
    """One JSON object a line, UTF-8, gzipped where the name ends in .gz. Empty lines are passed over."""
    path = _existing(config, key)
    for index, (number, line) in enumerate(_lines(path)):
        yield _try(partial(_json_row, line, f"{path}:{number}", index, config, key))


def read_parquet(config: SourceConfig, key: str) -> Iterator[Item]:
    """Rows are numbered from 1 as `file:row 1`."""
    path = _existing(config, key)
    with open_parquet(path) as file:
        columns = _check_columns(file.schema_arrow.names, config, key, str(path))
        yield from _from_records(parquet_rows(file, path, columns), str(path), config, key)


def read_hub(config: SourceConfig, key: str) -> Iterator[Item]:
    """A data set of the hub, or a folder in its layout, through `datasets`; downloaded whole, never streamed."""
    import datasets

    assert config.path is not None
    name = f"{config.path}[{config.split}]"
    try:
        data = datasets.load_dataset(
            config.path, name=config.subset, split=config.split, revision=config.revision, streaming=False
        )
    except (OSError, ValueError, RuntimeError, datasets.exceptions.DatasetsError) as error:
        message = f"cannot be loaded: {error}; check {key}.path, .subset, .split and .revision, and the network"
        raise DataError(name, message) from error
    columns = _check_columns(data.column_names, config, key, name)
    yield from _from_records(iter(data.select_columns(columns)), name, config, key)


def read_reasoning_gym(config: SourceConfig, key: str) -> Iterator[Item]:
    """Prompts made by a task. Metadata holds the task, its config and the entry: what its scorer needs.

    The entry is carried as JSON: tuples become lists.
    """
    from reasoning_gym.factory import DATASETS

    task = config.task or ""
    if task not in DATASETS:
        near = difflib.get_close_matches(task, DATASETS, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"there are {len(DATASETS)}, e.g. chain_sum"
        raise DataError(f"{key}.task", f"reasoning-gym has no task {task!r}; {hint}")
    levels = levels_of(config.difficulty)
    made = [_gym_dataset(config, {**settings_of(task, level), **config.task_config}, key) for level in levels]
    for index in range(config.size or 500):
        turn = index % len(levels)
        origin = f"reasoning_gym/{task}:{index}"
        yield _try(partial(_gym_row, made[turn], origin, index, config, key, levels[turn]))


def _gym_dataset(config: SourceConfig, settings: dict[str, Any], key: str) -> Any:
    import reasoning_gym
    from reasoning_gym.factory import DATASETS

    assert config.task is not None
    try:
        return reasoning_gym.create_dataset(config.task, seed=config.seed, size=config.size or 500, **settings)
    except (TypeError, ValueError, AssertionError) as error:
        known = ", ".join(f.name for f in fields(DATASETS[config.task][1]) if f.name not in ("seed", "size"))
        message = f"task {config.task} does not take {settings}: {error}; it has: {known}"
        raise DataError(f"{key}.task_config", message) from error


READERS: dict[str, Reader] = {
    "jsonl": read_jsonl,
    "parquet": read_parquet,
    "hub": read_hub,
    "reasoning_gym": read_reasoning_gym,
}


def _gym_row(made: Any, origin: str, index: int, config: SourceConfig, key: str, level: int | None) -> Row:
    from verifiers.logic.verifier import fault

    try:
        entry = made[index]
    except Exception as error:
        raise BadRowError(origin, f"its generator failed: {error!r}; change {key}.task_config") from error
    try:
        plain = json.loads(json.dumps(entry, allow_nan=False))
    except (TypeError, ValueError) as error:
        raise BadRowError(origin, f"the entry cannot be written as JSON: {error}; use another task") from error
    question, answer = plain["question"], plain.get("answer")
    if not isinstance(question, str) or not question.strip():
        raise BadRowError(origin, f"the question is empty; change {key}.task_config")
    settings = {**settings_of(config.task or "", level), **config.task_config}
    metadata = {"task": config.task, "task_config": settings, "entry": plain}
    if (reason := fault(metadata)) is not None:
        raise BadRowError(
            origin, f"it has no right answer: {reason}; write data.on_bad_row: skip to leave such rows out"
        )
    reference = None if answer is None else str(answer)
    difficulty = None if level is None else float(level)
    domain = config.domain or config.task or "default"
    return Row(origin, index, question, reference, metadata, domain, difficulty=difficulty)


def _from_records(records: Iterable[Any], name: str, config: SourceConfig, key: str) -> Iterator[Item]:
    for index, record in enumerate(records):
        yield _try(partial(make_row, record, f"{name}:row {index + 1}", index, config, key))


def _try(make: Callable[[], Row]) -> Item:
    try:
        return make()
    except BadRowError as fault:
        return fault


def _existing(config: SourceConfig, key: str) -> Path:
    path = Path(config.path or "").expanduser()
    if path.is_file():
        return path
    siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
    near = difflib.get_close_matches(path.name, siblings, n=1)
    hint = f"did you mean {path.parent / near[0]}?" if near else f"the path is taken from {Path.cwd()}"
    raise DataError(f"{key}.path", f"no file {config.path!r}; {hint}")


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """The lines that are not empty, numbered from 1; a byte-order mark is passed over."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = (line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line).rstrip(b"\r\n")
                if text.strip():
                    yield number, text
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error


def _json_row(line: bytes, origin: str, index: int, config: SourceConfig, key: str) -> Row:
    return make_row(_parse_json(line, origin), origin, index, config, key)


def _parse_json(line: bytes, origin: str) -> Any:
    def constant(name: str) -> Any:
        raise BadRowError(origin, f"found {name}, which is no JSON; write null or a number")

    try:
        return json.loads(line.decode("utf-8"), parse_constant=constant)
    except UnicodeDecodeError as error:
        raise BadRowError(origin, f"not UTF-8 at byte {error.start + 1}; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise BadRowError(
            origin, f"not JSON at column {error.colno}: {error.msg}; write one JSON object a line"
        ) from error
    except RecursionError as error:
        raise BadRowError(origin, "nested too deeply; write one plain JSON object a line") from error
    except BadRowError:
        raise
    except ValueError as error:  # of all that is JSON, Python refuses whole numbers of thousands of digits
        raise BadRowError(origin, LONG_NUMBER) from error


def _check_columns(there: list[str], config: SourceConfig, key: str, name: str) -> list[str]:
    """The columns that are wanted. A column is missing from every row alike, so it is a fault of the source."""
    wanted = {f"{key}.prompt_field": config.prompt_field}
    if config.reference_field is not None:
        wanted[f"{key}.reference_field"] = config.reference_field
    if config.domain_field is not None:
        wanted[f"{key}.domain_field"] = config.domain_field
    if config.difficulty_field is not None:
        wanted[f"{key}.difficulty_field"] = config.difficulty_field
    wanted |= {f"{key}.metadata_fields.{i}": field for i, field in enumerate(config.metadata_fields)}
    for where, column in wanted.items():
        if column not in there:
            near = difflib.get_close_matches(column, there, n=1)
            hint = f"did you mean {near[0]}?" if near else f"there is: {', '.join(there)}"
            raise DataError(name, f"no column {column!r} ({where}); {hint}")
    return list(dict.fromkeys(wanted.values()))
