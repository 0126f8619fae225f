"""What a row of code tests asks for, whatever benchmark it comes from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StdioTest:
    """A program is given `input` and must write `output`; how the two are compared is the task's checker."""

    input: str
    output: str


@dataclass(frozen=True, slots=True)
class StdioTask:
    """checker: source that defines `check(input, expected, output)`; None for the verifier's own comparison. preamble:
    what stands before a program that is Python."""

    tests: tuple[StdioTest, ...]
    checker: str | None = None
    preamble: str = ""


@dataclass(frozen=True, slots=True)
class ProgramTest:
    """Python that calls the functions under test and raises unless they are right. shown: for the reason."""

    source: str
    shown: str = ""


@dataclass(frozen=True, slots=True)
class ProgramTask:
    """entry: the function under test. setup: source that the tests need, trusted. preamble: what stands before the
    model's code (imports of the prompt, or its whole text)."""

    entry: str
    tests: tuple[ProgramTest, ...]
    setup: str = ""
    preamble: str = ""


Task = StdioTask | ProgramTask
