"""One run, killed, resumed, told to end, resumed, finished: real Ray, vLLM, DeepSpeed and verifiers."""

import json
import os
import signal

import pytest

from rlhf.checkpoint import Checkpoints
from tests.e2e.runs import WARMUP, Run, metrics, write_recipe


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    """The whole story, told once; the tests below look at its parts."""
    folder = tmp_path_factory.mktemp("kill")
    recipe = write_recipe(
        folder,
        trainer={"steps": 6, "checkpoint_every": 2, "eval_every": 2, "prompts_per_step": 8, "max_staleness": 1},
        warmup=WARMUP,
    )
    told = {"run": folder / "runs" / "e2e"}

    killed = Run(recipe)
    killed.until("step 3/6")
    os.kill(killed.process.pid, signal.SIGKILL)
    killed.end()
    told["killed"] = killed
    told["killed_left"] = killed.left_behind()
    told["after_kill"] = [p.name for p in Checkpoints(told["run"] / "checkpoints", 9).complete()]

    stopped = Run(recipe, "--resume")
    stopped.until("step 4/6")
    os.kill(stopped.process.pid, signal.SIGTERM)
    told["stopped_code"] = stopped.end()
    told["stopped"] = stopped
    told["stopped_left"] = stopped.left_behind()
    told["stopped_steps"] = metrics(told["run"])[-1]["step"]
    told["after_stop"] = [p.name for p in Checkpoints(told["run"] / "checkpoints", 9).complete()]

    finished = Run(recipe, "--resume")
    told["finished_code"] = finished.end()
    told["finished"] = finished
    told["finished_left"] = finished.left_behind()
    return told


def test_a_signal_during_the_warm_up_ends_everything_and_says_so(tmp_path):
    recipe = write_recipe(
        tmp_path,
        warmup={"demonstrations": "running_totals", "config": {"task": "chain_sum"}, "size": 64, "steps": 5000},
    )
    run = Run(recipe)
    run.until("warm-up:")
    os.kill(run.process.pid, signal.SIGTERM)
    assert run.end() == 130, run.text
    assert "SIGTERM: ending; nothing was learned yet" in run.text
    assert run.left_behind() == []
    assert json.loads((tmp_path / "runs" / "e2e" / "summary.json").read_text())["status"] == "interrupted"


def test_accuracy_was_measured_where_it_was_due_also_beside_a_checkpoint(story):
    rows = {row["step"]: row for row in metrics(story["run"])}
    assert [step for step, row in rows.items() if "accuracy/heldout" in row] == [0, 2, 4, 6]


def test_after_kill_9_the_run_resumes_from_the_last_complete_checkpoint(story):
    assert story["after_kill"] == ["step_0", "step_2"]
    assert "resumed from" in story["stopped"].text
    assert "checkpoints/step_2" in story["stopped"].text


def test_sigterm_writes_a_checkpoint_and_says_so(story):
    assert story["stopped_code"] == 130
    assert "SIGTERM" in story["stopped"].text
    assert "--resume" in story["stopped"].text
    assert f"step_{story['stopped_steps']}" in story["after_stop"]


def test_the_resumed_run_finishes(story):
    assert story["finished_code"] == 0, story["finished"].text
    summary = json.loads((story["run"] / "summary.json").read_text())
    assert (summary["status"], summary["steps"]) == ("finished", 6)
    assert summary["warmup"]["steps"] == 10
    assert summary["heldout"]["before"]["n_problems"] == 16
    assert summary["heldout"]["after"]["n_problems"] == 16


def test_every_step_is_in_the_metrics_once(story):
    assert [row["step"] for row in metrics(story["run"])] == list(range(7))


def test_prompts_add_up_at_every_step(story):
    for row in metrics(story["run"])[1:]:
        accounted = sum(
            row[f"prompts/{place}"] for place in ("trained", "in_flight", "buffered", "returned", "dropped")
        )
        assert row["prompts/handed_out"] == accounted
        assert row["prompts/trained"] == 8 * row["step"]
        assert row["staleness/max"] <= 1


def test_asynchronous_rollouts_were_trained_on(story):
    assert max(row["staleness/max"] for row in metrics(story["run"])[1:]) == 1


def test_engine_and_learner_agree_on_log_probabilities(story):
    for row in metrics(story["run"])[1:]:
        if row["staleness/max"] == 0:
            assert row["mismatch/mean_abs"] < 1e-5


@pytest.mark.parametrize("ending", ["killed", "stopped", "finished"])
def test_no_process_is_left_behind(story, ending):
    assert story[f"{ending}_left"] == []


def test_the_run_folder_holds_what_is_promised(story):
    run = story["run"]
    for name in ("recipe.yaml", "run.json", "metrics.jsonl", "report.html", "summary.json"):
        assert (run / name).stat().st_size > 0, name
    assert len(list((run / "trajectories").glob("step_*.jsonl"))) == 6
    last = Checkpoints(run / "checkpoints", 9).latest()
    assert last.name == "step_6"
    assert (last / "hf" / "model.safetensors").exists()


def test_the_export_gives_a_folder_that_transformers_loads(story, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from rlhf.checkpoint import export_checkpoint

    export_checkpoint(story["run"], None, tmp_path / "out")
    model = AutoModelForCausalLM.from_pretrained(tmp_path / "out")
    tokenizer = AutoTokenizer.from_pretrained(tmp_path / "out")
    assert model.config.num_experts == 8
    text = "\\boxed{12}"
    assert tokenizer.decode(tokenizer(text, add_special_tokens=False)["input_ids"]) == text
