"""W&B: how a run ends, and that a silent server holds up neither the start nor the process's exit."""

import os
import subprocess
import sys
import threading

import pytest

from rlhf.metrics import trackers
from tests.metrics.wandb_server import silent_wandb

AT_THE_END = """
import pathlib, sys, threading
import rlhf.metrics.sinks as sinks
from rlhf.recipe.schema import TrackingConfig
from wandb.sdk.lib.service.service_process import ServiceProcess
def join(self, plain=ServiceProcess.join):
    print(threading.current_thread().name, "waits", flush=True)
    return plain(self)
ServiceProcess.join = join
sinks.CLOSE_SECONDS = 0.5
opened = sinks.open_sinks(
    TrackingConfig(tensorboard=False, wandb_project="p"), pathlib.Path(sys.argv[1]), "run", {}, warn=print
)
opened.log(1, {"a": 1})
opened.close("failed")
print("others:", [thread.name for thread in threading.enumerate() if not thread.daemon])
"""

AT_THE_START = """
import pathlib, sys
from rlhf.metrics.sinks import TrackerError, open_sinks
from rlhf.recipe.schema import TrackingConfig
import wandb
plain = wandb.Settings
wandb.Settings = lambda **given: plain(**{**given, "init_timeout": 1.0})
try:
    open_sinks(TrackingConfig(tensorboard=False, wandb_project="p"), pathlib.Path(sys.argv[1]), "run", {})
except TrackerError as error:
    print(error)
"""


def run(code, folder, address):
    """Ends within the bound, or the test fails: W&B alone waits for as long as it retries an upload."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("WANDB_")}
    environment |= {"WANDB_BASE_URL": address, "WANDB_API_KEY": "a" * 40, "NO_PROXY": "127.0.0.1"}
    environment |= {"WANDB_CACHE_DIR": str(folder), "WANDB_CONFIG_DIR": str(folder), "WANDB_DATA_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code, str(folder)], env=environment, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL
    )  # fmt: skip


def test_a_server_that_falls_silent_does_not_keep_the_process(tmp_path):
    with silent_wandb(starts_runs=True) as address:
        ran = run(AT_THE_END, tmp_path, address)
    assert (ran.returncode, ran.stdout.splitlines()) == (
        0,
        [
            "tracker wandb did not finish in 20 s and is given up (0 steps not sent)",
            "wandb-teardown waits",  # and not MainThread, in a hook for the exit
            "others: ['MainThread']",
        ],
    ), ran.stderr
    (record,) = (tmp_path / "wandb").glob("run-*/run-*.wandb")  # for `wandb sync`
    assert record.stat().st_size > 0


def test_a_server_that_is_silent_at_the_start_is_an_error_that_names_the_key(tmp_path):
    with silent_wandb(starts_runs=False) as address:
        ran = run(AT_THE_START, tmp_path, address)
    assert ran.returncode == 0, ran.stderr
    assert "tracking.wandb_project: cannot start (CommError: Timed out" in ran.stdout
    assert "tracking.wandb_project=null" in ran.stdout


class Run:
    def __init__(self):
        self.codes = []

    def finish(self, exit_code):
        self.codes.append(exit_code)


@pytest.mark.parametrize(("status", "code"), [("finished", 0), ("interrupted", 1), ("failed", 1)])
def test_wandb_is_told_how_the_run_ended(status, code):
    sink = trackers.WandbSink.__new__(trackers.WandbSink)
    sink._run = Run()
    sink.close(status)
    assert sink._run.codes == [code]


def test_letting_go_takes_the_hook_back_and_waits_for_no_teardown_that_hangs(monkeypatch):
    import wandb

    over, hook = threading.Event(), ["registered"]

    def teardown():
        hook.clear()
        over.wait()

    monkeypatch.setattr(wandb, "teardown", teardown)
    monkeypatch.setattr(trackers, "ABANDON_SECONDS", 0.05)
    trackers._let_wandb_go()
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "wandb-teardown"]
    assert thread.daemon
    over.set()
    thread.join()
    assert hook == []
