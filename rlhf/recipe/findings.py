"""One thing found by a check. It becomes a Problem once the recipe's file knows its line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """key: dotted path. message: what was found, and what to write. fatal: the recipe cannot run."""

    key: str
    message: str
    fatal: bool


def refuse(key: str, message: str) -> Finding:
    return Finding(key, message, fatal=True)


def warn(key: str, message: str) -> Finding:
    return Finding(key, message, fatal=False)
