"""What a sandbox shows of this machine: the system's programs and libraries, one Python, this package, nothing else."""

from __future__ import annotations

import os
import stat
import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from verifiers.sandbox.launch import MOUNTED_AT, PACKAGES_AT

_SYSTEM = ("/usr", "/bin", "/lib", "/lib32", "/lib64", "/sbin")


@dataclass(frozen=True, slots=True)
class Shown:
    """folders: (what, where it is seen); packages: those of them that hold Python packages. links: (to what, where).
    python: the interpreter's path, inside too."""

    folders: tuple[tuple[str, str], ...]
    packages: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    python: str

    def readable(self) -> tuple[str, ...]:
        """As paths of this machine, for the level that moves nothing."""
        return (*(source for source, _ in self.folders), "/dev/zero", "/dev/urandom", "/dev/random", "/etc/ld.so.cache")


def show(packages: Sequence[str] = (), *, moved: bool = True) -> Shown:
    """packages: names of installed Python packages that programs may import. moved: folders can be shown to a user who
    could not reach them; else an interpreter is chosen that everybody may run.

    Raises ValueError for a package that is not installed here, OSError where there is no such interpreter.
    """
    folders, links = [], []
    for name in _SYSTEM:
        path = Path(name)
        if path.is_symlink():
            links.append((str(path.readlink()), name))
        elif path.is_dir():
            folders.append((name, name))
    python = interpreter(for_everybody=not moved and os.geteuid() == 0)
    prefix = str(Path(python).parents[1])
    if not _within(Path(prefix), [Path(source) for source, _ in folders]):
        folders.append((prefix, prefix))
    folders.append((str(Path(__file__).resolve().parents[1]), f"{MOUNTED_AT}/verifiers"))
    found = tuple(pair for name in packages for pair in _package(name))
    return Shown((*folders, *found), found, tuple(links), python)


def interpreter(*, for_everybody: bool = False) -> str:
    """This Python, or one of the same version, outside its virtual environment."""
    name = f"python{sys.version_info.major}.{sys.version_info.minor}"
    places = [Path(sys.base_prefix) / "bin", Path("/usr/local/bin"), Path("/usr/bin")]
    found = [place / name for place in places if (place / name).exists()]
    usable = [path for path in found if not for_everybody or _everybody_may_run(path.resolve())]
    if not usable:
        which = f"{', '.join(map(str, found))} lies where only root may read" if found else f"there is no {name}"
        raise OSError(f"{which}; install {name} for all users, in /usr/local/bin or /usr/bin")
    return str(usable[0])


def _everybody_may_run(path: Path) -> bool:
    return all(part.stat().st_mode & stat.S_IXOTH for part in (path, *path.parents))


def _package(name: str) -> list[tuple[str, str]]:
    found = []
    for key in ("purelib", "platlib"):
        folder = Path(sysconfig.get_path(key))
        for part in (name, f"{name}.py", f"{name}.libs"):
            if (folder / part).exists():
                found.append((str(folder / part), f"{PACKAGES_AT}/{part}"))
    if not found:
        raise ValueError(
            f"packages: {name!r} is not installed in {sysconfig.get_path('purelib')}; write its import name"
        )
    return list(dict.fromkeys(found))


def _within(path: Path, folders: Sequence[Path]) -> bool:
    return any(path == folder or folder in path.parents for folder in folders)
