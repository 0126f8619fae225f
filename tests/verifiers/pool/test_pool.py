"""The pool: order, limits, kills, replacement, and nothing left behind. Real processes throughout."""

import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.verifiers.conftest import MODULES
from verifiers import Sample, Status
from verifiers.pool import VerifierLoadError, VerifierPool
from verifiers.pool.jobs import PoolClosedError

WAIT_S = 60


@pytest.fixture(scope="module")
def own_pool() -> Iterator[VerifierPool]:
    """A pool whose workers these tests kill."""
    with VerifierPool(workers=1, timeout_s=1.0, memory_mb=1024, python_path=[MODULES]) as pool:
        yield pool


def sample(response: str, reference: str | None = None, **metadata: object) -> Sample:
    return Sample("", response, reference, metadata)


def wait_for_end(pids: list[int]) -> None:
    """Wait until each process has ended; fails after WAIT_S seconds."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([handle], [], [], WAIT_S)[0], f"process {pid} is still there"
        finally:
            os.close(handle)


def test_verdicts_come_in_the_order_of_the_samples(pool: VerifierPool) -> None:
    verdicts = pool.verify("math", {}, [sample(f"\\boxed{{{i}}}", str(i - i % 3)) for i in range(200)])
    assert [v.status is Status.CORRECT for v in verdicts] == [i % 3 == 0 for i in range(200)]
    assert all(v.seconds > 0 for v in verdicts)


def test_a_custom_verifier_is_found_by_import_path(pool: VerifierPool) -> None:
    name = "custom_rules:same_text"
    assert [v.score for v in pool.verify(name, {}, [sample("A", "A"), sample("a", "A")])] == [1.0, 0.0]
    assert pool.verify(name, {"ignore_case": True}, [sample("a", "A")])[0].status is Status.CORRECT


def test_an_async_verifier_with_partial_scores(pool: VerifierPool) -> None:
    verdicts = pool.verify("custom_rules:slow_length", {}, [sample("x" * n) for n in (0, 4, 10)])
    assert [(v.status, v.score) for v in verdicts] == [
        (Status.WRONG, 0.0),
        (Status.WRONG, 0.4),
        (Status.CORRECT, 1.0),
    ]


FAILURES = [
    ("custom_rules:raises", sample("x"), "raises raised LookupError: no entry for x (custom_rules.py:"),
    ("custom_rules:exits", sample("x"), "exits raised SystemExit: 3"),
    ("custom_rules:row_at_fault", sample("x"), "row_at_fault: reference: found nothing; write a number"),
    ("custom_rules:same_text", sample("x"), "needs a reference"),
    ("custom_rules:returns", sample("", what="none"), "returned None (NoneType)"),
    ("custom_rules:returns", sample("", what="text"), "returned 'yes' (str)"),
    ("custom_rules:returns", sample("", what="above"), "returned 1.5"),
    ("custom_rules:returns", sample("", what="nan"), "returned nan"),
    ("custom_rules:returns", sample("", what="complex"), "returned 1j (complex)"),
    (
        "custom_rules:ends_process",
        sample(""),
        "died twice while judging this sample; its process ended with exit code 7",
    ),
]


@pytest.mark.parametrize(("name", "case", "reason"), FAILURES)
def test_a_failing_verifier_is_an_error_that_names_it(pool: VerifierPool, name: str, case: Sample, reason: str) -> None:
    verdict = pool.verify(name, {}, [case])[0]
    assert (verdict.status, verdict.score) == (Status.ERROR, None)
    assert reason in verdict.reason


CANNOT_RUN = [
    ("custom_rules:no_such", {}, "has no 'no_such'"),
    ("custom_rules:undecorated", {}, "decorate the function"),
    ("custom_rules:same_text", {"ignorecase": True}, "its settings are ignore_case"),
    ("broken_module:rule", {}, "this module needs a licence key"),
    ("no_such_module:rule", {}, "No module named 'no_such_module'"),
    ("maths", {}, "did you mean 'math'"),
    ("math", {"x": 1}, "has no setting 'x'"),
]


@pytest.mark.parametrize(("name", "config", "advice"), CANNOT_RUN)
def test_what_cannot_run_is_raised_before_any_sample(pool: VerifierPool, name: str, config: dict, advice: str) -> None:
    with pytest.raises(ValueError, match=advice):
        pool.prepare(name, config)


def test_the_future_of_what_cannot_run_raises_too(pool: VerifierPool) -> None:
    with pytest.raises(VerifierLoadError, match="has no 'no_such'"):
        pool.submit("custom_rules:no_such", {}, sample("")).result(WAIT_S)


def test_metadata_that_is_not_json_is_refused_at_submit(pool: VerifierPool) -> None:
    with pytest.raises(ValueError, match="JSON values only"):
        pool.submit("math", {}, sample("", "1", bad={1, 2}))


def test_prints_of_a_verifier_do_not_reach_the_protocol(pool: VerifierPool) -> None:
    assert [v.status for v in pool.verify("custom_rules:prints", {}, [sample("")] * 3)] == [Status.CORRECT] * 3


def test_workers_have_a_clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "x")
    with VerifierPool(1, python_path=[MODULES], env={"WANTED": "y"}) as pool:
        names = ["SECRET_TOKEN", "WANTED", "PATH"]
        verdicts = pool.verify("custom_rules:sees_environment", {}, [sample(name) for name in names])
    assert [v.status is Status.CORRECT for v in verdicts] == [False, True, True]


def test_a_hang_costs_its_worker_and_not_the_batch(own_pool: VerifierPool) -> None:
    before = own_pool.stats().restarts["timeout"]
    verdicts = own_pool.verify("custom_rules:hangs", {}, [sample("hang"), sample("go"), sample("hang"), sample("go")])
    expected = [Status.TIMEOUT, Status.CORRECT, Status.TIMEOUT, Status.CORRECT]
    assert [v.status for v in verdicts] == expected
    assert verdicts[0].score == 0.0
    assert "no verdict within 1 s" in verdicts[0].reason
    assert own_pool.stats().restarts["timeout"] == before + 2


def test_a_memory_bomb_is_a_limit_spent_on_the_answer(own_pool: VerifierPool) -> None:
    verdicts = own_pool.verify("custom_rules:eats_memory", {}, [sample("eat"), sample("go")])
    assert [v.status for v in verdicts] == [Status.TIMEOUT, Status.CORRECT]
    assert "1024 MB" in verdicts[0].reason
    assert own_pool.stats().restarts["memory"] == 1


def test_a_worker_killed_from_outside_is_replaced_and_its_sample_judged(own_pool: VerifierPool, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    before = own_pool.stats().restarts["died"]
    case = sample("", fifo=str(fifo), mark=str(tmp_path / "mark"))
    # Its import must not count: the sample waits in the verifier until it is killed, well within its second.
    own_pool.prepare("custom_rules:once_held", {})
    future = own_pool.submit("custom_rules:once_held", {}, case)
    pid = int(fifo.read_text())
    assert pid in own_pool.worker_pids()
    os.kill(pid, signal.SIGKILL)
    assert future.result(WAIT_S).status is Status.CORRECT
    assert own_pool.stats().restarts["died"] == before + 1
    assert pid not in own_pool.worker_pids()


def test_an_idle_worker_that_was_killed_costs_no_sample(own_pool: VerifierPool) -> None:
    own_pool.verify("math", {}, [sample("\\boxed{1}", "1")])
    pids = own_pool.worker_pids()
    for pid in pids:
        os.kill(pid, signal.SIGKILL)
    wait_for_end(pids)
    assert own_pool.verify("math", {}, [sample("\\boxed{1}", "1")])[0].status is Status.CORRECT


def test_a_full_queue_blocks_and_close_wakes_those_who_wait() -> None:
    pool = VerifierPool(1, timeout_s=WAIT_S, queue_per_worker=1, python_path=[MODULES])
    pool.prepare("custom_rules:hangs", {})
    futures = [pool.submit("custom_rules:hangs", {}, sample("hang"))]
    blocked = threading.Event()

    def submit_until_closed() -> None:
        with pytest.raises(PoolClosedError):
            while True:
                futures.append(pool.submit("custom_rules:hangs", {}, sample("hang")))
                if len(futures) == 2:
                    blocked.set()

    with ThreadPoolExecutor(1) as executor:
        done = executor.submit(submit_until_closed)
        assert blocked.wait(WAIT_S)
        assert pool.stats().queue_depth <= 1
        pids = pool.worker_pids()
        pool.close()
        done.result(WAIT_S)
    assert len(futures) <= 3
    for future in futures:
        with pytest.raises(PoolClosedError):
            future.result(WAIT_S)
    wait_for_end(pids)
    with pytest.raises(PoolClosedError):
        pool.submit("math", {}, sample("", "1"))
    pool.close()


def test_many_threads_may_submit(pool: VerifierPool) -> None:
    def ask(i: int) -> bool:
        return pool.submit("math", {}, sample(f"\\boxed{{{i}}}", "7")).result(WAIT_S).status is Status.CORRECT

    with ThreadPoolExecutor(8) as executor:
        assert list(executor.map(ask, range(40))) == [i == 7 for i in range(40)]


def test_gold_answers_are_checked_by_their_own_verifier(pool: VerifierPool) -> None:
    rows = [sample("ignored", r"\frac{1}{2}"), sample("", "1}"), sample("", "2")]
    report = pool.check_gold("math", {}, rows)
    assert (report.checked, report.uncheckable) == (3, 0)
    assert [(index, verdict.status) for index, verdict in report.refused] == [(1, Status.ERROR)]
    report = pool.check_gold("custom_rules:same_text", {}, rows)
    assert (report.checked, report.uncheckable, report.refused) == (0, 3, ())


GOLDS = [
    (sample("", "a", gold="number"), "has_gold: its gold_response returned a int; return a str or None"),
    (sample("", "a", gold="unknown"), "has_gold: its gold_response raised KeyError: 'unknown' (custom_rules.py:"),
    (sample("", None, gold="right"), "has_gold needs a reference and this sample has none"),
]


@pytest.mark.parametrize(("case", "reason"), GOLDS)
def test_a_gold_answer_that_cannot_be_had_is_an_error_that_says_why(
    pool: VerifierPool, case: Sample, reason: str
) -> None:
    fine = [sample("", "a", gold="right"), sample("", "a", gold="none")]
    restarts = dict(pool.stats().restarts)
    report = pool.check_gold("custom_rules:has_gold", {}, [*fine, case])
    assert (report.checked, report.uncheckable) == (2, 1)
    ((index, verdict),) = report.refused
    assert (index, verdict.status) == (2, Status.ERROR)
    assert verdict.reason.startswith(reason)
    assert dict(pool.stats().restarts) == restarts


def test_gold_checks_are_not_counted_with_a_policy_s_answers(pool: VerifierPool) -> None:
    before = dict(pool.stats().counts)
    assert pool.check_gold("math", {}, [sample("", "1"), sample("", "1}")]).checked == 2
    assert dict(pool.stats().counts) == before


def test_stats_count_by_status() -> None:
    with VerifierPool(1) as pool:
        pool.verify("math", {}, [sample("\\boxed{1}", "1"), sample("\\boxed{1}", "2"), sample("", "3")])
        stats = pool.stats()
    assert dict(stats.counts) == {"correct": 1, "wrong": 1, "unparsed": 1, "timeout": 0, "error": 0}
    assert 0 < stats.p50_s <= stats.p95_s <= stats.max_s
    metrics = stats.as_metrics()
    assert (metrics["count/correct"], metrics["restarts/died"], metrics["queue_depth"]) == (1.0, 0.0, 0.0)


SCRIPT = """
import sys, threading
from verifiers import Sample
from verifiers.pool import VerifierPool
pool = VerifierPool(1, timeout_s=600, python_path=[{modules!r}])
pool.prepare("logic", {{}})
pool.prepare("custom_rules:hangs", {{}})
pool.submit("custom_rules:hangs", {{}}, Sample("", "hang"))
print(*pool.worker_pids(), flush=True)
threading.Event().wait()
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM])
def test_no_worker_outlives_its_parent(how: signal.Signals) -> None:
    root = Path(__file__).parents[3]
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(modules=MODULES)], stdout=subprocess.PIPE, text=True, cwd=root
    )
    assert parent.stdout is not None
    pids = [int(pid) for pid in parent.stdout.readline().split()]
    assert len(pids) == 3  # plain, isolated, spare
    parent.send_signal(how)
    parent.wait(WAIT_S)
    parent.stdout.close()
    wait_for_end(pids)


@pytest.mark.parametrize("arguments", [{"workers": 0}, {"timeout_s": 0}, {"memory_mb": 0}])
def test_limits_must_be_positive(arguments: dict) -> None:
    with pytest.raises(ValueError, match="must be positive"):
        VerifierPool(**arguments)
