"""What the packages need from the machine itself, looked for before gigabytes are fetched.

vLLM's CPU kernels link against libnuma, and without it `import vllm` still works and the engine fails much later;
pycosat (which reasoning-gym imports) comes as C source only. Code rewards need bubblewrap, and g++ for C++.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


class SystemIncompleteError(RuntimeError):
    """Something that pip cannot install is missing; the text holds the command that installs it."""


@dataclass(frozen=True)
class Need:
    """One thing, why it is needed, and the Debian package that brings it."""

    what: str
    reason: str
    package: str


NUMA = Need("libnuma.so.1", "vLLM's CPU kernels are linked against it", "libnuma1")
COMPILER = Need("a C compiler (`cc`)", "pycosat comes as source", "build-essential")
HEADERS = Need("Python.h", "pycosat comes as source", "python3.11-dev")


BUBBLEWRAP = Need("bubblewrap (`bwrap`)", "code rewards run programs in its namespaces", "bubblewrap")
CXX = Need("a C++ compiler (`g++`)", "code rewards can judge C++", "g++")


def loads(library: str) -> bool:
    """Whether the dynamic linker finds a library."""
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def include_folder(python: str) -> Path:
    """Where this interpreter's C headers should lie."""
    code = "import sysconfig; print(sysconfig.get_paths()['include'])"
    done = subprocess.run([python, "-I", "-c", code], stdout=subprocess.PIPE, check=True)
    return Path(done.stdout.decode().strip())


def missing(flavour: str, build: bool, headers: Path, has: Callable[[str], bool] = loads) -> list[Need]:
    """What is not there. `build`: C sources still have to be compiled, against the headers in `headers`."""
    needs = []
    if flavour == "cpu" and not has("libnuma.so.1"):
        needs.append(NUMA)
    if build and not any(shutil.which(name) for name in (os.environ.get("CC", "cc").split()[0], "cc", "gcc", "clang")):
        needs.append(COMPILER)
    if build and not (headers / "Python.h").exists():
        needs.append(HEADERS)
    return needs


def wished() -> list[Need]:
    """What is not there and the packages do without: some rewards need it, and refuse to run without."""
    return [need for need, name in ((BUBBLEWRAP, "bwrap"), (CXX, "g++")) if shutil.which(name) is None]


def offer(needs: list[Need], say: Callable[[str], None], run: Callable[[list[str]], int], root: bool) -> None:
    """As `provide`; but where it cannot be installed the set-up goes on, having said what is missing."""
    try:
        provide(needs, say, run, root)
    except SystemIncompleteError as problem:
        say(f"going on without: {problem}")


def provide(needs: list[Need], say: Callable[[str], None], run: Callable[[list[str]], int], root: bool) -> None:
    """Installs Debian packages where that needs no password (`root` on a machine with apt-get), else says how.

    Raises:
        SystemIncompleteError: not root, no apt-get, or apt-get failed.
    """
    if not needs:
        return
    packages = [need.package for need in needs]
    reasons = "; ".join(f"{need.what} is missing ({need.reason})" for need in needs)
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    how = f"install it and run this again; on Debian and Ubuntu: sudo apt-get install {' '.join(packages)}"
    if not root or shutil.which("apt-get") is None:
        raise SystemIncompleteError(f"{reasons}; {how}")
    say(f"{reasons}: running {' '.join(command)}")
    if run(["apt-get", "update"]) != 0 or run(command) != 0:
        raise SystemIncompleteError(f"{reasons}, and apt-get could not install it; {how}")


def run_quietly(command: list[str]) -> int:
    """Exit status; apt-get must not ask, and its chatter goes nowhere but its errors do."""
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    return subprocess.run(command, env=environ, stdout=subprocess.DEVNULL, check=False).returncode
