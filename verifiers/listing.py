"""What `rlhf list verifiers` prints: the verifiers, or the settings and tasks of one."""

from __future__ import annotations

import json
from collections.abc import Iterator

from verifiers.installed import installed
from verifiers.registry import tasks_of
from verifiers.spec import Option, VerifierSpec
from verifiers.specs import VERIFIERS


def verifier_lines() -> dict[str, str]:
    """Name -> what it is, the built-in ones first."""
    lines = {name: _summary(spec) for name, spec in VERIFIERS.items()}
    return lines | {name: f"of the installed package {found.package}" for name, found in installed().items()}


def settings_lines(name: str) -> dict[str, str]:
    """Setting -> its default, what it may be, and its meaning."""
    return {f"config.{key}": _option(option) for key, option in VERIFIERS[name].options.items()}


def task_lines(name: str) -> tuple[dict[str, str], str]:
    """Task -> a line, those left out with their reason, and how to read the lines; nothing where there are no tasks."""
    if not VERIFIERS[name].tasks:
        return {}, ""
    tasks = tasks_of(name)
    left_out = {task: f"left out: {reason}" for task, reason in tasks.excluded.items()}
    return {**tasks.judged, **left_out}, tasks.legend


def _summary(spec: VerifierSpec) -> str:
    """One line; of a verifier that judges by tasks also how many there are, and which are left out."""
    if not spec.tasks:
        return spec.summary
    tasks = tasks_of(spec.name)
    without = "".join(f", without {task} ({reason})" for task, reason in tasks.excluded.items())
    return f"{spec.summary}; its {len(tasks.judged)} tasks: rlhf list verifiers {spec.name}{without}"


def _option(option: Option) -> str:
    return "  ".join(_parts(option))


def _parts(option: Option) -> Iterator[str]:
    if option.required:
        yield "(to be written)"
    elif option.choices:
        yield " | ".join(f"[{choice}]" if choice == option.default else str(choice) for choice in option.choices)
    else:
        yield f"[{json.dumps(option.default)}]"
    yield option.help
