"""What is known about a built-in verifier without importing it: its settings, needs and import path."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Option:
    """One setting of a built-in verifier: its type, the values it may take (empty: any), and its meaning.

    required: it has no default that means anything. least: of a number.
    """

    type: type
    default: Any
    help: str
    choices: tuple[Any, ...] = ()
    required: bool = False
    least: int | None = None


@dataclass(frozen=True, slots=True)
class Tasks:
    """What a verifier judges by name, of each a line; what it refuses, with the reason; how to read the lines."""

    judged: Mapping[str, str]
    excluded: Mapping[str, str]
    legend: str


@dataclass(frozen=True, slots=True)
class VerifierSpec:
    """What is known about a built-in verifier without importing it.

    isolated: it evaluates model text, and so runs only in a process without network or file access.
    gold_checkable: its own gold answer can be written as a response, which it must then accept: checked at the start
    of a run. `format` has none: what it wants does not depend on the prompt.
    grades: its scores are a degree, with no right or wrong.
    tasks: import path of a light `() -> Tasks`, where what it judges goes by names.
    """

    name: str
    summary: str
    import_path: str
    isolated: bool = False
    needs_reference: bool = True
    gold_checkable: bool = False
    grades: bool = False
    options: Mapping[str, Option] = field(default_factory=dict)
    tasks: str = ""
