"""A row of the table of tasks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Task:
    """scored: `own`, by the puzzle's own rules (or a value worked out here), so that every right answer is right; or
    `gold`, equal, as read, to the entry's answer. No scorer of reasoning-gym is given a model's text.
    rule: where its parser and its judge are, `module:NAME` under verifiers.logic.rules.
    note: what is compared where that is not plain, what reasoning-gym's scorer did wrong, how good a guess is.
    forked: judged in a walled child, since it computes with the answer's numbers at length.
    """

    name: str
    shape: str
    scored: Literal["own", "gold"]
    rule: str
    note: str = ""
    forked: bool = False
