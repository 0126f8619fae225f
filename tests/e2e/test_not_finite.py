"""A loss that is not finite: the run ends, and what it was computed from can be looked at."""

import json

from rlhf.checkpoint import Checkpoints
from rlhf.group_json import group_from_json
from tests.e2e.runs import WARMUP, Run, metrics, write_recipe


def test_a_step_that_is_not_finite_ends_the_run_and_keeps_checkpoint_and_batch(tmp_path):
    recipe = write_recipe(
        tmp_path,
        algorithm={"group_size": 4, "entropy_coef": 1e300},
        trainer={"steps": 6, "prompts_per_step": 8, "checkpoint_every": 1},
        warmup=WARMUP,
    )
    run = Run(recipe)
    assert run.end() == 2, run.text
    assert "Traceback" not in run.text
    folder = tmp_path / "runs" / "e2e"
    (last,) = Checkpoints(folder / "checkpoints", 9).complete()
    assert last.name == "step_0"
    (kept,) = (folder / "offending").iterdir()
    said = "".join(run.text.split())  # lines are folded at the terminal's width
    assert "step1:" in said
    assert f"thebatch:{kept};--resumegoesonfrom{last}" in said
    groups = [group_from_json(json.loads(line)) for line in kept.read_text().splitlines()]
    assert len(groups) == 8
    assert all(len(group.samples) == 4 for group in groups)
    assert [row for row in metrics(folder) if "loss/total" in row] == []
    assert json.loads((folder / "summary.json").read_text())["status"] == "failed"
    assert run.left_behind() == []
