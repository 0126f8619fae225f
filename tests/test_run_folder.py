"""Which folder a run gets, which one a resume picks, and what a resume may not change."""

import json

import pytest

from rlhf.checkpoint import Checkpoints
from rlhf.recipe.load import load_recipe
from rlhf.run_folder import RunFolderError, changes, describe_run, open_run
from tests.stages.test_demonstrations import DEMO


def recipe(tmp_path, name, *overrides):
    return load_recipe(DEMO, (f"run.root={tmp_path}", f"run.name={name}", *overrides))


def start(tmp_path, name, *overrides, checkpoint=True):
    made = recipe(tmp_path, name, *overrides)
    folder = open_run(made, resume=False)
    describe_run(folder, made)
    if checkpoint:
        checkpoints = Checkpoints(folder.checkpoints, keep=1)
        checkpoints.commit(checkpoints.begin(1), {"step": 1}, [])
    return folder.path


def test_a_new_run_takes_the_next_free_name(tmp_path):
    assert [start(tmp_path, "llama").name for _ in range(3)] == ["llama", "llama-2", "llama-3"]


def test_a_resume_picks_the_newest_with_a_checkpoint_of_that_very_name(tmp_path):
    start(tmp_path, "llama")
    second = start(tmp_path, "llama")
    start(tmp_path, "llama", checkpoint=False)  # ended before its first
    start(tmp_path, "llama-7")  # another run, by name
    assert open_run(recipe(tmp_path, "llama"), resume=True).path == second


@pytest.mark.parametrize(
    ("started", "message"), [(False, "there is no run 'grpo'"), (True, "no run .* complete checkpoint .grpo.")]
)
def test_nothing_to_resume_is_said(tmp_path, started, message):
    if started:
        start(tmp_path, "grpo", checkpoint=False)
    with pytest.raises(RunFolderError, match=message):
        open_run(recipe(tmp_path, "grpo"), resume=True)


@pytest.mark.parametrize(
    ("override", "key"),
    [
        ("trainer.prompts_per_step=8", "trainer.prompts_per_step: the run has 24, the recipe now says 8"),
        ("algorithm.group_size=4", "algorithm.group_size"),
        ("data.train.size=100", "data.train.size: the run has 2000, the recipe now says 100"),
        ("policy.dtype=bfloat16", "policy.dtype: the run has 'float32'"),
        ("policy.attention.default=gla", "policy.attention: the run has None, the recipe now says"),
        ("learner.zero_stage=2", "learner.zero_stage"),
        ("run.seed=3", "run.seed"),
    ],
)
def test_what_a_checkpoint_is_made_for_cannot_change(tmp_path, override, key):
    path = start(tmp_path, "grpo")
    before = (path / "recipe.yaml").read_bytes()
    changed = recipe(tmp_path, "grpo", override)
    with pytest.raises(RunFolderError, match=key):
        describe_run(open_run(changed, resume=True), changed)
    assert (path / "recipe.yaml").read_bytes() == before


@pytest.mark.parametrize("override", ["trainer.steps=80", "learner.learning_rate=0.00001", "rollout.engines=2"])
def test_what_may_change_is_written_down(tmp_path, override):
    start(tmp_path, "grpo")
    changed = recipe(tmp_path, "grpo", override)
    folder = open_run(changed, resume=True)
    key = override.partition("=")[0]
    (said,) = describe_run(folder, changed)
    assert said.startswith(f"{key}: ")
    assert changes(changed.model_dump(mode="json"), changed) == []
    assert load_recipe(folder.path / "recipe.yaml") == changed


def test_the_folder_of_a_refused_start_goes(tmp_path):
    folder = open_run(recipe(tmp_path, "refused"), resume=False)
    folder.discard_if_bare()
    assert not folder.path.exists()


def test_the_folder_of_a_refused_tracker_goes_too(tmp_path):
    """The trackers before it have made their files, and written nothing."""
    folder = open_run(recipe(tmp_path, "refused"), resume=False)
    (folder.path / "metrics.jsonl").touch()
    (folder.path / "tensorboard").mkdir()
    folder.discard_if_bare()
    assert not folder.path.exists()


def test_a_folder_whose_parts_were_moved_away_does_not_hide_what_was_wrong(tmp_path):
    folder = open_run(recipe(tmp_path, "moved"), resume=False)
    folder.trajectories.rmdir()
    (folder.path / "summary.json").write_text("{}")
    folder.discard_if_bare()
    assert folder.path.exists()


@pytest.mark.parametrize("left", ["checkpoints/step_000001/x", "trajectories/step_000001.jsonl", "metrics.jsonl"])
def test_a_folder_that_holds_something_stays(tmp_path, left):
    folder = open_run(recipe(tmp_path, "kept"), resume=False)
    (folder.path / left).parent.mkdir(parents=True, exist_ok=True)
    (folder.path / left).write_text("{}")
    folder.discard_if_bare()
    assert (folder.path / left).read_text() == "{}"


def test_what_a_name_stood_for_when_the_run_began_is_kept_and_compared(tmp_path):
    made = recipe(tmp_path, "grpo", "algorithm.name=dapo")
    path = start(tmp_path, "grpo", "algorithm.name=dapo")
    held = json.loads((path / "run.json").read_text())
    assert (held["algorithm"]["clip_high"], held["algorithm"]["keep"]) == (0.28, "mixed_accuracy")
    assert describe_run(open_run(made, resume=True), made) == []
    held["algorithm"]["clip_high"] = 0.3  # as an older catalogue had it
    (path / "run.json").write_text(json.dumps(held))
    assert describe_run(open_run(made, resume=True), made) == ["as resolved.clip_high: 0.3 → 0.28"]
