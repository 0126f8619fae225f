"""A verifier that is given several samples at a time: what is judged together, and whose a failure is."""

import os
from pathlib import Path

import pytest

from tests.verifiers.conftest import MODULES
from verifiers import Sample, Status, Verdict, verifier
from verifiers.pool import VerifierPool

NAME = "custom_rules:together"


def judged(responses: list[str], tmp_path: Path, timeout_s: float = 10.0) -> list[Verdict]:
    """The verdicts on samples that all wait while the only worker is busy with another."""
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with VerifierPool(1, timeout_s=timeout_s, python_path=[MODULES]) as pool:
        pool.prepare(NAME, {})
        busy = pool.submit(NAME, {}, Sample("", "wait", None, {"fifo": str(fifo)}))
        with fifo.open("w"):  # opens once the worker reads, and lets it go on when it closes
            others = [pool.submit(NAME, {}, Sample("", response)) for response in responses]
        assert busy.result().reason == "1 of 1"
        return [future.result() for future in others]


def test_what_waits_is_judged_together_and_in_order(tmp_path: Path) -> None:
    verdicts = judged(["a", "b", "c", "d", "e"], tmp_path)
    assert [v.extracted for v in verdicts] == ["a", "b", "c", "d", "e"]
    assert [v.reason for v in verdicts] == ["1 of 4", "2 of 4", "3 of 4", "4 of 4", "1 of 1"]


@pytest.mark.parametrize(
    ("bad", "status", "reason"),
    [
        ("fail", Status.ERROR, "together raised LookupError: one of them"),
        ("miscount", Status.ERROR, "together returned 2 outcomes for 1 samples; return a list with one for each"),
        ("end", Status.ERROR, "the worker died twice while judging this sample"),
        ("hang", Status.TIMEOUT, "no verdict within 1 s"),
    ],
)
def test_a_failure_is_told_of_the_sample_that_it_belongs_to(
    tmp_path: Path, bad: str, status: Status, reason: str
) -> None:
    verdicts = judged(["a", bad, "b"], tmp_path, timeout_s=1.0)
    if bad == "miscount":  # the function answered, for nobody: all three are told
        assert {v.status for v in verdicts} == {Status.ERROR}
        assert "returned 4 outcomes for 3 samples" in verdicts[0].reason
        return
    assert [v.status for v in verdicts] == [Status.CORRECT, status, Status.CORRECT]
    assert reason in verdicts[1].reason


def test_gold_and_other_settings_are_not_judged_with_it() -> None:
    from verifiers.pool.jobs import Job, JobQueue

    queue = JobQueue(10)
    first, sample = Job(NAME, {}, Sample("", "a")), Sample("", "b")
    others = [Job(NAME, {}, sample), Job(NAME, {"reverse": True}, sample), Job("other:rule", {}, sample)]
    others += [Job(NAME, {}, sample, gold=True), Job(NAME, {}, None), Job(NAME, {}, sample)]
    for job in others:
        queue.put(job)
    assert queue.take_like(first, 1) == [others[0]]
    assert queue.take_like(first, 9) == [others[5]]
    assert [queue.get() for _ in range(4)] == others[1:5]


@pytest.mark.parametrize(("batch", "isolated"), [(0, False), (257, False), (2, True)])
def test_a_batch_is_bounded(batch: int, isolated: bool) -> None:
    with pytest.raises(ValueError, match=f"batch: found {batch}; write 1 to 256"):
        verifier("x", batch=batch, isolated=isolated)
