"""`rlhf eval`'s options as the recipe that they stand for: there is one way to evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from rlhf.data.errors import DataError
from rlhf.evaluation.benchmarks import load_benchmark
from rlhf.evaluation.model import guess_dtype
from rlhf.evaluation.problem import Problem
from rlhf.recipe.evaluation_schema import BenchmarkConfig
from rlhf.recipe.yaml_lines import YamlError, parse

ENTRY_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class EvalOptions:
    """As typed; None for what was not."""

    model: str
    benchmarks: Sequence[str]
    samples: int | None = None
    limit: int | None = None
    data_dir: Path | None = None
    temperature: float | None = None
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    max_tokens: int = 2048
    thinking_tokens: int | None = None
    thinking_end: str = "</think>"
    system_prompt: str | None = None
    chat_template: str = "model"
    template_options: str = "{}"
    errata: Sequence[str] = ()
    pass_at: Sequence[int] = ()
    seed: int = 0
    revision: str | None = None
    dtype: str | None = None
    engines: int = 1
    tensor_parallel: int = 1
    concurrent: int = 128
    verify_workers: int = 2
    out: Path | None = None


def data_of(options: EvalOptions) -> dict[str, Any]:
    """The recipe's keys, for `rlhf.recipe.options.eval_from_options`. Raises DataError naming the option."""
    entries = [_entry(name, options.limit) for text in options.benchmarks for name in _names(text)]
    evaluation = {
        "benchmarks": [entry.model_dump(mode="json") for entry in entries],
        "data_dir": None if options.data_dir is None else str(options.data_dir),
        "errata": [name for text in options.errata for name in _names(text)],
        "samples": options.samples,
        "pass_at": list(options.pass_at),
        "temperature": options.temperature,
        "top_p": options.top_p,
        "top_k": options.top_k,
        "min_p": options.min_p,
        "max_response_tokens": options.max_tokens,
        "thinking_tokens": options.thinking_tokens,
        "thinking_end": options.thinking_end,
        "system_prompt": options.system_prompt,
        "chat_template": options.chat_template,
        "template_options": mapping_of(options.template_options, "--template-options"),
        "seed": options.seed,
    }
    model = {
        "model": options.model,
        "revision": options.revision,
        "dtype": options.dtype or guess_dtype(options.model, options.revision),
    }
    engines = {
        "engines": options.engines,
        "tensor_parallel": options.tensor_parallel,
        "max_concurrent_sequences": options.concurrent,
    }
    verify = {"workers": options.verify_workers}
    out = None if options.out is None else str(options.out)
    return {"policy": model, "evaluation": evaluation, "engines": engines, "verify": verify, "out": out}


def mapping_of(text: str, option: str) -> dict[str, Any]:
    """YAML of a mapping from a command line."""
    try:
        found = parse(text)
        fault = found.faults[0].message if found.faults else None
    except YamlError as error:
        raise DataError(option, f"found {text!r}: {error.message}") from error
    if fault or not isinstance(found.data or {}, dict):
        raise DataError(option, f"found {text!r}{f': {fault}' if fault else ''}; write a mapping, e.g. '{{a: 1}}'")
    return dict(found.data or {})


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _entry(name: str, limit: int | None) -> BenchmarkConfig:
    if name.endswith(ENTRY_SUFFIXES):
        entry = read_entry(Path(name))
        return entry if limit is None else entry.model_copy(update={"limit": limit})
    try:
        return BenchmarkConfig(name=name, limit=limit)
    except ValidationError as error:
        raise DataError(
            "--benchmark", f"found {name!r}; write a name of `rlhf list benchmarks`, or a file.yaml"
        ) from error


def read_entry(path: Path) -> BenchmarkConfig:
    """A benchmark of one's own, as an entry of `evaluation.benchmarks`; `file` is as seen from the entry's folder."""
    try:
        document = parse(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error
    except YamlError as error:
        raise DataError(f"{path}:{error.line}", error.message) from error
    if document.faults:
        raise DataError(f"{path}:{document.faults[0].line}", document.faults[0].message)
    data = document.data
    if not isinstance(data, dict):
        raise DataError(
            str(path), f"found {data!r:.60}; write keys: name, file, prompt_field, reference_field, verifier"
        )
    if isinstance(data.get("file"), str):
        data = data | {"file": str(path.parent / Path(data["file"]).expanduser())}
    try:
        return BenchmarkConfig.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        line = document.lines.get(tuple(first["loc"]))
        place = f"{path}:{line}" if line else str(path)
        raise DataError(place, f"{where}: {first['msg']} (found {first['input']!r:.80})") from error


def problems_of(benchmarks: Sequence[str], data_dir: Path | None) -> dict[str, Sequence[Problem]]:
    """The problems of benchmarks named on a command line."""
    entries = [_entry(name, None) for text in benchmarks for name in _names(text)]
    return {entry.name: load_benchmark(entry, data_dir, ()).problems for entry in entries}
