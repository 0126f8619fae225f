"""The pure parts of the benchmarks; what they measure is not tested here."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from benchmarks.async_overlap import overlap_ratio
from benchmarks.common import Bench, BenchmarkError, machine, median, side_environment, table
from benchmarks.learner import padded_share, ragged_lengths
from benchmarks.quiet import descendants, foreign_seconds, used_between
from benchmarks.recipes import fixed_length_recipe
from benchmarks.rollout import rates
from benchmarks.runs import pooled, step_times


@pytest.mark.parametrize(("values", "expected"), [([3.0], 3.0), ([1.0, 9.0, 2.0], 2.0), ([4.0, 1.0], 2.5)])
def test_median(values: list[float], expected: float) -> None:
    assert median(values) == expected


def test_table_lines_up() -> None:
    shown = table("t", ("", "x"), [("a", 1234.5), ("long", 0.5), ("c", "")])
    assert shown.splitlines() == ["t", "          x", "----  -----", "a     1,234", "long    0.5", "c          "]


def test_the_machine_is_described() -> None:
    found = machine()
    assert found["cores"] == len(os.sched_getaffinity(0)) and found["packages"]["torch"].startswith("2.")
    json.dumps(found)


def test_sides_choose_their_own_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    environment = side_environment(tmp_path)
    assert "OMP_NUM_THREADS" not in environment and environment["LONGTHOUGHT_RUNS"] == str(tmp_path / "runs")


@pytest.mark.parametrize(("shape", "mean_low", "mean_high"), [("uniform", 500, 560), ("log-uniform", 260, 315)])
def test_lengths_are_ragged(shape: str, mean_low: float, mean_high: float) -> None:
    lengths = ragged_lengths(4000, 32, 1024, shape)
    assert min(lengths) >= 32 and max(lengths) <= 1024
    assert mean_low < sum(lengths) / len(lengths) < mean_high  # 528, and 992 / ln 32 = 286
    assert lengths == ragged_lengths(4000, 32, 1024, shape)


def test_an_unknown_distribution_is_refused() -> None:
    with pytest.raises(ValueError, match="uniform or log-uniform"):
        ragged_lengths(1, 32, 1024, "normal")


def test_padding_counts_slots() -> None:
    assert padded_share([4, 2, 1, 1], rows=2) == (2 * 4 + 2 * 1) / 8
    assert padded_share([5, 5, 5], rows=2) == 1.0


def test_rates_are_of_every_batch() -> None:
    assert rates([{"tokens": [10, 20], "seconds": [2.0, 5.0]}, {"tokens": [9], "seconds": [3.0]}]) == [5.0, 4.0, 3.0]


@pytest.mark.parametrize(("step", "ratio"), [(3.0, 1.0), (5.0, 5 / 3)])
def test_overlap_is_against_the_longer_stage(step: float, ratio: float) -> None:
    assert overlap_ratio(step, rollout_alone_s=2.0, learn_alone_s=3.0) == ratio


def test_step_times_leave_the_first_step_out(tmp_path: Path) -> None:
    (tmp_path / "trajectories").mkdir()
    rows = []
    for step, end in ((1, 100.0), (2, 107.0), (3, 112.5)):
        path = tmp_path / "trajectories" / f"step_{step:06}.jsonl"
        path.touch()
        os.utime(path, (end, end))
        stages = {"time/rollout": step, "time/learn": 2.0 * step, "time/publish": 0.5, "time/step": 3.0 * step + 0.5}
        rows.append({"step": step, "tokens": 64.0, **stages})
    lines = [{"step": 0, "accuracy/heldout": 0.5}, *rows]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in lines))
    found = step_times(tmp_path)
    assert found["step"] == [7.0, 5.5]
    assert found["rollout"] == [2, 3] and found["learn"] == [4.0, 6.0] and found["tokens"] == [64.0, 64.0]
    assert pooled([found, found], "step") == [7.0, 5.5, 7.0, 5.5]


def test_the_recipe_fixes_lengths_and_cores() -> None:
    options = {"model": "m", "dtype": "bfloat16", "prompts": 4, "samples": 8, "tokens": 16, "steps": 3, "cores": 2}
    recipe = fixed_length_recipe(options | {"staleness": 1, "cores_each": 1})
    assert recipe.rollout.min_response_tokens == recipe.rollout.max_response_tokens == 16
    assert recipe.rollout.max_concurrent_sequences == 32 and recipe.trainer.max_staleness == 1
    assert recipe.rollout.cpus_per_engine == recipe.learner.cpus_per_rank == 1
    assert recipe.data.train.size == 4 * (3 + 1)


def test_descendants_of_a_tree() -> None:
    parents = {1: 0, 10: 1, 11: 10, 12: 11, 20: 1, 21: 20}
    assert descendants(10, parents) == {11, 12}
    assert descendants(1, parents) == {10, 11, 12, 20, 21}


def test_own_processes_are_not_foreign() -> None:
    with subprocess.Popen(["sleep", "60"]) as child:
        foreign = foreign_seconds()
        child.kill()
    assert {os.getpid(), child.pid} & set(foreign) == set()
    assert os.getppid() in foreign


@pytest.mark.parametrize(
    ("after", "used"),
    [
        ({10: 5.0, 11: 50.0}, 0.0),
        ({10: 5.0, 11: 53.0, 12: 1.0}, 4.0),  # 11 went on, 12 is new
        ({10: 57.0}, 2.0),  # 11 ended after two more seconds; its parent 10 inherits all 52
        ({10: 5.0}, 0.0),  # 11 ended as an orphan
    ],
)
def test_only_what_was_used_meanwhile_counts(after: dict[int, float], used: float) -> None:
    assert used_between({10: 5.0, 11: 50.0}, after) == used


def test_a_side_answers_or_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "side_module.py").write_text(
        "def double(options):\n    return {'twice': 2 * options['x']}\n"
        "def broken(options):\n    raise ValueError('no such thing')\n"
        "SIDES = {'double': double, 'broken': broken}\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    bench = Bench("b", "side_module", tmp_path, settle_s=0.0)
    assert bench.run("double", {"x": 21}) == {"twice": 42}
    with pytest.raises(BenchmarkError, match=r"side broken ended with 1(.|\n)*no such thing"):
        bench.run("broken", {})
