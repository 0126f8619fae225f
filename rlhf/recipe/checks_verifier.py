"""Rules of one verifier and its settings, of a reward's component or of a benchmark."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rlhf.recipe.findings import Finding, refuse
from rlhf.recipe.schema import VerifyConfig
from verifiers.lookup import check_importable
from verifiers.registry import check_config, check_name
from verifiers.specs import VERIFIERS

CODE = "code"
MARGIN_S = 0.5
"""What a worker needs beside the tests: a sample beyond verify.timeout_s costs it its process and its sandbox."""


def check_verifier(key: str, name: str, config: Mapping[str, Any]) -> Iterator[Finding]:
    """key: of the section that says `verifier` and `config`."""
    place = f"{key}.verifier"
    try:
        check_name(name)
        if ":" in name:
            check_importable(name, [str(Path.cwd())])
        place = f"{key}.config"
        check_config(name, config)
    except ValueError as error:
        yield refuse(place, str(error))


def check_code(key: str, config: Mapping[str, Any], verify: VerifyConfig) -> Iterator[Finding]:
    """The limits of what runs code, against those of its process."""
    options = VERIFIERS[CODE].options
    total_s = config.get("total_s", options["total_s"].default)
    memory_mb = config.get("memory_mb", options["memory_mb"].default)
    if isinstance(total_s, (int, float)) and total_s + MARGIN_S > verify.timeout_s:
        yield refuse(
            "verify.timeout_s",
            f"found {verify.timeout_s:g}, and {key} may run tests for {total_s:g} s; write "
            f"{total_s + 1:g} or more, or a smaller {key}.config.total_s",
        )
    if isinstance(memory_mb, int) and memory_mb > verify.memory_mb:
        yield refuse(
            "verify.memory_mb",
            f"found {verify.memory_mb}, and {key} gives programs {memory_mb} MB; write {memory_mb} or more",
        )
