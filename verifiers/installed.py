"""Verifiers that other installed packages bring, by entry points of the group `longthought.verifiers`:

    [project.entry-points."longthought.verifiers"]
    my_verifier = "my_package.rewards:my_verifier"

Looking them up reads what the packages declare, and imports nothing of theirs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import entry_points

from verifiers.specs import VERIFIERS

GROUP = "longthought.verifiers"


@dataclass(frozen=True, slots=True)
class Installed:
    """import_path: `module:function`. package: the distribution that declares it."""

    import_path: str
    package: str


def installed() -> Mapping[str, Installed]:
    """By name. Raises ValueError where two packages declare one name, or one that is built in."""
    found: dict[str, Installed] = {}
    for point in entry_points(group=GROUP):
        package = point.dist.name if point.dist is not None else "an unknown package"
        other = "this package itself" if point.name in VERIFIERS else None
        other = found[point.name].package if point.name in found else other
        if other is not None and (point.name not in found or found[point.name].import_path != point.value):
            raise ValueError(f"{package} declares a verifier {point.name!r}, as does {other}; remove or rename one")
        found[point.name] = Installed(point.value, package)
    return found
