"""One row of a data set: checked fields, before any tokenizer."""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlhf.data.errors import BadRowError
from rlhf.recipe.data_schema import SourceConfig

ROLES = ("system", "user", "assistant", "tool")
Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """origin: `file:line` or the like. index: position in the source, from 0, bad rows counted.

    text: the user's text (of a chat: its last message). messages: the whole chat, or None where the prompt is
    plain text.
    """

    origin: str
    index: int
    text: str
    reference: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    domain: str = "default"
    messages: tuple[Message, ...] | None = None
    difficulty: float | None = None

    @property
    def whole_text(self) -> str:
        """Everything that the model is told: what overlap is judged by."""
        return self.text if self.messages is None else "\n".join(m["content"] for m in self.messages)


def make_row(record: Any, origin: str, index: int, config: SourceConfig, key: str) -> Row:
    """A record of a file as a Row. key: the source's place in the recipe, e.g. `data.train`. Raises BadRowError."""
    if not isinstance(record, dict):
        raise BadRowError(origin, f"found {_kind(record)}; write one JSON object a line")
    prompt = _field(record, config.prompt_field, origin, f"{key}.prompt_field")
    text, messages = _prompt(_encodable(prompt, origin, config.prompt_field), origin, config.prompt_field)
    reference = None
    if config.reference_field is not None:
        value = _field(record, config.reference_field, origin, f"{key}.reference_field")
        reference = _reference(_encodable(value, origin, config.reference_field), origin, config.reference_field, key)
    metadata = {}
    for name in config.metadata_fields:
        value = _json_value(_field(record, name, origin, f"{key}.metadata_fields"), origin, name)
        metadata[name] = _encodable(value, origin, name)
    domain = config.domain or "default"
    if config.domain_field is not None:
        value = _field(record, config.domain_field, origin, f"{key}.domain_field")
        if not isinstance(value, str) or not value:
            raise BadRowError(
                origin, f"field {config.domain_field!r}: found {_kind(value)}; write the domain's name as text"
            )
        domain = _encodable(value, origin, config.domain_field)
    hard = _difficulty(record, origin, config, key)
    return Row(origin, index, text, reference, metadata, domain, messages, hard)


def _difficulty(record: dict[str, Any], origin: str, config: SourceConfig, key: str) -> float | None:
    if config.difficulty_field is None:
        return None
    value = _field(record, config.difficulty_field, origin, f"{key}.difficulty_field")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadRowError(
            origin, f"field {config.difficulty_field!r}: found {_kind(value)}; write a number, higher for harder rows"
        )
    return float(value)


def _field(record: dict[str, Any], name: str, origin: str, key: str) -> Any:
    if name in record:
        return record[name]
    near = difflib.get_close_matches(name, list(record), n=1)
    there = ", ".join(str(k) for k in record) or "nothing"
    hint = f"; did you mean {key}: {near[0]}?" if near else f"; write it, or name another in {key}"
    raise BadRowError(origin, f"field {name!r} is missing; the row has: {there}{hint}")


def _encodable(value: Any, origin: str, name: str) -> Any:
    """The value, all of whose texts UTF-8 can hold."""
    waiting = [(name, value)]
    while waiting:
        where, part = waiting.pop()
        if isinstance(part, str):
            if (broken := half_of_a_pair(part)) is not None:
                raise BadRowError(origin, f"field {where!r}: {broken}; write the whole character, or none")
        elif isinstance(part, dict):
            waiting += [(f"{where}.{key}", text) for key, held in part.items() for text in (key, held)]
        elif isinstance(part, list | tuple):
            waiting += [(f"{where}[{index}]", held) for index, held in enumerate(part)]
    return value


def half_of_a_pair(text: str) -> str | None:
    """What is wrong with a text that UTF-8 cannot hold: JSON may name half of a surrogate pair, which no tokenizer
    takes. None where nothing is."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        code = ord(text[error.start])
        return f"character {error.start + 1} is U+{code:04X}, half of a surrogate pair, which UTF-8 cannot hold"
    return None


def _prompt(value: Any, origin: str, name: str) -> tuple[str, tuple[Message, ...] | None]:
    if isinstance(value, str):
        if not value.strip():
            raise BadRowError(origin, f"field {name!r} is empty; write the user's text")
        return value, None
    if not isinstance(value, list):
        raise BadRowError(origin, f"field {name!r}: found {_kind(value)}; write text, or a list of chat messages")
    messages = tuple(_message(m, origin, f"{name}[{i}]") for i, m in enumerate(value))
    if not messages or messages[-1]["role"] != "user":
        last = f"a message of role {messages[-1]['role']!r}" if messages else "an empty list"
        raise BadRowError(origin, f"field {name!r} ends with {last}; the last message must be the user's")
    return messages[-1]["content"], messages


def _message(value: Any, origin: str, where: str) -> Message:
    if not isinstance(value, dict) or set(value) != {"role", "content"}:
        found = f"keys {', '.join(map(str, value))}" if isinstance(value, dict) else _kind(value)
        raise BadRowError(origin, f'field {where}: found {found}; write {{"role": …, "content": …}}')
    role, content = value["role"], value["content"]
    if role not in ROLES:
        raise BadRowError(origin, f"field {where}.role: found {role!r}; write {', '.join(ROLES)}")
    if not isinstance(content, str) or not content.strip():
        raise BadRowError(origin, f"field {where}.content: found {_kind(content)}; write text that is not empty")
    return {"role": role, "content": content}


def _reference(value: Any, origin: str, name: str, key: str) -> str:
    """Text as it is; numbers as JSON writes them, since many data sets hold bare numbers as answers."""
    if isinstance(value, str):
        if not value.strip():
            raise BadRowError(origin, f"field {name!r} is empty; write the gold answer, or {key}.reference_field: null")
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return json.dumps(value)
    hint = f", or {key}.reference_field: null where no row has one" if value is None else ""
    raise BadRowError(origin, f"field {name!r}: found {_kind(value)}; write the gold answer as text or a number{hint}")


def _json_value(value: Any, origin: str, name: str) -> Any:
    """The value as JSON carries it (tuples become lists); it crosses process boundaries so."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadRowError(origin, f"field {name!r}: {error}; metadata must be plain JSON values") from error


def _kind(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, str):
        return "text" if value.strip() else "empty text"
    if isinstance(value, int | float):
        return f"the number {value}"
    if isinstance(value, list | tuple):
        return "a list"
    return "an object" if isinstance(value, dict) else f"a {type(value).__name__}"
