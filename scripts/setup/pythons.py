"""Finds the Python that the locks were made for: 3.11, with `venv` and `ensurepip`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

WANTED = (3, 11)
PROBE = """
import ensurepip, platform, sys, venv
print("%d.%d.%d" % sys.version_info[:3], platform.python_implementation(), sys._base_executable, sep="\\n")
"""


class NoPythonError(RuntimeError):
    """No usable interpreter; the text lists what was looked at and how to get one."""


@dataclass(frozen=True)
class Probe:
    """What one interpreter said: its version (`3.11.7`), or why it cannot be used.

    base: the interpreter behind it. Where that is another one, this belongs to a virtual environment, perhaps the very
    one that is about to be replaced.
    """

    version: str
    problem: str
    base: str = ""


def probe(executable: str) -> Probe:
    """Asks an interpreter for its version; a broken or missing one is an answer too, not an exception."""
    try:
        done = subprocess.run([executable, "-I", "-c", PROBE], capture_output=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Probe("", f"does not start ({error})")
    if done.returncode != 0:
        reason = done.stderr.decode("utf-8", "replace").strip().splitlines()
        last = reason[-1] if reason else f"exit status {done.returncode}"
        if "ensurepip" in last or "venv" in last:
            last += " (on Debian and Ubuntu: apt-get install python3.11-venv)"
        return Probe("", last)
    version, implementation, base = done.stdout.decode().splitlines()
    if implementation != "CPython":
        return Probe(version, f"is {implementation} {version}; CPython is needed")
    if tuple(int(part) for part in version.split(".")[:2]) != WANTED:
        return Probe(version, f"is Python {version}")
    return Probe(version, "", base)


def candidates(environ: Mapping[str, str]) -> Iterator[str]:
    """Interpreters worth asking, best first: the one that was named, this one, those on PATH, pyenv's."""
    named = environ.get("LONGTHOUGHT_PYTHON")
    if named:
        yield named
        return  # the user's word is final: falling back to another one would hide a mistake
    yield sys.executable
    path = environ.get("PATH", os.defpath)
    for name in ("python3.11", "python3", "python"):
        found = shutil.which(name, path=path)
        if found:
            yield found
    home = Path(environ.get("PYENV_ROOT") or Path(environ.get("HOME", "/")) / ".pyenv")
    yield from (str(p) for p in sorted(home.glob("versions/3.11.*/bin/python3.11"), reverse=True))
    for folder in ("/usr/local/bin", "/usr/bin", "/opt/homebrew/bin"):
        if (Path(folder) / "python3.11").exists():
            yield f"{folder}/python3.11"


def find_python(environ: Mapping[str, str] = os.environ, ask: Callable[[str], Probe] = probe) -> tuple[str, str]:
    """(path, version) of the first usable Python 3.11.

    Raises:
        NoPythonError: none found.
    """
    seen: dict[str, str] = {}
    for executable in candidates(environ):
        if executable in seen:
            continue
        answer = ask(executable)
        if not answer.problem:
            return answer.base or executable, answer.version
        seen[executable] = answer.problem
    looked = "\n".join(f"  {path}: {problem}" for path, problem in seen.items()) or "  nothing on PATH"
    raise NoPythonError(
        f"Python 3.11 is needed (the locks pin wheels of 3.11) and was not found. Looked at:\n{looked}\n"
        "Get it with one of\n"
        "  apt-get install python3.11 python3.11-venv python3.11-dev    (Debian 12, Ubuntu with deadsnakes)\n"
        "  pyenv install 3.11        conda create -n py311 python=3.11        uv python install 3.11\n"
        "and run this again, or name one: LONGTHOUGHT_PYTHON=/path/to/python3.11 make setup"
    )
