"""The attacks, run where a program would run; what got through is reported over standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

from verifiers.sandbox.attacks import ATTACKS, HELPERS, PRELUDE, Targets
from verifiers.sandbox.syscalls import NUMBERS


def assault(targets: Mapping[str, Any]) -> None:
    """Print one JSON list: the names of the attacks that were not refused."""
    through = [name for name in ATTACKS if succeeds(name, Targets(**targets))]
    sys.stdout.write(json.dumps(through))
    sys.stdout.flush()


def succeeds(name: str, targets: Targets) -> bool:
    """Try one attack in this process."""
    scope: dict[str, Any] = {"NUMBERS": NUMBERS, "TARGETS": targets}
    exec(PRELUDE + HELPERS, scope)  # noqa: S102 - our own source
    try:
        exec(ATTACKS[name], scope)  # noqa: S102 - our own source
    except (OSError, ArithmeticError, IndexError, ValueError):
        return False
    return True
