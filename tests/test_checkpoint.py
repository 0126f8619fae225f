"""Checkpoints are whole or absent."""

import json
from dataclasses import replace

import pytest

from rlhf.checkpoint import CheckpointError, Checkpoints, export_checkpoint, is_complete, read_state
from tests.rollout.factories import group


def write(checkpoints, step):
    partial = checkpoints.begin(step)
    (partial / "hf").mkdir()
    (partial / "hf" / "model.safetensors").write_bytes(b"w" * (100 + step))
    return checkpoints.commit(partial, {"step": step}, [group(step)])


def test_only_whole_checkpoints_are_seen_oldest_first(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=5)
    assert checkpoints.latest() is None
    paths = [write(checkpoints, step) for step in (9, 10, 100)]
    checkpoints.begin(200)
    assert checkpoints.complete() == paths
    assert checkpoints.latest().name == "step_100"
    state, groups = read_state(paths[1])
    assert state["step"] == 10
    assert groups[0].prompt.id == "train/10"


@pytest.mark.parametrize("harm", ["truncate", "delete", "no listing"])
def test_a_damaged_checkpoint_is_never_picked(tmp_path, harm):
    checkpoints = Checkpoints(tmp_path, keep=5)
    good, bad = write(checkpoints, 1), write(checkpoints, 2)
    weights = bad / "hf" / "model.safetensors"
    if harm == "truncate":
        weights.write_bytes(b"w")
    elif harm == "delete":
        weights.unlink()
    else:
        (bad / "complete.json").unlink()
    assert not is_complete(bad)
    assert checkpoints.latest() == good


def test_old_checkpoints_go_and_an_interrupted_one_is_redone(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=2)
    (checkpoints.begin(3) / "half").write_text("left by a kill")
    for step in (1, 2, 3):
        write(checkpoints, step)
    assert [p.name for p in checkpoints.complete()] == ["step_2", "step_3"]
    assert not (tmp_path / "step_3" / "half").exists()
    assert not list(tmp_path.glob("*.partial"))


def test_another_format_is_refused(tmp_path):
    path = write(Checkpoints(tmp_path, keep=1), 1)
    (path / "state.json").write_text(json.dumps({"format": 99}))
    with pytest.raises(CheckpointError, match="format 99"):
        read_state(path)


def test_export_copies_the_last_or_the_named_one_and_overwrites_nothing(tmp_path):
    checkpoints = Checkpoints(tmp_path / "run" / "checkpoints", keep=5)
    for step in (1, 2):
        write(checkpoints, step)
    export_checkpoint(tmp_path / "run", None, tmp_path / "last")
    export_checkpoint(tmp_path / "run", 1, tmp_path / "first")
    assert (tmp_path / "last" / "model.safetensors").stat().st_size == 102
    assert (tmp_path / "first" / "model.safetensors").stat().st_size == 101
    with pytest.raises(CheckpointError, match="exists already"):
        export_checkpoint(tmp_path / "run", None, tmp_path / "last")
    with pytest.raises(CheckpointError, match="no complete checkpoint of step 7; it has step_1, step_2"):
        export_checkpoint(tmp_path / "run", 7, tmp_path / "other")


@pytest.mark.parametrize("text", ["a\u2028b", "a\u2029b", "a\u0085b", "a\x0bb", "ü\n"])
def test_whatever_separators_a_response_holds_the_buffer_is_read_back(tmp_path, text):
    checkpoints = Checkpoints(tmp_path, keep=1)
    made = group(1)
    sample = replace(made.samples[0], trajectory=replace(made.samples[0].trajectory, text=text))
    made = replace(made, samples=(sample, made.samples[1]))
    checkpoints.commit(checkpoints.begin(1), {"step": 1}, [made, group(2)])
    _, groups = read_state(checkpoints.latest())
    assert [g.prompt.id for g in groups] == ["train/1", "train/2"]
    assert groups[0].samples[0].trajectory.text == text


def test_a_complete_checkpoint_is_known_and_an_incomplete_one_of_its_step_is_replaced(tmp_path):
    checkpoints = Checkpoints(tmp_path, keep=1)
    done = write(checkpoints, 4)
    assert checkpoints.has(4)
    assert not checkpoints.has(5)
    (done / "complete.json").unlink()
    assert not checkpoints.has(4)
    write(checkpoints, 4)
    assert checkpoints.has(4)


def test_one_that_is_written_again_takes_the_place_of_the_other(tmp_path):
    """A start that was stopped leaves a checkpoint of step 0; once it has begun there is another."""
    checkpoints = Checkpoints(tmp_path, keep=5)
    write(checkpoints, 0)
    partial = checkpoints.begin(0)
    (partial / "hf").mkdir()
    path = checkpoints.commit(partial, {"step": 0, "begun": True}, [])
    assert checkpoints.complete() == [path]
    assert [p.name for p in tmp_path.iterdir()] == ["step_0"]
    state, groups = read_state(path)
    assert (state["begun"], groups) == (True, [])
