"""MLflow: the real library, against its own file store and against a server on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf.metrics import TrackerError, open_sinks, read_metrics
from rlhf.metrics.background import Retries
from rlhf.metrics.mlflow_sink import AT_START, SETTINGS, MetricNames, MlflowSink, allowed, parameters
from rlhf.metrics.sinks import BackgroundSink
from rlhf.recipe.schema import TrackingConfig
from tests.metrics.mlflow_server import WAIT, MlflowServer

TRACKING = TrackingConfig(tensorboard=False, mlflow_project="reasoning")


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the sink sets is taken back; nothing of the machine's own settings is seen."""
    for name in [*SETTINGS, *(n for n in os.environ if n.startswith("MLFLOW_")), "MLFLOW_TRACKING_URI"]:
        monkeypatch.setenv(name, "")  # so that it is taken back even where it was not set
        monkeypatch.delenv(name)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch):
    with MlflowServer() as found:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", found.address)
        yield found


def runs_of(folder: Path) -> dict[str, Any]:
    """The runs of the experiment in a local store, by name."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=folder.as_uri())
    experiment = client.get_experiment_by_name("reasoning")
    return {run.info.run_name: run for run in client.search_runs([experiment.experiment_id])}


def history(folder: Path, run: Any, key: str) -> list[tuple[int, float]]:
    from mlflow import MlflowClient

    rows = MlflowClient(tracking_uri=folder.as_uri()).get_metric_history(run.info.run_id, key)
    return [(row.step, row.value) for row in rows]


def test_a_run_and_its_resumption_are_read_back_from_the_local_store(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run_dir = tmp_path / "a run"
    run_dir.mkdir()
    config = {"run": {"name": "r"}, "reward": [{"verifier": "math"}], "critic": None, "extra": {}}
    sinks = open_sinks(TRACKING, run_dir, "r", config)
    sinks.log(1, {"reward/mean": 0.5, "prompts/dropped": 3, "prompts/dropped/stale": 2, "accuracy/heldout": None})
    sinks.log(2, {"reward/mean": 0.75, "loss/total": float("nan"), "pass@4": True})
    sinks.close()
    sinks = open_sinks(TRACKING, run_dir, "r", config, resume_step=1)
    sinks.log(2, {"reward/mean": -1})
    sinks.close()

    store = run_dir / "mlruns"
    runs = runs_of(store)
    assert {name: run.data.tags["group"] for name, run in runs.items()} == {"r": "r", "r-from-1": "r"}
    assert {run.info.status for run in runs.values()} == {"FINISHED"}
    first, second = runs["r"], runs["r-from-1"]
    assert first.data.params == {
        "run.name": "r",
        "reward": '[{"verifier": "math"}]',
        "critic": "null",
        "extra": "{}",
    }
    assert set(first.data.tags) == {"group", "mlflow.runName"}  # nothing of the code, the user or the machine
    assert history(store, first, "reward/mean") == [(1, 0.5), (2, 0.75)]
    assert history(store, first, "prompts/dropped") == [(1, 3.0)]
    assert history(store, first, "prompts/dropped.stale") == [(1, 2.0)]
    assert history(store, first, "pass_4") == [(2, 1.0)]
    assert str(history(store, first, "loss/total")) == "[(2, nan)]"
    assert "accuracy/heldout" not in first.data.metrics
    assert history(store, second, "reward/mean") == [(2, -1.0)]
    assert [path.name for path in tmp_path.iterdir()] == ["a run"]  # no mlruns or mlflow.db where one happens to be


ALONE = """
import pathlib, socket, sys, threading
tried = []
def refuse(self, address):
    tried.append(address)
    raise OSError("no network")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = lambda *a, **k: refuse(None, a)
from rlhf.metrics import open_sinks
from rlhf.recipe.schema import TrackingConfig
sinks = open_sinks(TrackingConfig(tensorboard=False, mlflow_project="p"), pathlib.Path(sys.argv[1]), "run", {"a": 1})
sinks.log(1, {"reward/mean": 0.5})
sinks.close()
import mlflow
assert mlflow.active_run() is None
assert not tried, tried
"""
OF_A_CI = ("CI", "PYTEST_CURRENT_TEST", "GITHUB_ACTIONS", "GITLAB_CI", "JENKINS_URL", "BUILDKITE")


def test_offline_nothing_is_sent_printed_or_left_running(tmp_path):
    environment = {k: v for k, v in os.environ.items() if k not in OF_A_CI}  # there MLflow is silent of itself
    ran = subprocess.run(
        [sys.executable, "-c", ALONE, str(tmp_path)], env=environment, capture_output=True, text=True, timeout=120, check=False, stdin=subprocess.DEVNULL
    )  # fmt: skip
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["metrics.jsonl", "mlruns"]


def test_a_server_is_given_experiment_run_parameters_and_metrics(tmp_path, server):
    sinks = open_sinks(TRACKING, tmp_path, "r", {"run": {"name": "r"}}, resume_step=40)
    sinks.log(41, {"reward/mean": 0.5, "tokens": 3})
    sinks.close()
    assert server.experiments == {"reasoning": "7"}
    (run,) = server.runs.values()
    assert run == {
        "experiment": "7",
        "name": "r-from-40",
        "tags": {"group": "r"},
        "params": {"run.name": "r"},
        "metrics": [("reward/mean", 41, 0.5), ("tokens", 41, 3.0)],
        "status": "FINISHED",
    }
    assert not (tmp_path / "mlruns").exists()


def test_two_runs_that_start_at_once_share_the_experiment(tmp_path, server):
    server.race = True
    open_sinks(TRACKING, tmp_path, "r", {}).close()
    assert [run["experiment"] for run in server.runs.values()] == ["7"]


def test_more_than_one_request_holds_is_sent_in_parts(tmp_path, server):
    sinks = open_sinks(TRACKING, tmp_path, "r", {f"p{i}": i for i in range(250)})
    sinks.log(1, {f"m{i}": i for i in range(1500)})
    sinks.close()
    (run,) = server.runs.values()
    assert len(run["params"]) == 250
    assert sorted(run["metrics"]) == sorted((f"m{i}", 1, float(i)) for i in range(1500))


def test_a_server_that_hangs_costs_its_own_steps_and_not_the_runs_time(tmp_path, server):
    warnings = []
    tracker = MlflowSink("reasoning", "r", "r", tmp_path, {})
    sink = BackgroundSink("mlflow", tracker, warnings.append, capacity=3, close_seconds=0.05)
    server.hangs = True
    sink.log(0, {"a": 0})
    assert server.hung.wait(WAIT)  # step 0 waits for an answer
    for step in range(1, 8):  # two more wait, five are dropped; none of these calls waits
        sink.log(step, {"a": step})
    assert sink.dropped == 5
    sink.close()
    assert [text.split(" (")[0] for text in warnings] == [
        "tracker mlflow does not keep up",
        "tracker mlflow did not finish in 0.05 s and is given up",
    ]


def test_a_server_that_goes_away_is_warned_about_and_the_record_is_whole(tmp_path, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    warnings = []
    sinks = open_sinks(TRACKING, tmp_path, "r", {}, warn=warnings.append)
    server.stop()
    for step in range(1, 6):
        sinks.log(step, {"a": step})
    sinks.close()
    failed, closed = warnings
    assert failed.startswith("tracker mlflow failed at step 1 (MlflowException: API request to http")
    assert closed.startswith("tracker mlflow failed to close (MlflowException: API request to http")
    assert closed.endswith("; 5 steps not sent)")
    assert read_metrics(tmp_path / "metrics.jsonl") == [{"step": step, "a": step} for step in range(1, 6)]


def test_a_server_that_was_restarted_has_every_step_once(tmp_path, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker, warnings, again = MlflowSink("reasoning", "r", "r", tmp_path, {}), [], threading.Event()
    sink = BackgroundSink("mlflow", tracker, lambda text: (warnings.append(text), again.set()), retries=Retries(0, 0))
    server.fails = 503
    for step in (1, 2, 3):
        sink.log(step, {"a": step})
    assert again.wait(WAIT)
    server.fails = None
    sink.close("interrupted")
    (run,) = server.runs.values()
    assert (sorted(run["metrics"]), run["status"]) == ([("a", 1, 1.0), ("a", 2, 2.0), ("a", 3, 3.0)], "KILLED")
    assert [text.split(" (")[0] for text in warnings] == [
        "tracker mlflow failed at step 1",
        "tracker mlflow takes steps again",
    ]


def test_a_step_that_mlflow_refuses_is_a_value_error_and_other_errors_are_not(tmp_path, server, monkeypatch):
    from mlflow.exceptions import MlflowException

    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    tracker = MlflowSink("reasoning", "r", "r", tmp_path, {})
    server.fails = 400
    with pytest.raises(ValueError, match=r"MLflow refuses step 3: INVALID_PARAMETER_VALUE"):
        tracker.log(3, {"a": 1})
    server.fails = 500
    with pytest.raises(MlflowException):
        tracker.log(3, {"a": 1})


def test_a_step_that_is_sent_again_keeps_its_time(tmp_path, monkeypatch):
    tracker = MlflowSink("reasoning", "r", "r", tmp_path, {})
    clock = iter(range(1_000_000_000, 9_000_000_000, 1_000_000_000))
    monkeypatch.setattr("rlhf.metrics.mlflow_sink.time.time_ns", lambda: next(clock))
    sent = []
    monkeypatch.setattr(tracker._client, "log_batch", lambda run, metrics, synchronous: sent.extend(metrics))
    for step in (1, 1, 2):
        tracker.log(step, {"a": 1})
    assert [(metric.step, metric.timestamp) for metric in sent] == [(1, 1000), (1, 1000), (2, 2000)]


@pytest.mark.parametrize(
    ("status", "said"), [("finished", "FINISHED"), ("interrupted", "KILLED"), ("failed", "FAILED")]
)
def test_the_run_is_said_to_have_ended_as_it_did(tmp_path, status, said):
    sinks = open_sinks(TRACKING, tmp_path, "r", {})
    sinks.close(status)
    assert runs_of(tmp_path / "mlruns")["r"].info.status == said


def test_a_server_that_is_not_there_is_an_error_before_training(tmp_path, server, monkeypatch):
    server.stop()
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(TrackerError, match=r"tracking\.mlflow_project: cannot start \(MlflowException: API request to"):
        open_sinks(TRACKING, tmp_path, "r", {})


def test_a_server_that_hangs_at_the_start_is_an_error_within_the_time_that_was_set(tmp_path, server, monkeypatch):
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    server.hangs = True
    with pytest.raises(TrackerError, match=r"[Rr]ead timed out.*tracking\.mlflow_project=null"):
        open_sinks(TRACKING, tmp_path, "r", {})


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("nonsense://host", r"cannot start .*nonsense.*Mend that, or write `tracking\.mlflow_project=null`"),
        ("https://me:s3cret@host", r"holds a password.*MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD"),
    ],
)
def test_an_address_that_cannot_be_used_is_refused(tmp_path, monkeypatch, uri, says):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackerError, match=says) as caught:
        open_sinks(TRACKING, tmp_path, "r", {})
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("uri", ["sqlite:////x/y.db", "postgresql+psycopg2://me:s3cret@host/db"])
def test_a_database_without_sqlalchemy_is_refused_by_its_kind(tmp_path, monkeypatch, uri):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackerError, match=r"names a database \((sqlite|postgresql\+psycopg2)\)") as caught:
        MlflowSink("reasoning", "r", "r", tmp_path, {})
    assert "s3cret" not in str(caught.value)


def test_a_library_that_is_not_there_is_said(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(TrackerError, match=r"tracking\.mlflow_project: its library cannot be imported .*=null"):
        open_sinks(TRACKING, tmp_path, "r", {})


def test_the_bounds_are_short_at_the_start_longer_after_and_the_users_own_stay(tmp_path, server, monkeypatch):
    seen = []
    plain = server.answer
    monkeypatch.setattr(server, "answer", lambda *a: seen.append({n: os.environ[n] for n in SETTINGS}) or plain(*a))
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "3")
    monkeypatch.setenv("MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT", "500")
    own = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "3", "MLFLOW_DATABRICKS_ENDPOINT_HTTP_RETRY_TIMEOUT": "500"}
    for number in range(2):  # the second run of a process starts as the first
        run_dir = tmp_path / str(number)
        run_dir.mkdir()
        seen.clear()
        sinks = open_sinks(TRACKING, run_dir, "r", {})
        assert seen and all(found == {**SETTINGS, **AT_START, **own} for found in seen)
        seen.clear()
        sinks.log(1, {"a": 1})
        sinks.close()
        assert seen and all(found == {**SETTINGS, **own} for found in seen)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("eval/gsm8k/pass_at_4", "eval/gsm8k/pass_at_4"),
        ("a-b c.d", "a-b c.d"),
        ("pass@4%é", "pass_4__"),
        ("reward/mod:fn", "reward/mod_fn"),
        ("/a//b/../c/.", "_/a/_/b/_/c/_"),
        ("", "_"),
        ("...", "_.."),
        ("..a/b", "_.a/b"),
        ("x" * 249 + "/y", "x" * 249),
    ],
)
def test_what_mlflow_refuses_in_a_name_is_replaced(key, name):
    assert allowed(key) == name


def test_a_metric_below_another_and_two_that_look_alike_keep_apart():
    names = MetricNames()
    keys = ["prompts/dropped", "prompts/dropped/a/b", "prompts/dropped/a", "p@1", "p%1", "p_1", "moe/load/3", "moe"]
    assert {key: names.of(key) for key in keys} == {
        "prompts/dropped": "prompts/dropped",
        "prompts/dropped/a/b": "prompts/dropped.a.b",
        "prompts/dropped/a": "prompts/dropped.a",
        "p@1": "p_1",
        "p%1": "p_1_2",
        "p_1": "p_1_3",
        "moe/load/3": "moe/load/3",
        "moe": "moe_2",
    }
    assert names.of("p%1") == "p_1_2"


def plainly(taken, name):
    """`MetricNames._new` by its definition: every name taken is looked at."""
    parts = name.split("/")
    for depth in range(1, len(parts)):
        if (above := "/".join(parts[:depth])) in taken:
            name = above + "." + ".".join(parts[depth:])
            break
    free, number = name, 1
    while any(f"{free}/".startswith(f"{other}/") or other.startswith(f"{free}/") for other in taken):
        number += 1
        free = f"{name[:242]}_{number}"
    return free


@given(st.lists(st.text(alphabet="ab/_2", max_size=6), unique=True))
def test_names_are_found_as_by_looking_at_every_one(keys):
    names, taken = MetricNames(), []
    for key in keys:
        taken.append(plainly(taken, allowed(key)))
    assert [names.of(key) for key in keys] == taken


@given(
    st.lists(st.text(alphabet="a/.@_ ", max_size=8) | st.text(alphabet="a/", min_size=245, max_size=260), unique=True)
)
def test_any_keys_have_names_that_mlflow_takes_and_files_can_hold(keys):
    from mlflow.utils.validation import _validate_metric_name

    names = MetricNames()
    found = [names.of(key) for key in keys]
    assert len(set(found)) == len(keys)
    assert not any(one.startswith(other + "/") for one in found for other in found)
    for name in found:
        _validate_metric_name(name)
        assert len(name) <= 250


def test_a_recipe_is_flat_and_its_long_values_are_cut():
    config = {"a": {"b": {"c": 0.1}, "d": []}, "text": "x" * 7000, "my key!": True, "none": None}
    assert parameters(config) == {
        "a.b.c": "0.1",
        "a.d": "[]",
        "text": "x" * 6000,
        "my key_": "true",
        "none": "null",
    }
    assert parameters({}) == {}
