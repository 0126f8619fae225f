"""A tracker in its own thread: outages are sat out, bad steps left out, and the end waits for nobody for long."""

import json
import threading

import pytest

from rlhf.metrics.background import BackgroundSink, Retries, refused
from tests.metrics.fake_trackers import WAIT, Recorder, Scripted, Stuck

AT_ONCE = Retries(first_s=0.0, longest_s=0.0, doubted_after=4)
DOWN = ConnectionError("no route")


def steps_of(tracker):
    return [step for step, _ in tracker.seen]


def test_the_pauses_grow_to_their_bound_and_stay_there():
    retries = Retries()
    assert [retries.pause_s(n) for n in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert retries.pause_s(100_000) == 300


def test_closing_sends_what_is_queued_in_order_and_only_once():
    tracker = Recorder()
    sink = BackgroundSink("wandb", tracker, pytest.fail)
    for step in range(200):
        sink.log(step, {"a": step})
    sink.close("interrupted")
    sink.close("failed")
    assert tracker.seen == [(step, {"a": step}) for step in range(200)]
    assert tracker.closed == ["interrupted"]


def test_after_an_outage_every_step_is_there_in_order_and_both_ends_of_it_were_said():
    tracker, warnings = Scripted([None, DOWN, DOWN, DOWN]), []
    sink = BackgroundSink("mlflow", tracker, warnings.append, retries=AT_ONCE)
    for step in range(1, 6):
        sink.log(step, {"a": step})
    tracker.until(8)
    sink.close()
    assert tracker.attempts == [1, 2, 2, 2, 2, 3, 4, 5]
    assert tracker.seen == [(step, {"a": step}) for step in range(1, 6)]
    assert warnings == [
        "tracker mlflow failed at step 2 (ConnectionError: no route); it is tried again, and training goes on",
        "tracker mlflow takes steps again",
    ]
    assert not sink.failed


def test_the_end_does_not_sit_out_a_pause_and_tries_once_more():
    tracker, warnings = Scripted([DOWN, DOWN]), []
    sink = BackgroundSink("mlflow", tracker, warnings.append, retries=Retries(first_s=1e6, longest_s=1e6))
    sink.log(1, {})
    sink.log(2, {})
    tracker.until(1)
    sink.close("failed")
    assert (tracker.attempts, tracker.seen, tracker.closed) == ([1, 1], [], ["failed"])
    assert warnings[1:] == ["tracker mlflow was closed without its last steps (2 steps not sent)"]


def test_what_waited_out_an_outage_is_sent_at_the_end_where_that_works_again():
    tracker, warnings = Scripted([DOWN]), []
    sink = BackgroundSink("mlflow", tracker, warnings.append, retries=Retries(first_s=1e6, longest_s=1e6))
    sink.log(1, {})
    sink.log(2, {})
    tracker.until(1)
    sink.close()
    assert (steps_of(tracker), warnings[1:]) == ([1, 2], ["tracker mlflow takes steps again"])


def test_steps_that_are_refused_for_what_they_hold_are_left_out_with_one_warning():
    tracker, warnings = Scripted([None, ValueError("key"), TypeError("type"), None]), []
    sink = BackgroundSink("mlflow", tracker, warnings.append, retries=AT_ONCE)
    for step in range(1, 5):
        sink.log(step, {})
    sink.close()
    assert (tracker.attempts, steps_of(tracker), sink.refused) == ([1, 2, 3, 4], [1, 4], 2)
    assert warnings == [
        "tracker mlflow refuses step 2 (ValueError: key): such steps are left out there; metrics.jsonl holds them all"
    ]


def test_a_step_that_never_goes_through_is_left_out_once_a_later_one_does():
    tracker, warnings = Scripted([lambda step: RuntimeError("odd") if step == 1 else None] * 20), []
    sink = BackgroundSink("wandb", tracker, warnings.append, retries=AT_ONCE)
    for step in (1, 2, 3):
        sink.log(step, {})
    tracker.until(8)
    sink.close()
    # Doubted after four failures: then in turn with the next one, and once more when that was taken.
    assert tracker.attempts == [1, 1, 1, 1, 1, 2, 1, 3]
    assert (steps_of(tracker), sink.refused) == ([2, 3], 1)
    assert warnings[1:] == [
        "tracker wandb takes steps again",
        "tracker wandb refuses step 1 (RuntimeError: odd): such steps are left out there; metrics.jsonl holds them all",
    ]


@pytest.mark.parametrize(("failures", "order"), [(9, [2, 1, 3]), (10, [1, 2, 3])])
def test_a_long_outage_loses_no_step_whichever_is_tried_when_it_ends(failures, order):
    tracker, warnings = Scripted([DOWN] * failures), []
    sink = BackgroundSink("mlflow", tracker, warnings.append, retries=AT_ONCE)
    for step in (1, 2, 3):
        sink.log(step, {})
    tracker.until(failures + 3)
    sink.close()
    assert set(tracker.attempts[4:failures]) == {1, 2}
    assert (steps_of(tracker), sink.refused, len(warnings)) == (order, 0, 2)


def test_a_stuck_tracker_costs_its_own_steps_and_one_warning_not_the_runs_time():
    tracker, warnings = Stuck(), []
    sink = BackgroundSink("wandb", tracker, warnings.append, capacity=3)
    sink.log(0, {})
    assert tracker.entered.wait(WAIT)  # step 0 hangs in the tracker
    for step in range(1, 8):  # two more wait, five are dropped; none of these calls waits
        sink.log(step, {})
    assert sink.dropped == 5
    assert warnings == [
        "tracker wandb does not keep up (3 steps are waiting): it misses steps from 3 on; metrics.jsonl holds them all"
    ]
    tracker.let_go.set()
    sink.close()
    assert steps_of(tracker) == [0, 1, 2]


def test_a_tracker_that_never_ends_is_given_up_once_and_let_go_of():
    tracker, warnings, abandoned = Stuck(), [], []
    sink = BackgroundSink(
        "wandb", tracker, warnings.append, close_seconds=0.05, abandon=lambda: abandoned.append(len(warnings))
    )
    sink.log(0, {})
    sink.log(1, {})
    assert tracker.entered.wait(WAIT)
    sink.close()
    sink.close()
    tracker.fail_close = True
    tracker.let_go.set()
    sink._thread.join(WAIT)  # what it says from here on interests nobody
    assert warnings == ["tracker wandb did not finish in 0.05 s and is given up (2 steps not sent)"]
    assert abandoned == [1]


def test_metrics_are_copied_before_the_caller_changes_them():
    tracker = Stuck()
    sink = BackgroundSink("wandb", tracker, pytest.fail)
    metrics = {"a": 1}
    sink.log(0, metrics)
    metrics["a"] = 2
    tracker.let_go.set()
    sink.close()
    assert tracker.seen == [(0, {"a": 1})]


def test_its_thread_is_one_that_no_exit_waits_for():
    sink = BackgroundSink("wandb", Recorder(), pytest.fail)
    (thread,) = [thread for thread in threading.enumerate() if thread.name == "tracker-wandb" and thread.is_alive()]
    assert thread.daemon
    sink.close()


@pytest.mark.parametrize(
    ("error", "found"),
    [
        (ValueError("x"), True),
        (TypeError("x"), True),
        (UnicodeError("x"), True),
        (json.JSONDecodeError("a proxy's page", "<html>", 0), False),
        (ConnectionError("x"), False),
        (TimeoutError("x"), False),
        (RuntimeError("x"), False),
    ],
)
def test_which_errors_are_about_the_step_itself(error, found):
    assert refused(error) is found


def test_an_answer_that_is_no_json_is_no_refusal_though_requests_makes_it_a_value_error():
    from requests.exceptions import JSONDecodeError

    assert not refused(JSONDecodeError("x", "<html>", 0))
