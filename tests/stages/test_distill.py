"""Both stages of a distillation on a small random model: what they reach, what they leave behind, and going on."""

from __future__ import annotations

import asyncio
import json
import math

import pytest
import torch
from safetensors.torch import load_file

from rlhf.learner.base_rank import load
from rlhf.learner.spec import LearnerSpec, StepResult
from rlhf.metrics.jsonl import JsonlSink, read_metrics
from rlhf.metrics.sinks import SinkGroup
from rlhf.recipe.distill_schema import AttentionStageConfig, DistillStagesConfig, LogitStageConfig
from rlhf.recipe.schema import LearnerConfig, PolicyConfig
from rlhf.stages.distill.curve import draw_curve
from rlhf.stages.distill.record import DistillRecord
from rlhf.stages.distill.results import Point, Results, results_lines
from tests.stages.distilling import EXACT, View, distilled, recipe_of, text_of, write_teacher


@pytest.fixture(scope="module")
def teacher(tmp_path_factory):
    return write_teacher(tmp_path_factory.mktemp("teacher"))


@pytest.fixture(scope="module")
def text(teacher):
    return text_of(teacher)


def weights(folder, step: int) -> dict[str, torch.Tensor]:
    return load_file(folder / "checkpoints" / f"step_{step}" / "hf" / "model.safetensors")


def alike(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> bool:
    return a.keys() == b.keys() and all(torch.equal(tensor, b[name]) for name, tensor in a.items())


@pytest.fixture(scope="module")
def straight(teacher, text, tmp_path_factory):
    """A run from its first step to its last."""
    folder = tmp_path_factory.mktemp("straight")
    return folder, asyncio.run(distilled(recipe_of(teacher), teacher, folder, text))


async def test_both_stages_bring_the_student_nearer(teacher, text, tmp_path):
    each = {"steps": 40, "tokens_per_step": 600}
    changes = {f"{stage}_{key}": value for stage in ("attention", "logits") for key, value in each.items()}
    rates = {"attention_learning_rate": 0.01, "logits_learning_rate": 0.002}
    recipe = recipe_of(teacher, **changes, **rates, evaluate_every=0)
    finished, run, student, notes = await distilled(recipe, teacher, tmp_path, text)
    assert finished
    assert student.losses[39] < 0.75 * student.losses[0]
    assert student.losses[79] < 0.9 * student.losses[40]
    found = run.results.summary()["sampled"]
    assert found["teacher"] < found["after_logits"] < found["after_attention"] < found["before"]
    assert found["regained"] == found["regained_logits"] > 0.2
    lost = found["before"] - found["teacher"]
    assert found["regained_attention"] == pytest.approx((found["before"] - found["after_attention"]) / lost)
    assert [point.step for point in run.results.history] == [0, 40, 80]
    assert any("held out, after 80 steps" in note and "regained" in note for note in notes)


async def test_what_equals_softmax_starts_where_the_teacher_is(teacher, text, tmp_path):
    recipe = recipe_of(teacher, EXACT, attention_steps=2, logits_steps=2, attention_learning_rate=1e-6)
    _, run, student, _ = await distilled(recipe, teacher, tmp_path, text)
    assert student.losses[0] < 1e-8
    found = run.results.summary()["sampled"]
    assert found["before"] == pytest.approx(found["teacher"], abs=1e-5)
    assert found["regained"] == 1.0


async def test_what_a_run_leaves_behind(teacher, straight):
    folder, (_, run, student, _) = straight
    assert student.stages == [("attention", "policy"), ("logits", "step_4")]
    rows = read_metrics(folder / "metrics.jsonl")
    assert [row["step"] for row in rows] == list(range(9))
    assert [row["step"] for row in rows if "heldout/sampled_nats" in row] == [0, 2, 4, 6, 8]
    assert [row.get("distill/stage") for row in rows] == [None, *[1.0] * 4, *[2.0] * 4]
    assert all(math.isfinite(row["distill/error"]) and row["attention/error_layer_1"] > 0 for row in rows[1:5])
    assert all({"distill/kl", "distill/nats", "distill/nats_teacher", "learner/lr"} <= row.keys() for row in rows[5:])
    assert json.loads((folder / "distillation.json").read_text()) == run.results.summary()
    assert json.loads((folder / "summary.json").read_text())["status"] == "finished"
    config = json.loads((folder / "checkpoints" / "step_8" / "hf" / "config.json").read_text())
    assert [layer["kernel"] for layer in config["attention"]["layers"]] == ["softmax", "linear"]
    hf = str(folder / "checkpoints" / "step_8" / "hf")
    loaded = load(LearnerSpec(PolicyConfig(model=hf, dtype="float32"), LearnerConfig(), hf))
    assert loaded.layout == "packed"


async def test_the_first_stage_moves_the_new_layers_alone(teacher, straight):
    folder, _ = straight
    before, after = load_file(folder / "policy" / "model.safetensors"), weights(folder, 4)
    moved = {name for name, tensor in after.items() if not torch.equal(tensor, before[name])}
    assert moved == {f"model.layers.1.self_attn.{p}_proj.weight" for p in "qkvo"}
    moved = {name for name, tensor in weights(folder, 8).items() if not torch.equal(tensor, after[name])}
    assert moved == after.keys()


async def test_the_curve_is_drawn(straight):
    folder, (_, run, _, _) = straight
    drawn = draw_curve(folder, run.results).read_text()
    assert drawn.startswith("<?xml")
    assert "student" in drawn or "<path" in drawn


@pytest.mark.parametrize("stop_after", [2, 4, 7])
async def test_a_stopped_run_goes_on_bit_for_bit(teacher, text, straight, tmp_path, stop_after):
    recipe, (whole, (_, expected, expected_student, _)) = recipe_of(teacher), straight
    finished, _, first, _ = await distilled(recipe, teacher, tmp_path, text, stop_after)
    assert not finished
    assert len(first.losses) == stop_after
    assert json.loads((tmp_path / "summary.json").read_text())["status"] == "interrupted"
    finished, run, second, _ = await distilled(recipe, teacher, tmp_path, text)
    assert finished
    assert [*first.losses, *second.losses] == expected_student.losses
    assert alike(weights(tmp_path, 8), weights(whole, 8))
    assert run.results == expected.results
    assert [row["step"] for row in read_metrics(tmp_path / "metrics.jsonl")] == list(range(9))


async def test_a_finished_run_has_nothing_to_go_on_with(teacher, text, straight):
    folder, (_, expected, _, _) = straight
    finished, run, student, _ = await distilled(recipe_of(teacher), teacher, folder, text)
    assert finished
    assert student.losses == []
    assert run.results == expected.results


async def test_more_steps_of_the_second_stage_go_on(teacher, text, tmp_path):
    await distilled(recipe_of(teacher), teacher, tmp_path, text)
    finished, run, student, _ = await distilled(recipe_of(teacher, logits_steps=6), teacher, tmp_path, text)
    assert finished
    assert len(student.losses) == 2
    assert student.stages == [("logits", "policy")]
    assert run.results.stages == {"attention": 4, "logits": 10}


@pytest.mark.parametrize("left_out", ["attention", "logits"])
async def test_a_stage_may_be_left_out(teacher, text, tmp_path, left_out):
    recipe = recipe_of(teacher, **{f"{left_out}_steps": 0})
    finished, run, student, _ = await distilled(recipe, teacher, tmp_path, text)
    assert finished
    other = "logits" if left_out == "attention" else "attention"
    assert student.stages == [(other, "policy")]
    row = run.results.summary()["sampled"]
    assert f"after_{left_out}" not in row
    assert row["last"] == row[f"after_{other}"]


async def test_the_same_seed_gives_the_same_weights(teacher, text, straight, tmp_path):
    folder, _ = straight
    await distilled(recipe_of(teacher), teacher, tmp_path, text)
    assert alike(weights(tmp_path, 8), weights(folder, 8))


def test_the_share_regained():
    results = Results({"sampled": 2.0, "file": 3.0})
    results.add(0, {"sampled": 6.0, "file": 3.0005})
    results.add(5, {"sampled": 4.0, "file": 3.2})
    results.stages["attention"] = 5
    results.add(9, {"sampled": 3.0, "file": 3.1})
    assert results.regained("sampled", 4.0) == 0.5
    assert results.regained("file", 3.2) == 1.0  # nothing was lost
    assert results.summary()["sampled"] == {
        "teacher": 2.0, "before": 6.0, "after_attention": 4.0, "regained_attention": 0.5, "last": 3.0, "regained": 0.75,
    }  # fmt: skip
    assert results_lines(results)[:3] == [
        "nats a token on the teacher's own text, held out: teacher 2.000",
        "  student as converted 6.000",
        "  after matching attention outputs 4.000: 50.0% of what was lost is regained",
    ]
    assert Results.of_state(json.loads(json.dumps(results.state()))) == results
    results.add(5, {"sampled": 5.0, "file": 3.0})
    assert results.history == [Point(0, {"sampled": 6.0, "file": 3.0005}), Point(5, {"sampled": 5.0, "file": 3.0})]


def test_the_time_left_is_told_by_the_steps_of_the_stage_that_runs(tmp_path):
    stages = DistillStagesConfig(
        attention=AttentionStageConfig(steps=10), logits=LogitStageConfig(steps=5), evaluate_every=0
    )
    view = View()
    record = DistillRecord(tmp_path, SinkGroup(JsonlSink(tmp_path / "metrics.jsonl", None)), view, stages, False, 0.0)
    nats = {"nats": 4.5, "nats_teacher": 4.0}
    record.step(1, "attention", StepResult(1, 0.5, 1.0, 0.01), 600, seconds=2.0)
    record.step(15, "logits", StepResult(5, 0.1, 1.0, 0.01, nats), 600, seconds=8.0)  # the last one is always told
    record.close("finished")
    first, last = view.notes
    assert first == "step 1/15  attention  error 0.5000  300 tok/s  2.0 s/step  left 0:18 in this stage"
    assert last == "step 15/15  logits  kl 0.1000  nats 4.500 (teacher 4.000)  75 tok/s  8.0 s/step  left 0:00"
