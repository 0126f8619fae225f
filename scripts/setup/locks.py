"""Lock files: one `name==version` a line, `#` comments; read, compared and fingerprinted here.

`requirements/*.in` name what Longthought imports itself; `requirements/*.lock` pin everything that this brings along.
Standard library only, because this runs before anything is installed.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

# `===` compares versions as text: `torch===2.13.0` is the CUDA build, and never `2.13.0+cpu`, which `==` would prefer.
PIN = re.compile(r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(?P<operator>===?)(?P<version>[^\s;#]+)$")

FLAVOURS: dict[str, tuple[str, ...]] = {"cpu": ("cpu.lock", "dev.lock"), "cuda": ("cuda.lock", "dev.lock")}


class LockError(ValueError):
    """A lock file that cannot be used; the text names file and line."""


def normalised(name: str) -> str:
    """The registry's spelling of a package's name: lower case, one dash for any run of `-_.` (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def read_lock(path: Path) -> dict[str, str]:
    """Requirements of one lock file, by normalised name (`{"torch": "torch==2.13.0+cpu"}`).

    Raises:
        LockError: a line that is not an exact pin, or a package pinned twice.
    """
    pins: dict[str, str] = {}
    for number, raw in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        line = raw.split("#", 1)[0].strip()
        if not line:
            continue
        match = PIN.match(line)
        if match is None:
            raise LockError(f"{path}:{number}: found {line!r}; a lock line is `name==version`, nothing else")
        name = normalised(match["name"])
        if name in pins:
            raise LockError(f"{path}:{number}: {name} is pinned twice ({pins[name]} and {line}); keep one line")
        pins[name] = line
    return pins


def read_locks(folder: Path, flavour: str) -> dict[str, str]:
    """The union of a flavour's lock files; a package that stands in two of them is refused."""
    pins: dict[str, str] = {}
    for name in FLAVOURS[flavour]:
        for package, line in read_lock(folder / name).items():
            if package in pins:
                raise LockError(f"{folder / name}: {package} is pinned in another lock of `{flavour}` too; keep one")
            pins[package] = line
    return pins


def version_of(requirement: str) -> str:
    """`torch==2.13.0+cpu` → `2.13.0+cpu`."""
    match = PIN.match(requirement)
    if match is None:
        raise LockError(f"{requirement!r} is not an exact pin; write `name==version`")
    return match["version"]


def fingerprint(paths: list[Path]) -> str:
    """SHA-256 over the names and bytes of `paths`: changes whenever what has to be installed changes."""
    digest = hashlib.sha256()
    for path in paths:
        data = path.read_bytes()
        digest.update(f"{path.name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()
