"""Evaluation with real engines and verifiers: while training, on its own, killed and gone on with, and compared."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from rlhf.evaluation.results import read_results, samples_path
from rlhf.evaluation.run.journal import read_samples
from tests.e2e.runs import Run, metrics, write_recipe

GYM = "reasoning_gym:chain_sum"
TASK = {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}
SUMS = [{"question": f"What is {a} + {b}?", "answer": str(a + b), "kind": "odd" if a % 2 else "even"}
        for a in range(4) for b in range(4)]  # fmt: skip


@pytest.fixture(scope="module")
def own(tmp_path_factory) -> Path:
    """A benchmark of one's own: a file and an entry of five lines."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "sums.jsonl").write_text("".join(json.dumps(row) + "\n" for row in SUMS))
    entry = "name: sums\nfile: sums.jsonl\nprompt_field: question\nreference_field: answer\nverifier: number\n"
    (folder / "sums.yaml").write_text(entry + "category_field: kind\n")
    return folder


@pytest.fixture(scope="module")
def trained(tmp_path_factory, own) -> Path:
    """A run of four steps that asks its own benchmark and made-up puzzles every two, and keeps the best weights."""
    folder = tmp_path_factory.mktemp("trained")
    mine = {
        "name": "sums",
        "file": str(own / "sums.jsonl"),
        "prompt_field": "question",
        "reference_field": "answer",
        "verifier": "number",
    }
    gym = {"name": GYM, "size": 12, "task_config": TASK, "samples": 4}
    evaluation = {"benchmarks": [mine, gym], "every": 2, "max_response_tokens": 20}
    recipe = write_recipe(
        folder,
        trainer={"eval_every": 2, "best_metric": f"eval/{GYM}/avg", "max_staleness": 1},
        evaluation=evaluation,
        learner={"weight_decay": 0.1},  # weights change with every step, also where nothing is right
    )
    run = Run(recipe)
    assert run.end() == 0, run.text
    assert run.left_behind() == []
    return folder / "runs" / "e2e"


def test_a_run_evaluates_the_weights_of_each_step_it_is_due_at(trained):
    files = sorted((trained / "evaluations").glob("step_*.json"))
    assert [path.name for path in files] == ["step_000000.json", "step_000002.json", "step_000004.json"]
    rows = {row["step"]: row for row in metrics(trained)}
    assert [step for step in sorted(rows) if f"eval/{GYM}/avg" in rows[step]] == [0, 2, 4]
    for path in files:
        results = read_results(path)
        assert [benchmark.name for benchmark in results.benchmarks] == ["sums", GYM]
        row, step = rows[results.step], results.step
        for benchmark in results.benchmarks:
            assert row[f"eval/{benchmark.name}/avg"] == benchmark.metrics[0].value, step
            assert row[f"eval/{benchmark.name}/length_mean"] == benchmark.lengths.mean
        assert row["accuracy/heldout"] is not None
        assert set(lines_of(samples_path(path)).values()) == {1}
        assert len(lines_of(samples_path(path))) == 16 + 12 * 4
        assert (results.model.step, results.settings.max_response_tokens) == (step, 20)


def test_the_best_weights_are_kept_and_named(trained):
    facts = json.loads((trained / "checkpoints" / "best" / "best.json").read_text())
    by_step = {row["step"]: row[f"eval/{GYM}/avg"] for row in metrics(trained) if f"eval/{GYM}/avg" in row}
    best = max(by_step.values())
    first = min(step for step, value in by_step.items() if value == best)
    assert facts == {"step": first, "metric": f"eval/{GYM}/avg", "value": best}
    weights = (trained / "checkpoints" / "best" / "hf" / "model.safetensors").read_bytes()
    same = [p.parts[-3] for p in trained.glob("checkpoints/step_*/hf/model.safetensors") if p.read_bytes() == weights]
    assert same == ([f"step_{first}"] if first else []), "checkpoints of steps 2 and 4 are there to compare with"


def test_training_prompts_are_not_judged_by_a_benchmarks_verifier_nor_the_other_way(trained):
    lines = (trained / "trajectories" / "step_000001.jsonl").read_text().splitlines()
    labels = {label for line in lines for sample in json.loads(line)["samples"] for label in sample["verdicts"]}
    assert labels == {"logic", "format"}


def lines_of(journal: Path) -> Counter[tuple[str, str, int]]:
    """How many lines each sample has, as they stand in the file."""
    rows = [json.loads(line) for line in journal.read_text().splitlines()]
    return Counter((row["benchmark"], row["problem"], row["sample"]) for row in rows if "sample" in row)


def evaluate(model: Path | str, out: Path, *more: str) -> Run:
    return Run(model, "--out", str(out), "--max-tokens", "20", *more, command="eval")


def test_a_run_is_evaluated_killed_and_gone_on_with(trained, own, tmp_path):
    """Nothing is asked for twice that was judged before the kill; the totals are whole; nothing is left behind."""
    out, asked = tmp_path / "r.json", ["-b", f"{own / 'sums.yaml'},{GYM}", "--samples", "8", "--concurrent", "4"]
    killed = evaluate(trained, out, *asked)
    killed.until("gold answers")
    journal = samples_path(out)
    killed.until("right so far")
    killed.process.kill()
    killed.process.wait()
    assert killed.left_behind() == []
    assert not out.exists()
    before = {row.key: row for row in read_samples(journal)}
    again = evaluate(trained, out, *asked)
    assert again.end() == 0, again.text
    assert "samples are there already" in again.text
    after = {row.key: row for row in read_samples(journal)}
    assert before.items() <= after.items(), "what was judged is not asked for again"
    results = read_results(out)
    assert {b.name: len(b.problems) for b in results.benchmarks} == {"sums": 16, GYM: 100}
    for benchmark in results.benchmarks:
        for problem in benchmark.problems:
            rows = [after[(benchmark.name, problem.id, sample)] for sample in range(8)]
            assert problem.statuses == [row.status for row in rows]
            assert problem.tokens == [row.tokens for row in rows]
        right = sum(status == "correct" for problem in benchmark.problems for status in problem.statuses)
        assert benchmark.metrics[0].value == pytest.approx(right / (8 * len(benchmark.problems)))
    assert set(results.benchmark("sums").categories) == {"odd", "even"}
    assert set(lines_of(journal).values()) == {1}, "no sample was asked for or judged twice"
    assert len(lines_of(journal)) == sum(len(b.problems) * 8 for b in results.benchmarks)
    whole = evaluate(trained, out, *asked)
    assert whole.end() == 0, whole.text
    assert "loading" not in whole.text, "with nothing missing no engine is started"
    other = evaluate(trained, out, *asked, "--temperature", "1.0")
    assert other.end() == 2
    assert "sums.temperature: it has 0.6, asked for is 1.0" in other.text
    assert {row.key: row for row in read_samples(journal)} == after, "nothing is lost"


def test_greedy_answers_repeat_and_compare_as_no_difference(trained, own, tmp_path):
    """And the thinking part is held to its budget by the engine itself."""
    asked = ["-b", str(own / "sums.yaml"), "--temperature", "0"]
    texts = []
    for name in ("a", "b"):
        run = evaluate(trained, tmp_path / f"{name}.json", *asked)
        assert run.end() == 0, run.text
        texts.append({row.key: row.response for row in read_samples(samples_path(tmp_path / f"{name}.json"))})
    assert texts[0] == texts[1]
    thinking = evaluate(trained, tmp_path / "c.json", *asked, "--thinking-tokens", "3", "--thinking-end", "|")
    assert thinking.end() == 0, thinking.text
    rows = list(read_samples(samples_path(tmp_path / "c.json")))
    assert any(row.forced for row in rows)
    assert all("\n|\n\n" in row.response for row in rows if row.forced)
    assert all(row.tokens <= 3 + 20 + 10 for row in rows)
    compared = Run(tmp_path / "a.json", str(tmp_path / "b.json"), command="compare")
    assert compared.end() == 0, compared.text
    assert "sums" in compared.text
    warned = Run(tmp_path / "a.json", str(tmp_path / "c.json"), command="compare")
    assert warned.end() == 0, warned.text
    assert "thinking" in warned.text, "settings that differ are named"


def test_a_recipe_of_an_evaluation(own, tmp_path):
    recipe = tmp_path / "eval.yaml"
    recipe.write_text(
        f"""#!/usr/bin/env -S python -m rlhf
kind: eval
run: {{name: sums, root: {tmp_path / "runs"}}}
policy: {{model: tiny-moe, dtype: float32}}
evaluation:
  benchmarks:
    - {{name: sums, file: {own / "sums.jsonl"}, prompt_field: question, reference_field: answer, verifier: number}}
  samples: 2
  max_response_tokens: 8
cluster: {{address: local}}
"""
    )
    run = Run(recipe)
    assert run.end() == 0, run.text
    out = tmp_path / "runs" / "sums" / "results.json"
    (benchmark,) = read_results(out).benchmarks
    assert (len(benchmark.problems), benchmark.samples, benchmark.temperature) == (16, 2, 0.6)
    assert (out.parent / "recipe.yaml").is_file()
    again = Run(recipe, "--resume")
    assert again.end() == 0, again.text
    assert "32 of 32 samples are there already" in again.text
    report = Run(out.parent, command="report")
    assert report.end() == 0, report.text
    assert (out.parent / "results.html").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["-b", "gsm9k"], "gsm8k"),
        (["-b", GYM, "--samples", "2", "--pass-at", "4"], "--pass-at"),
        (["-b", GYM, "--samples", "2", "--temperature", "0"], "--temperature"),
        (["-b", "gsm8k", "--data-dir", "nowhere"], "--data-dir"),
        (["-b", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
    ],
)
def test_bad_options_are_refused_at_once_by_name(arguments, says, tmp_path):
    run = Run("tiny-moe", "--out", str(tmp_path / "r.json"), *arguments, command="eval")
    assert run.end() == 2
    assert says in run.text
    assert "Traceback" not in run.text
    assert list(tmp_path.iterdir()) == []
