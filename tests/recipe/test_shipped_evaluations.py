"""recipes/eval: every recipe there is executable, says what it is, and passes its checks."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from rlhf.recipe.evaluation_schema import BenchmarkConfig
from rlhf.recipe.load import load_checked, load_eval
from rlhf.recipe.problems import RecipeError
from rlhf.recipe.yaml_lines import parse
from tests.recipe.helpers import CPU, GPU

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "recipes" / "eval"
SHEBANG = "#!/usr/bin/env -S python -m rlhf\n"
RECIPES = sorted(path for path in FOLDER.glob("*.yaml") if path.read_text().startswith("#!"))


def test_all_are_there():
    assert [path.stem for path in RECIPES] == ["demo", "math", "science_and_code", "smollm2_gsm8k"]


@pytest.mark.parametrize("path", RECIPES, ids=[path.stem for path in RECIPES])
def test_recipe_is_executable_and_passes_its_checks(path, monkeypatch):
    monkeypatch.chdir(ROOT)
    text = path.read_text()
    assert text.startswith(f"{SHEBANG}# ")
    assert os.access(path, os.X_OK)
    for devices in (CPU, GPU):
        loaded = load_checked(path, (), devices)
        assert loaded.recipe.kind == "eval"
        assert loaded.recipe.run.name.startswith("eval-")
        assert {warning.key for warning in loaded.warnings} <= {"policy.model"}, "but that the model is not here"


def test_the_demo_says_nothing_and_downloads_nothing(monkeypatch):
    monkeypatch.chdir(ROOT)
    loaded = load_eval(FOLDER / "demo.yaml", (), CPU)
    assert loaded.warnings == ()
    assert all(e.file or e.name.startswith("reasoning_gym:") for e in loaded.recipe.evaluation.benchmarks)


def test_the_demo_asks_what_the_demo_run_learned(monkeypatch):
    monkeypatch.chdir(ROOT)
    trained = load_checked(ROOT / "recipes" / "grpo.yaml", (), CPU).recipe.data.train
    asked = load_eval(FOLDER / "demo.yaml", (), CPU).recipe.evaluation.benchmarks[0]
    assert (asked.name, asked.task_config) == (f"reasoning_gym:{trained.task}", trained.task_config)
    assert asked.seed >= trained.seed + trained.size


def test_slow_programs_have_the_time_that_the_recipe_means(monkeypatch):
    monkeypatch.chdir(ROOT)
    recipe = load_eval(FOLDER / "science_and_code.yaml", (), CPU).recipe
    entries = {entry.name: entry for entry in recipe.evaluation.benchmarks}
    assert list(entries) == ["gpqa_diamond", "humaneval", "mbpp", "livecodebench"]
    assert dict(entries["livecodebench"].config) == {"total_s": 60}
    assert recipe.verify.timeout_s == 70
    with pytest.raises(RecipeError, match=r"benchmarks\.3 may run tests for 60 s; write 61"):
        load_checked(FOLDER / "science_and_code.yaml", ("verify.timeout_s=60",), CPU)


def test_the_worked_problems_are_worked_rightly():
    (entry,) = load_eval(FOLDER / "smollm2_gsm8k.yaml", (), CPU).recipe.evaluation.benchmarks
    assert (entry.name, entry.limit, len(entry.few_shot)) == ("gsm8k", 200, 5)
    for example in entry.few_shot:
        steps = re.findall(r"(\d[\d.+*/ -]*) = (\d+)", example.response)
        assert len(steps) >= 2
        for expression, value in steps:
            assert eval(expression) == int(value), example.response  # digits and signs alone, by the pattern
        assert example.response.endswith(rf"The answer is \boxed{{{steps[-1][1]}}}.")


def test_sums_is_an_entry_of_five_lines_with_right_answers():
    lines = [line for line in (FOLDER / "own" / "sums.yaml").read_text().splitlines() if not line.startswith("#")]
    assert len(lines) == 5
    entry = BenchmarkConfig.model_validate(parse("\n".join(lines)).data)
    rows = [json.loads(line) for line in (FOLDER / "own" / str(entry.file)).read_text().splitlines()]
    assert len(rows) == 20
    computed = 0
    for row in rows:
        assert set(row) == {entry.prompt_field, entry.reference_field}
        found = re.fullmatch(r"What is ([\d() +*/-]+)\?", row[entry.prompt_field])
        if found:
            assert eval(found[1]) == int(row["answer"]), row  # digits and signs alone, by the pattern
            computed += 1
    assert computed == 15
