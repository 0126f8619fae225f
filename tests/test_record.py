"""What a run leaves behind: each step logged once, held-out numbers beside it, and a resumed run without its later past."""

import json

import numpy as np
import pytest

from rlhf.evaluation.intervals import accuracy_interval
from rlhf.evaluation.report.summary import read_summary
from rlhf.heldout import HeldoutResult
from rlhf.metrics.sinks import open_sinks, read_metrics
from rlhf.recipe.schema import TrackingConfig
from rlhf.record import RunRecord
from rlhf.run_folder import RunFolder
from rlhf.token_details import TokenTexts
from rlhf.types import Batch, TrainSequence
from tests.rollout.factories import group


class Sinks:
    def __init__(self):
        self.logged, self.synced, self.closed = [], 0, None

    def log(self, step, metrics):
        self.logged.append((step, dict(metrics)))

    def sync(self):
        self.synced += 1

    def close(self, status):
        self.closed = status


class View:
    def __init__(self):
        self.notes = []

    def step(self, step, total, metrics):
        pass

    def note(self, text):
        self.notes.append(text)


@pytest.fixture
def folder(tmp_path):
    made = RunFolder(tmp_path / "run")
    made.trajectories.mkdir(parents=True)
    return made


def record_of(folder, resumed_step=None):
    sinks = Sinks()
    return RunRecord(folder, sinks, View(), resumed_step, started=0.0), sinks


def test_with_the_real_file_evaluations_after_a_checkpoint_or_a_resume_are_no_second_step(folder):
    """A checkpoint logs its step; the held-out accuracy of that step may come later, also in another process."""
    tracking = TrackingConfig(tensorboard=False)
    for resumed in (None, 2):
        sinks = open_sinks(tracking, folder.path, "run", {}, resumed)
        record = RunRecord(folder, sinks, View(), resumed, started=0.0)
        if resumed is None:
            record.heldout(0, held(True, False))
            record.step(2, 4, {"reward": 0.5}, [])
            record.sync()
        assert record.heldout_value(0) is not None
        assert record.heldout_value(2) is None
        if resumed is not None:
            record.heldout(2, held(True, True))
            assert record.heldout_value(2) is not None
        record.close("interrupted")
    rows = read_metrics(folder.path / "metrics.jsonl")
    assert [(row["step"], row.get("reward"), row["accuracy/heldout"]) for row in rows] == [
        (0, None, 0.5),
        (2, 0.5, 1.0),
    ]


def test_a_finished_run_that_is_resumed_keeps_its_last_accuracy(folder):
    record, _ = record_of(folder)
    record.heldout(0, held(True, False))
    record.step(2, 2, {}, [])
    record.heldout(2, held(True, True))
    record.close("finished")
    resumed, _ = record_of(folder, resumed_step=2)
    assert resumed.heldout_value(2) is not None
    assert resumed.summary.heldout.after.value == 1.0
    assert record_of(folder, resumed_step=1)[0].summary.heldout.after is None


def held(*correct):
    return HeldoutResult(accuracy_interval([[c] for c in correct]), 12.0, 0.25, 1, ())


def test_a_step_is_logged_once_with_the_held_out_numbers_that_belong_to_it(folder):
    record, sinks = record_of(folder)
    record.heldout(0, held(True, False, False, False))
    record.step(1, 3, {"reward": 0.5}, [group(0), group(1)])
    record.step(2, 3, {"reward": 0.6}, [group(2)])
    record.heldout(2, held(True, True, False, False))
    record.close("finished")
    assert [step for step, _ in sinks.logged] == [0, 1, 2]
    assert sinks.logged[1][1] == {"reward": 0.5}
    assert sinks.logged[2][1] == {
        "reward": 0.6,
        "accuracy/heldout": 0.5,
        "heldout/length_mean": 12.0,
        "heldout/truncated": 0.25,
        "heldout/errors": 1.0,
    }
    assert sinks.closed == "finished"


@pytest.mark.parametrize("status", ["finished", "interrupted", "failed"])
def test_the_trackers_are_told_how_the_run_ended(folder, status):
    record, sinks = record_of(folder)
    record.close(status)
    assert (sinks.closed, read_summary(folder.path).status) == (status, status)


def test_every_group_of_a_step_is_written(folder):
    record, _ = record_of(folder)
    record.step(7, 9, {}, [group(0), group(1)])
    lines = (folder.trajectories / "step_000007.jsonl").read_text(encoding="utf-8").splitlines()
    assert [json.loads(line)["prompt_id"] for line in lines] == ["train/0", "train/1"]


def test_tokens_are_kept_of_as_many_groups_as_were_asked_for(folder):
    texts = TokenTexts(lambda ids: "".join(chr(97 + i) for i in ids))
    record = RunRecord(folder, Sinks(), View(), None, started=0.0, texts=texts, token_details=1)
    groups = [group(0, (1.0, 1.0)), group(1)]
    sequences = [
        TrainSequence(1, np.zeros(1), s.trajectory.token_ids_R, s.trajectory.logp_R, np.full(3, advantage), np.ones(3))
        for s, advantage in zip(groups[1].samples, (0.5, -0.5), strict=True)
    ]
    record.step(7, 9, {}, groups, Batch.of(sequences))
    record.step(8, 9, {}, groups)
    rows = [
        [json.loads(line) for line in (folder.trajectories / f"step_{step:06}.jsonl").read_text().splitlines()]
        for step in (7, 8)
    ]
    assert ["details" in row["samples"][0] for row in rows[0]] == [False, True]
    found = [sample["details"] for sample in rows[0][1]["samples"]]
    assert [(d["texts"], d["advantage"]) for d in found] == [(["a", "b", "c"], 0.5), (["b", "c", "d"], -0.5)]
    assert [sample["details"]["advantage"] for sample in rows[1][1]["samples"]] == [None, None]


def test_the_summary_says_before_and_after(folder):
    record, _ = record_of(folder)
    record.heldout(0, held(True, False, False, False))
    record.warmup({"steps": 5})
    record.step(1, 1, {}, [])
    record.heldout(1, held(True, True, True, False))
    record.close("finished")
    summary = read_summary(folder.path)
    assert (summary.status, summary.steps, summary.warmup) == ("finished", 1, {"steps": 5})
    assert (summary.heldout.before.value, summary.heldout.after.value) == (0.25, 0.75)
    assert [point.step for point in summary.heldout.history] == [0, 1]


def test_a_resumed_run_forgets_what_came_after_its_checkpoint(folder):
    record, _ = record_of(folder)
    record.heldout(0, held(True, False, False, False))
    for step in (1, 2, 3):
        record.step(step, 9, {}, [])
        record.heldout(step, held(True, True, False, False))
    seconds = record.summary.seconds
    resumed, sinks = record_of(folder, resumed_step=2)
    assert resumed.summary.steps == 2
    assert [point.step for point in resumed.summary.heldout.history] == [0, 1, 2]
    assert resumed.summary.heldout.before.value == 0.25
    resumed.step(3, 9, {"again": 1.0}, [])
    resumed.close("finished")
    assert sinks.logged == [(3, {"again": 1.0})]
    assert read_summary(folder.path).seconds >= seconds


def test_what_was_said_is_on_the_disk_after_a_sync(folder):
    record, sinks = record_of(folder)
    record.step(1, 2, {"reward": 1.0}, [])
    assert sinks.logged == []
    record.sync()
    assert (sinks.logged, sinks.synced) == ([(1, {"reward": 1.0})], 1)
