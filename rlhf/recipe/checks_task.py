"""Checks of a task of reasoning-gym: that there is one of that name, and that its settings are said once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Protocol

from rlhf.data.difficulty import DIFFICULTIES, levels_of, settings_of
from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.problems import nearest, shown
from verifiers.logic.tasks import EXCLUDED, TASKS


class Generated(Protocol):
    """A section that says how problems are made."""

    @property
    def task_config(self) -> Mapping[str, Any]: ...
    @property
    def difficulty(self) -> Sequence[int]: ...


def check_task(key: str, name_key: str, task: str, section: Generated) -> Iterator[Finding]:
    """key: of the section. name_key: of the task's name."""
    for name in ("seed", "size"):
        if name in section.task_config:
            yield refuse(f"{key}.task_config.{name}", f"write it as {key}.{name}")
    if task in EXCLUDED:
        yield refuse(name_key, f"{task} is left out: {EXCLUDED[task]}")
    elif task not in TASKS:
        yield refuse(name_key, f"reasoning-gym has no task {shown(task)}; {nearest(task, list(TASKS))}")
    elif section.difficulty and task not in DIFFICULTIES:
        yield refuse(
            f"{key}.difficulty",
            f"{task} has no levels; write {key}.task_config, the task's own settings. Levels have: "
            f"{', '.join(DIFFICULTIES)}",
        )
    elif section.difficulty and section.difficulty[0] > section.difficulty[-1]:
        first, last = section.difficulty
        yield refuse(
            f"{key}.difficulty", f"found {section.difficulty}; write the easier level first, [{last}, {first}]"
        )
    else:
        levels = [settings_of(task, level) for level in levels_of(section.difficulty)]
        for name in sorted({name for settings in levels for name in settings} & set(section.task_config)):
            yield refuse(f"{key}.task_config.{name}", f"{key}.difficulty sets it; remove one of the two")
