"""The files around the code: Makefile, CI, images, Kubernetes. What can be checked without make's effects or a cluster."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("*.Dockerfile"))


def run_make(*arguments: str) -> subprocess.CompletedProcess[str]:
    """As from a shell: these tests may themselves run under `make test`, whose flags make would inherit."""
    environment = {k: v for k, v in os.environ.items() if k not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    return subprocess.run(["make", *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=True)


def _planned(*arguments: str) -> str:
    """What make would run."""
    done = run_make("-n", *arguments)
    return done.stdout


def test_make_test_runs_everything_and_sets_up_first() -> None:
    lines = _planned("test", "PYTHON=python3.11", "LONGTHOUGHT_VENV=.venv").splitlines()
    assert lines[0].split("#")[0].strip() == '"python3.11" scripts/setup'
    commands = "\n".join(lines)
    for command in ("ruff check .", "ruff format --check .", "bin/mypy\n", "bin/python -m pytest"):
        assert command in commands
    assert "HF_HUB_OFFLINE=1" in commands and "-m full" not in commands and "|| true" not in commands


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["test-full"], '-m pytest -m "full or not full"'),
        (["demo", "LONGTHOUGHT_VENV=/v"], "/v/bin/rlhf train recipes/grpo.yaml run.name=demo"),
        (["setup", "CUDA=1"], "scripts/setup --cuda"),
        (["setup", "CUDA=0"], "scripts/setup  --cpu"),
        (["browser", "PYTHON=python3.11"], '"python3.11" scripts/setup/browser.py'),
        (["lock", "UPGRADE=1"], "scripts/setup/relock.py --upgrade"),
    ],
)
def test_what_make_would_run(arguments: list[str], expected: str) -> None:
    assert expected in _planned(*arguments)


@pytest.mark.parametrize(("target", "asks"), [("test", 1), ("test-full", 1), ("setup", 0), ("demo", 0), ("lint", 0)])
def test_only_tests_ask_for_a_browser_and_after_the_linters(target: str, asks: int) -> None:
    planned = _planned(target, "PYTHON=python3.11")
    assert planned.count("scripts/setup/browser.py") == asks
    if asks:
        assert planned.index("mypy scripts/setup") < planned.index("browser.py") < planned.index("-m pytest")


def test_make_alone_explains_every_target() -> None:
    done = run_make()
    described = re.findall(r"^  make (\S+) ", done.stdout, re.MULTILINE)
    phony = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert phony is not None and described == phony[1].split()


def test_ci_runs_the_same_command_as_everybody() -> None:
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    commands = [line for line in script.read_text().splitlines() if line and not line.startswith("#")]
    assert commands == ["set -euo pipefail", 'cd "$(dirname "${BASH_SOURCE[0]}")/.."', "exec make test"]


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda p: p.name)
def test_an_image_is_made_from_the_locks_and_runs_without_privileges(path: Path) -> None:
    text = path.read_text()
    flavour = path.name.split(".")[0]
    setups = re.findall(r"^RUN python3.11 scripts/setup(.*)$", text, re.MULTILINE)
    assert [s.split() for s in setups] == (
        [["--packages-only"], []] if flavour == "cpu" else [["--cuda", "--packages-only"], ["--cuda"]]
    )
    assert re.findall(r"pip install", text) == []
    users = re.findall(r"^USER (\S+)$", text, re.MULTILINE)
    assert users == ["longthought"] and text.index("USER longthought") > text.rindex("RUN ")
    for source in re.findall(r"^COPY (?!--from)(\S+) ", text, re.MULTILINE):
        assert (ROOT / source).exists(), source


def test_an_image_takes_all_that_is_installed_and_nothing_else() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert {"pyproject.toml", "README.md", "requirements", "scripts", "rlhf", "verifiers", "cluster", "recipes"} <= kept
    assert kept & {".git", ".venv", "tests", "runs"} == set()


def _documents() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((ROOT / "deploy" / "kuberay" / "rayjob.yaml").read_text()))


def _pods() -> list[dict[str, Any]]:
    cluster = _documents()[1]["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    return [group["template"]["spec"] for group in groups]


def test_the_rayjob_names_a_recipe_that_exists() -> None:
    job = _documents()[1]
    assert (job["apiVersion"], job["kind"]) == ("ray.io/v1", "RayJob")
    command, *overrides = job["spec"]["entrypoint"].split()
    prefix = "/opt/longthought/src/"
    assert command.startswith(prefix) and f"WORKDIR {prefix[:-1]}" in (ROOT / "docker" / "cuda.Dockerfile").read_text()
    assert (ROOT / command.removeprefix(prefix)).is_file()
    assert all(re.fullmatch(r"[a-z_.]+=\S+", override) for override in overrides)
    assert yaml.safe_load(job["spec"]["runtimeEnvYAML"]) == {"env_vars": {"LONGTHOUGHT_RUNS": "/runs"}}


def test_the_rayjob_runs_the_locked_ray_behind_a_token() -> None:
    cluster = _documents()[1]["spec"]["rayClusterSpec"]
    assert f"ray=={cluster['rayVersion']}\n" in (ROOT / "requirements" / "cuda.lock").read_text()
    assert cluster["authOptions"] == {"mode": "token"}
    for group in cluster["workerGroupSpecs"]:
        assert group["minReplicas"] == group["replicas"] == group["maxReplicas"]


def test_every_pod_has_shared_memory_and_the_run_folder() -> None:
    pods = _pods()
    assert len(pods) == 2
    for pod in pods:
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        assert volumes["shm"]["emptyDir"]["medium"] == "Memory"
        assert volumes["runs"]["persistentVolumeClaim"]["claimName"] == _documents()[0]["metadata"]["name"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        (container,) = pod["containers"]
        assert {m["name"]: m["mountPath"] for m in container["volumeMounts"]} == {"runs": "/runs", "shm": "/dev/shm"}
        assert container["image"] == "longthought:cuda"
        assert container["resources"]["requests"] == container["resources"]["limits"]
    assert [pod["containers"][0]["name"] for pod in pods] == ["ray-head", "ray-worker"]
    assert pods[1]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "8"
