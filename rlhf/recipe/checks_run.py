"""Rules of `run` and `policy`, the same for every kind of recipe."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from rlhf.recipe.findings import Finding, refuse, warn
from rlhf.recipe.problems import shown
from rlhf.recipe.schema import PolicyConfig, RunConfig

TINY = "tiny-moe"


def check_run(run: RunConfig, policy: PolicyConfig) -> Iterator[Finding]:
    root = run.root
    if root is not None and not Path(root).is_absolute():
        yield refuse(
            "run.root", f"found {shown(root)}; write an absolute folder, e.g. {Path(root).expanduser().absolute()}"
        )
    elif root is not None and Path(root).is_relative_to("/tmp/ray"):  # noqa: S108
        yield refuse("run.root", f"found {shown(root)}, which Ray cleans away; write a folder outside /tmp/ray")
    model = policy.model
    if model == TINY and policy.revision is not None:
        yield refuse("policy.revision", "tiny-moe is built in and has no revisions; remove the key")
    if model.startswith(("/", "./", "../", "~")) and not Path(model).expanduser().is_dir():
        yield warn("policy.model", f"no folder {model} as seen from {Path.cwd()}")
