"""`ray start --head`, then `ray job submit recipe.yaml`: a recipe is an executable file, and Ray asks for its token."""

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from rlhf.evaluation.results import read_results
from tests.e2e.runs import DEADLINE_S, REPOSITORY, metrics, write_recipe

pytestmark = pytest.mark.full
RAY = str(Path(sys.executable).with_name("ray"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A head node in the foreground, so that it is ended by its handle; Ray's token lies in a home of its own."""
    dashboard = free_port()
    environment = {
        **os.environ,
        "HOME": str(tmp_path_factory.mktemp("home")),
        "RAY_AUTH_MODE": "token",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    subprocess.run([RAY, "get-auth-token", "--generate"], env=environment, check=True, stdout=subprocess.DEVNULL)
    command = [
        RAY,
        "start",
        "--head",
        "--block",
        f"--port={free_port()}",
        f"--dashboard-port={dashboard}",
        "--num-cpus=2",
    ]
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "--block" in line:
            break
    else:
        pytest.fail("ray did not start:\n" + "".join(lines))
    yield environment | {"RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}"}
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)


def submit(head, *arguments, **changes):
    return subprocess.run(
        [RAY, "job", "submit", *arguments],
        env=head | changes,
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=DEADLINE_S,
        check=False,
    )


def small(tmp_path):
    return write_recipe(tmp_path, cluster={"address": None}, trainer={"steps": 2, "prompts_per_step": 8})


def test_a_recipe_is_submitted_as_it_is(head, tmp_path):
    recipe = small(tmp_path)
    recipe.chmod(0o755)
    done = submit(head, str(recipe))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "held-out accuracy" in done.stdout
    assert [row["step"] for row in metrics(tmp_path / "runs" / "e2e")] == [0, 1, 2]


def test_with_a_working_directory_and_overrides(head, tmp_path):
    overrides = [f"run.root={tmp_path}", "run.name=there", "trainer.steps=1", "warmup.steps=3", "data.heldout.size=8"]
    done = submit(head, "--working-dir", ".", "--", "recipes/grpo.yaml", *overrides)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [row["step"] for row in metrics(tmp_path / "there")] == [0, 1]


def test_an_evaluation_is_submitted_like_any_recipe(head, tmp_path):
    overrides = [f"run.root={tmp_path}", "evaluation.samples=2", "evaluation.max_response_tokens=16"]
    done = submit(head, "--working-dir", ".", "--", "recipes/eval/demo.yaml", *overrides)
    assert done.returncode == 0, done.stdout + done.stderr
    results = read_results(tmp_path / "eval-demo" / "results.json")
    problems = {benchmark.name: len(benchmark.problems) for benchmark in results.benchmarks}
    assert problems == {"reasoning_gym:basic_arithmetic": 64, "reasoning_gym:chain_sum": 64, "sums": 20}
    assert {benchmark.samples for benchmark in results.benchmarks} == {2}


def test_without_the_token_nothing_is_started(head, tmp_path):
    recipe = small(tmp_path)
    recipe.chmod(0o755)
    done = submit(head, str(recipe), HOME=str(tmp_path), RAY_AUTH_TOKEN="0" * 64)
    assert done.returncode != 0
    assert not (tmp_path / "runs").exists()
