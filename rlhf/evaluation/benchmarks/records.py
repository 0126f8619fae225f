"""A row of a benchmark's file: its fields, and one clear error for each that is missing or of another kind."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from rlhf.data.errors import BadRowError
from rlhf.data.rows import half_of_a_pair
from rlhf.evaluation.problem import Problem


@dataclass(frozen=True, slots=True)
class Record:
    """origin: `file:line` or the like. number: of the row, from 0."""

    origin: str
    number: int
    fields: Mapping[str, Any]

    def text(self, *names: str) -> str:
        """The first of these fields that is there, which must be text. Raises BadRowError."""
        name, value = self._first(names, "write it")
        if not isinstance(value, str) or not value.strip():
            raise self.bad(name, f"found {kind_of(value)}; write text")
        return self._encodable(name, value)

    def gold(self, *names: str) -> str:
        """The gold answer: text, or a number as JSON writes it. Raises BadRowError where there is none."""
        name, value = self._first(names, "a problem without a gold answer cannot be judged")
        if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
            return json.dumps(value)
        if not isinstance(value, str) or not value.strip():
            raise self.bad(name, f"found {kind_of(value)}; write the gold answer as text or a number")
        return self._encodable(name, value)

    def texts(self, name: str) -> list[str]:
        """A list of texts, not empty."""
        _, value = self._first((name,), "write it")
        if not isinstance(value, list) or not value or not all(isinstance(part, str) for part in value):
            raise self.bad(name, f"found {kind_of(value)}; write a list of texts")
        return [self._encodable(name, part) for part in value]

    def optional(self, *names: str) -> str | None:
        """The first of these fields that holds text or a number, as text."""
        values = (self.fields.get(name) for name in names)
        held = (v for v in values if isinstance(v, str | int | float) and not isinstance(v, bool) and str(v).strip())
        return next((str(value) for value in held), None)

    def plain(self, name: str) -> Any:
        """A field as JSON carries it: it goes to the processes of the verifiers."""
        value = self._first((name,), "write it")[1]
        try:
            text = json.dumps(value, allow_nan=False, ensure_ascii=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise self.bad(name, f"{error}; metadata must be plain JSON values") from error
        return json.loads(self._encodable(name, text))

    def id(self, *names: str) -> str:
        """The row's own, else its number."""
        return self.optional(*names) or str(self.number)

    def bad(self, name: str, message: str) -> BadRowError:
        return BadRowError(self.origin, f"field {name!r}: {message}")

    def _first(self, names: tuple[str, ...], advice: str) -> tuple[str, Any]:
        for name in names:
            if self.fields.get(name) is not None:
                return name, self.fields[name]
        empty = [name for name in names if name in self.fields]
        if empty:
            raise self.bad(empty[0], f"found null; {advice}")
        wanted = " or ".join(repr(name) for name in names)
        there = ", ".join(map(str, self.fields)) or "nothing"
        raise BadRowError(self.origin, f"field {wanted} is missing: {advice}; the row has: {there}")

    def _encodable(self, name: str, value: str) -> str:
        if (broken := half_of_a_pair(value)) is not None:
            raise self.bad(name, f"{broken}; write the whole character, or none")
        return value


Reader = Callable[[Record], Problem | None]
"""None for a row that is of the file and not of the benchmark. Raises BadRowError."""


def kind_of(value: Any) -> str:
    if isinstance(value, str):
        return "text" if value.strip() else "empty text"
    if value is None or isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "a list" if value else "an empty list"
    return "an object" if isinstance(value, dict) else f"a {type(value).__name__}"
