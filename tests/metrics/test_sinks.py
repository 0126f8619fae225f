import json
import os
import subprocess
import sys
import threading

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from rlhf.metrics import TrackerError, open_sinks, read_metrics, trackers
from rlhf.metrics.sinks import BackgroundSink, GuardedSink
from rlhf.recipe.schema import TrackingConfig

WAIT = 30.0  # a bound on events that come at once


class Recorder:
    """A tracker that remembers, and fails at the steps it is told to."""

    def __init__(self, fail_at=(), fail_close=False):
        self.seen, self.closed = [], 0
        self.fail_at, self.fail_close = fail_at, fail_close

    def log(self, step, metrics):
        if step in self.fail_at:
            raise ConnectionError(f"no route at step {step}")
        self.seen.append((step, dict(metrics)))

    def close(self):
        self.closed += 1
        if self.fail_close:
            raise TimeoutError("flush")


class Stuck(Recorder):
    """A tracker whose calls hang until it is let go."""

    def __init__(self):
        super().__init__()
        self.entered, self.let_go = threading.Event(), threading.Event()

    def log(self, step, metrics):
        self.entered.set()
        assert self.let_go.wait(WAIT)
        super().log(step, metrics)


@pytest.mark.parametrize("kind", [GuardedSink, BackgroundSink])
def test_a_tracker_that_fails_is_warned_about_once_and_switched_off(kind):
    tracker, warnings = Recorder(fail_at=(2, 3)), []
    sink = kind("wandb", tracker, warnings.append)
    for step in range(1, 6):
        sink.log(step, {"a": step})
    sink.close()
    assert tracker.seen == [(1, {"a": 1})]
    assert warnings == [
        "tracker wandb failed and is switched off (ConnectionError: no route at step 2); training goes on"
    ]
    assert sink.failed


@pytest.mark.parametrize("kind", [GuardedSink, BackgroundSink])
def test_a_tracker_that_fails_to_close_does_not_stop_the_end(kind):
    tracker, warnings = Recorder(fail_close=True), []
    sink = kind("trackio", tracker, warnings.append)
    sink.log(1, {})
    sink.close()
    assert (tracker.seen, tracker.closed, len(warnings)) == ([(1, {})], 1, 1)


def test_closing_sends_what_is_queued_in_order_and_only_once():
    tracker = Recorder()
    sink = BackgroundSink("wandb", tracker, pytest.fail)
    for step in range(200):
        sink.log(step, {"a": step})
    sink.close()
    sink.close()
    assert tracker.seen == [(step, {"a": step}) for step in range(200)]
    assert tracker.closed == 1


def test_a_stuck_tracker_costs_its_own_steps_and_one_warning_not_the_runs_time():
    tracker, warnings = Stuck(), []
    sink = BackgroundSink("wandb", tracker, warnings.append, capacity=3)
    sink.log(0, {})
    assert tracker.entered.wait(WAIT)  # step 0 hangs in the tracker
    for step in range(1, 8):  # three are queued, four are dropped; none of these calls waits
        sink.log(step, {})
    assert sink.dropped == 4
    assert len(warnings) == 1
    assert "misses steps from 4 on; metrics.jsonl holds them all" in warnings[0]
    tracker.let_go.set()
    sink.close()
    assert [step for step, _ in tracker.seen] == [0, 1, 2, 3]


def test_a_tracker_that_never_ends_is_given_up():
    tracker, warnings = Stuck(), []
    sink = BackgroundSink("wandb", tracker, warnings.append, close_seconds=0.05)
    sink.log(0, {})
    sink.log(1, {})
    assert tracker.entered.wait(WAIT)
    sink.close()
    assert warnings == ["tracker wandb did not finish in 0.05 s and is given up (2 steps not sent)"]
    tracker.let_go.set()


def test_metrics_are_copied_before_the_caller_changes_them():
    tracker = Stuck()
    sink = BackgroundSink("wandb", tracker, pytest.fail)
    metrics = {"a": 1}
    sink.log(0, metrics)
    metrics["a"] = 2
    tracker.let_go.set()
    sink.close()
    assert tracker.seen == [(0, {"a": 1})]


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
    assert "switched off" not in ran.stderr
    (record,) = (tmp_path / "wandb").glob("offline-run-*/run-*.wandb")
    assert b"reward/mean" in record.read_bytes()
    read = "import trackio.sqlite_storage as s; import json; print(json.dumps(s.SQLiteStorage.get_logs('p', 'run')))"
    logs = subprocess.run(
        [sys.executable, "-c", read], env=env, capture_output=True, text=True, timeout=120, check=True
    )
    assert [(row["step"], row["reward/mean"]) for row in json.loads(logs.stdout)] == [(1, 0.5), (2, 0.75)]
