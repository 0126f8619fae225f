import json
import os
import subprocess
import sys

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rlhf.metrics import TrackerError, open_sinks, read_metrics, trackers
from rlhf.metrics.sinks import BackgroundSink, GuardedSink, JsonlSink, SinkGroup
from rlhf.recipe.schema import TrackingConfig
from tests.metrics.fake_trackers import WAIT, Recorder


def test_a_tracker_of_the_callers_thread_that_fails_is_warned_about_once_and_switched_off():
    tracker, warnings = Recorder(fail_at=(2, 3)), []
    sink = GuardedSink("tensorboard", tracker, warnings.append)
    for step in range(1, 6):
        sink.log(step, {"a": step})
    sink.close()
    assert tracker.seen == [(1, {"a": 1})]
    assert warnings == [
        "tracker tensorboard failed and is switched off (ConnectionError: no route at step 2); training goes on"
    ]
    assert sink.failed


@pytest.mark.parametrize("kind", [GuardedSink, BackgroundSink])
def test_a_tracker_that_fails_to_close_does_not_stop_the_end(kind):
    tracker, warnings = Recorder(fail_close=True), []
    sink = kind("trackio", tracker, warnings.append)
    sink.log(1, {})
    sink.close("failed")
    assert (tracker.seen, tracker.closed, len(warnings)) == ([(1, {})], ["failed"], 1)


class Clock:
    """`time.monotonic` that a stuck tracker's wait moves on."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self):
        return self.now


def test_all_trackers_together_are_waited_for_once(tmp_path, monkeypatch):
    clock, waited, warnings = Clock(), [], []
    monkeypatch.setattr("rlhf.metrics.sinks.time", clock)

    def wait(sink, seconds):
        waited.append((sink.name, seconds, sink._ending.is_set()))
        clock.now += 15

    monkeypatch.setattr(BackgroundSink, "wait", wait)
    names, trackers = ("a", "b", "c"), [Recorder() for _ in range(4)]
    sinks = [BackgroundSink(name, tracker, pytest.fail) for name, tracker in zip(names, trackers, strict=False)]
    group = SinkGroup(JsonlSink(tmp_path / "m.jsonl"), [*sinks, GuardedSink("d", trackers[3], warnings.append)])
    group.close("interrupted")
    assert waited == [("a", 20.0, True), ("b", 5.0, True), ("c", 0.0, True)]
    for sink in sinks:
        sink._thread.join(WAIT)
    assert [tracker.closed for tracker in trackers] == [["interrupted"]] * 4
    assert warnings == []


def test_trackers_are_sent_a_summary_of_many_experts_and_the_file_all(tmp_path):
    tracker = Recorder()
    group = SinkGroup(JsonlSink(tmp_path / "m.jsonl"), [GuardedSink("tensorboard", tracker, pytest.fail)])
    group.log(1, {"a": 2, "b": None, **{f"moe/load/L0/E{e}": 1 / 128 for e in range(128)}})
    group.close()
    assert [set(metrics) for _, metrics in tracker.seen] == [
        {"a", "moe/load/L0/min", "moe/load/L0/max", "moe/load/L0/entropy"}
    ]
    assert len(read_metrics(tmp_path / "m.jsonl")[0]) == 1 + 2 + 128


def test_where_one_tracker_cannot_start_the_others_are_told_that_the_run_failed(tmp_path, monkeypatch):
    board = Recorder()
    monkeypatch.setattr("rlhf.metrics.sinks.TensorBoardSink", lambda *_: board)
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TrackerError):
        open_sinks(TrackingConfig(mlflow_project="p"), tmp_path, "run", {})
    assert board.closed == ["failed"]


def scalars(folder, key):
    events = EventAccumulator(str(folder))
    events.Reload()
    return [(event.step, round(event.value, 4)) for event in events.Scalars(key)]


def test_the_record_and_tensorboard_continue_after_a_resume(tmp_path):
    tracking = TrackingConfig()
    sinks = open_sinks(tracking, tmp_path, "run", {})
    for step in (1, 2, 3):
        sinks.log(step, {"reward/mean": step / 10, "accuracy/heldout": None})
    sinks.sync()
    sinks.close()
    sinks = open_sinks(tracking, tmp_path, "run", {}, resume_step=2)
    sinks.log(3, {"reward/mean": 0.9})
    sinks.close()
    assert [(row["step"], row["reward/mean"]) for row in read_metrics(tmp_path / "metrics.jsonl")] == [
        (1, 0.1),
        (2, 0.2),
        (3, 0.9),
    ]
    assert scalars(tmp_path / "tensorboard", "reward/mean") == [(1, 0.1), (2, 0.2), (3, 0.9)]


def test_nothing_but_the_record_is_written_where_no_tracker_is_named(tmp_path):
    sinks = open_sinks(TrackingConfig(tensorboard=False), tmp_path, "run", {})
    sinks.log(1, {"a": 1})
    sinks.close()
    assert [path.name for path in tmp_path.iterdir()] == ["metrics.jsonl"]


def test_a_bad_metric_reaches_no_sink(tmp_path):
    sinks = open_sinks(TrackingConfig(tensorboard=False), tmp_path, "run", {})
    with pytest.raises(TypeError, match="metric 'a' is 'x'"):
        sinks.log(1, {"a": "x"})
    sinks.log(1, {"a": 1})
    sinks.close()
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": 1, "a": 1}]


@pytest.mark.parametrize(
    ("module", "config", "message"),
    [
        (
            "wandb",
            {"wandb_project": "p"},
            r"tracking\.wandb_project: its library cannot be imported .*wandb_project=null",
        ),
        ("trackio", {"trackio_project": "p"}, r"tracking\.trackio_project: its library cannot be imported"),
        ("torch.utils.tensorboard", {"tensorboard": True}, r"tracking\.tensorboard: its library .*tensorboard=false"),
    ],
)
def test_a_tracker_that_cannot_start_is_an_error_that_names_its_key(tmp_path, monkeypatch, module, config, message):
    monkeypatch.setitem(sys.modules, module, None)
    monkeypatch.setenv("WANDB_MODE", "offline")
    with pytest.raises(TrackerError, match=message):
        open_sinks(TrackingConfig(**{"tensorboard": False, **config}), tmp_path, "run", {})


def test_a_tracker_that_cannot_start_names_what_it_said(tmp_path):
    (tmp_path / "tensorboard").write_text("a file where the folder should be")
    with pytest.raises(TrackerError, match=r"tracking\.tensorboard: cannot start \(\w+: .*\)\. Mend that, or write"):
        open_sinks(TrackingConfig(), tmp_path, "run", {})


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (None, False),
        ("machine api.wandb.ai login user password x\n", True),
        ("machine other.example login user password x\n", False),
    ],
)
def test_a_wandb_key_is_looked_for_and_never_asked_for(tmp_path, monkeypatch, content, found):
    for name in ("WANDB_API_KEY", "WANDB_IDENTITY_TOKEN_FILE", "WANDB_MODE", "WANDB_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    if content:
        (tmp_path / "netrc").write_text(content)
    assert trackers._wandb_has_key() is found
    if not found:
        with pytest.raises(TrackerError, match=r"no API key here.*WANDB_MODE=offline"):
            open_sinks(TrackingConfig(tensorboard=False, wandb_project="p"), tmp_path, "run", {})


OFFLINE = """
import pathlib, sys
from rlhf.metrics import open_sinks
from rlhf.recipe.schema import TrackingConfig
run_dir = pathlib.Path(sys.argv[1])
sinks = open_sinks(TrackingConfig(tensorboard=False, wandb_project="p", trackio_project="p"), run_dir, "run", {"a": 1})
sinks.log(1, {"reward/mean": 0.5})
sinks.log(2, {"reward/mean": 0.75})
sinks.close()
"""


def test_wandb_and_trackio_run_without_a_network(tmp_path):
    env = {
        **os.environ,
        "WANDB_MODE": "offline",
        "TRACKIO_DIR": str(tmp_path / "trackio"),
        "WANDB_CACHE_DIR": str(tmp_path),
    }
    ran = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path)], env=env, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )  # fmt: skip
    assert (ran.returncode, ran.stdout) == (0, ""), ran.stderr
    assert "tracker" not in ran.stderr
    (record,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    assert b"reward/mean" in record.read_bytes()
    read = "import trackio.sqlite_storage as s; import json; print(json.dumps(s.SQLiteStorage.get_logs('p', 'run')))"
    logs = subprocess.run(
        [sys.executable, "-c", read], env=env, capture_output=True, text=True, timeout=120, check=True
    )
    assert [(row["step"], row["reward/mean"]) for row in json.loads(logs.stdout)] == [(1, 0.5), (2, 0.75)]
