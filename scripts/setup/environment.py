"""The state of the virtual environment: whether it is ours, whole, and up to date."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path

from locks import normalised

STAMP = "longthought.json"


class EnvironmentRefusedError(RuntimeError):
    """The folder holds something that must not be replaced; the text says what to do."""


@dataclass(frozen=True)
class Stamp:
    """What was (or is being) installed. `complete` is written last, so an interrupted set-up is seen."""

    flavour: str
    locks: str  # fingerprint of the lock files and pyproject.toml
    python: str  # full version, 3.11.7
    venv: str  # absolute path: a copied environment still points at the original's files
    project: str  # absolute path of the checkout
    complete: bool = False


def read_stamp(venv: Path) -> Stamp | None:
    """The stamp, or None where there is none or it was cut short."""
    try:
        data = json.loads((venv / STAMP).read_text(encoding="utf-8"))
        return Stamp(**data)
    except (OSError, ValueError, TypeError):
        return None


def write_stamp(venv: Path, stamp: Stamp) -> None:
    """Atomically."""
    draft = venv / (STAMP + ".new")
    draft.write_text(json.dumps(asdict(stamp), indent=1) + "\n", encoding="utf-8")
    draft.replace(venv / STAMP)


def python_version(venv: Path) -> str:
    """Version of the environment's Python, "" where it does not start (its base was removed or upgraded)."""
    try:
        done = subprocess.run(
            [str(venv / "bin" / "python"), "-I", "-c", "import sys; print('%d.%d.%d' % sys.version_info[:3])"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            timeout=30,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode().strip() if done.returncode == 0 else ""


def why_rebuild(venv: Path, wanted: Stamp) -> str:
    """Why the environment has to be made anew, "" where it can be used (or merely completed)."""
    if not (venv / "pyvenv.cfg").exists():
        return "there is none"
    if not python_version(venv):
        return "its Python no longer starts"
    stamp = read_stamp(venv)
    if stamp is None:
        return "it is not known what it holds"
    if stamp.flavour != wanted.flavour:
        return f"it was made for {stamp.flavour}, and {wanted.flavour} is asked for"
    if stamp.venv != wanted.venv:
        return f"it was copied from {stamp.venv}"
    return ""


def remove_environment(venv: Path) -> None:
    """Deletes the folder if this set-up made it, or if it is empty or absent.

    Raises:
        EnvironmentRefusedError: it holds something else, be it somebody's own virtual environment.
    """
    if not venv.exists():
        return
    if venv.is_symlink() or not venv.is_dir():
        raise EnvironmentRefusedError(f"{venv} is not a folder; remove it, or set LONGTHOUGHT_VENV to another place")
    if any(venv.iterdir()) and not (venv / STAMP).exists():
        what = "a virtual environment of your own" if (venv / "pyvenv.cfg").exists() else "not a virtual environment"
        raise EnvironmentRefusedError(
            f"{venv} exists and is {what}; remove it, or set LONGTHOUGHT_VENV to another place"
        )
    shutil.rmtree(venv)


def site_packages(venv: Path) -> Path:
    """Where the environment's packages lie."""
    return venv / "lib" / "python3.11" / "site-packages"


def installed(site: Path) -> dict[str, str]:
    """Versions by normalised name, from the names of the `.dist-info` folders."""
    found: dict[str, str] = {}
    for folder in site.glob("*.dist-info"):
        name, _, version = folder.name[: -len(".dist-info")].partition("-")
        found[normalised(name)] = version
    return found


def damaged(site: Path) -> list[Path]:
    """`.dist-info` folders of packages that pip believes installed and that lack files: pip was killed half-way.

    pip writes RECORD last. A file that RECORD names and that is missing (or of another size) counts too, less the
    compiled `.pyc`, which Python makes again.
    """
    broken = []
    for folder in sorted(site.glob("*.dist-info")):
        record = folder / "RECORD"
        if not record.exists() or any(_differs(site, row) for row in _rows(record)):
            broken.append(folder)
    return broken


def _rows(record: Path) -> list[list[str]]:
    with record.open(encoding="utf-8", newline="") as handle:
        return [row for row in csv.reader(handle) if len(row) == 3 and not row[0].endswith(".pyc")]


def _differs(site: Path, row: list[str]) -> bool:
    name, _, size = row
    try:
        found = (site / name).stat().st_size
    except OSError:
        return True
    return bool(size) and found != int(size)


def forget(folders: list[Path]) -> list[str]:
    """Removes damaged `.dist-info` folders, so that pip installs those packages again; returns their names."""
    for folder in folders:
        shutil.rmtree(folder)
    return [folder.name[: -len(".dist-info")].replace("-", " ", 1) for folder in folders]


def leftovers(site: Path) -> None:
    """Removes the `~name` folders that an interrupted replacement leaves; pip warns of each one forever."""
    for path in site.glob("~*"):
        if path.is_dir():
            shutil.rmtree(path)
