"""The texts of training prompts, as a stream: of a file, of a data set of the hub, or of a training recipe's sources.

A row without a text is yielded as its fault, so that the caller counts it. A file is read more leniently than for
training: a chat may end with an answer, and have turns without a text (calls of tools), since what matters here is only
which words it has.
"""

from __future__ import annotations

import difflib
import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from rlhf.data.errors import LONG_NUMBER, BadRowError, DataError
from rlhf.data.parquet import open_parquet, parquet_rows
from rlhf.data.sources import read_rows
from rlhf.recipe.data_schema import SourceConfig

Item = tuple[str, str] | BadRowError
HUB = "hub:"
FORMS = "write FILE.jsonl, FILE.jsonl.gz, FILE.parquet, RECIPE.yaml or hub:ID:SPLIT"
_BOM = b"\xef\xbb\xbf"


def read_texts(train: str, field: str) -> Iterator[Item]:
    """(origin, text) of every row, or what is wrong with it. origin: `file:line`, `file:row 1` for parquet and the hub.

    field: holds a text, or a list of chat messages whose texts are joined; a recipe's sources name their own. Raises
    DataError, and for a recipe RecipeError, for what cannot be read at all.
    """
    if train.startswith(HUB):
        return _hub(train, field)
    path = Path(train).expanduser()
    _check_there(train, path)
    if path.suffix in (".yaml", ".yml"):
        return _recipe(path)
    return _parquet(path, field) if path.suffix == ".parquet" else _jsonl(path, field)


def _check_there(train: str, path: Path) -> None:
    if path.is_dir():
        raise DataError(train, f"is a folder; {FORMS}")
    if not path.is_file():
        siblings = [p.name for p in path.parent.iterdir()] if path.parent.is_dir() else []
        near = difflib.get_close_matches(path.name, siblings, n=1)
        hint = f"did you mean {path.parent / near[0]}?" if near else FORMS
        raise DataError(train, f"no such file; {hint}")


def _jsonl(path: Path, field: str) -> Iterator[Item]:
    for number, line in _lines(path):
        origin = f"{path}:{number}"
        try:
            yield origin, _text(_parsed(line, origin), field, origin)
        except BadRowError as fault:
            yield fault


def _lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines that are not empty, numbered from 1."""
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                text = line.removeprefix(_BOM) if number == 1 else line
                if not text.isspace():
                    yield number, text
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(str(path), f"cannot be read: {error}") from error


def _parsed(line: bytes, origin: str) -> Any:
    try:
        return json.loads(line.decode("utf-8").rstrip("\r\n"))
    except UnicodeDecodeError as error:
        raise BadRowError(origin, f"not UTF-8 at byte {error.start + 1}; save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        where = f"at column {error.colno}: {error.msg}"
        raise BadRowError(origin, f"not JSON {where}; write one JSON object a line") from error
    except RecursionError as error:
        raise BadRowError(origin, "nested too deeply; write one plain JSON object a line") from error
    except ValueError as error:
        raise BadRowError(origin, LONG_NUMBER) from error


def _parquet(path: Path, field: str) -> Iterator[Item]:
    with open_parquet(path) as file:
        there = file.schema_arrow.names
        if field not in there:
            raise DataError(str(path), _missing(field, there))
        yield from _of_records(parquet_rows(file, path, [field]), str(path), field)


def _of_records(records: Iterable[Any], name: str, field: str) -> Iterator[Item]:
    for number, record in enumerate(records, start=1):
        origin = f"{name}:row {number}"
        try:
            yield origin, _text(record, field, origin)
        except BadRowError as fault:
            yield fault


def _hub(train: str, field: str) -> Iterator[Item]:
    """`hub:ID` or `hub:ID:SPLIT`; the split is `train` unless named."""
    name, _, split = train.removeprefix(HUB).partition(":")
    if not name:
        raise DataError(train, "names no data set; write hub:ID or hub:ID:SPLIT, e.g. hub:openai/gsm8k:train")
    config = SourceConfig(source="hub", path=name, split=split or "train", prompt_field=field, reference_field=None)
    return _rows(config, "train")


def _recipe(path: Path) -> Iterator[Item]:
    """The prompts of `data.train` and `data.train_also`, each as many as its source asks for."""
    from rlhf.recipe.load import load_recipe

    data = load_recipe(path).data
    yield from _rows(data.train, "data.train")
    for number, source in enumerate(data.train_also):
        yield from _rows(source, f"data.train_also.{number}")


def _rows(config: SourceConfig, key: str) -> Iterator[Item]:
    taken = 0
    for item in read_rows(config, key):
        if isinstance(item, BadRowError):
            yield item
            continue
        yield item.origin, item.whole_text
        taken += 1
        if taken == config.size:
            return


def _text(record: Any, field: str, origin: str) -> str:
    """The field's text; of a chat, the texts of all its messages."""
    if not isinstance(record, dict):
        raise BadRowError(origin, "found no JSON object; write one JSON object a line")
    if field not in record:
        raise BadRowError(origin, _missing(field, list(record)))
    value = record[field]
    if isinstance(value, str):
        return value
    if isinstance(value, list) and value:
        texts = [_content(message, f"{field}[{i}]", origin) for i, message in enumerate(value)]
        if not any(texts):
            raise BadRowError(origin, f'field {field!r}: no message has a text; write {{"role": …, "content": …}}')
        return "\n".join(text for text in texts if text)
    raise BadRowError(origin, f"field {field!r}: found {_kind(value)}; write text, or a list of chat messages")


def _content(message: Any, where: str, origin: str) -> str:
    """A message's text, empty where `content` is null or missing, as in a turn that calls a tool.

    `content` may be a list of parts, of which those with a text count.
    """
    content = message.get("content", "") if isinstance(message, dict) else message
    if isinstance(message, dict) and content is None:
        return ""
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else part for part in content]
        return "\n".join(part for part in parts if isinstance(part, str))
    if not isinstance(message, dict) or not isinstance(content, str):
        raise BadRowError(origin, f'field {where}: found no text; write {{"role": …, "content": …}}')
    return content


def _missing(field: str, there: list[str]) -> str:
    near = difflib.get_close_matches(field, there, n=1)
    hint = f"did you mean --field {near[0]}?" if near else "name the one with the prompt in --field"
    return f"no field {field!r}; there is: {', '.join(map(str, there)) or 'nothing'}; {hint}"


def _kind(value: Any) -> str:
    return "null" if value is None else "an empty list" if value == [] else f"a {type(value).__name__}"
