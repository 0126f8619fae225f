"""Totals are checked: every sample counts once, none is missing, an error counts in nothing but its own count."""

import pytest

from rlhf.evaluation.results import ResultsError
from rlhf.evaluation.run.finish import benchmark_result, seconds_of
from tests.evaluation.run.factories import prepared, row


def rows(*all_rows):
    return {one.key: one for one in all_rows}


def complete(**changed):
    """3 problems, 2 samples each: 2, 1 and 0 right."""
    made = rows(
        row("0", 0),
        row("0", 1),
        row("1", 0),
        row("1", 1, "wrong", vote="7"),
        row("2", 0, "unparsed", vote=None, truncated=True, tokens=16),
        row("2", 1, "timeout", vote="9"),
    )
    return made | changed


def test_numbers_by_hand():
    result = benchmark_result(prepared(), complete(), [1, 2])
    assert {m.name: m.value for m in result.metrics} == pytest.approx(
        {"avg@2": 3 / 6, "pass@1": 3 / 6, "pass@2": 2 / 3, "maj@2": 1.5 / 3}
    )
    assert (result.extraction, result.truncation, result.timeouts, result.errors) == (5 / 6, 1 / 6, 1, 0)
    assert (result.tokens, result.lengths.most, result.lengths.least) == (41, 16, 5)
    assert [p.statuses for p in result.problems] == [
        ["correct", "correct"],
        ["correct", "wrong"],
        ["unparsed", "timeout"],
    ]


def test_an_error_is_no_wrong_answer():
    result = benchmark_result(prepared(), complete() | rows(row("1", 1, "error"), row("2", 0, "error")), [])
    assert result.errors == 2
    assert result.metrics[0].value == pytest.approx((1 + 1 + 0) / 3)
    assert (result.extraction, result.truncation, result.left_out) == (1.0, 0.0, 0)


def test_a_problem_without_a_verdict_is_left_out_and_counted():
    result = benchmark_result(prepared(), complete() | rows(row("2", 0, "error"), row("2", 1, "error")), [])
    assert (result.left_out, result.errors, result.metrics[0].n_problems) == (1, 2, 2)
    assert result.metrics[0].value == pytest.approx(0.75)
    assert len(result.problems) == 3


def test_a_missing_sample_is_no_result():
    short = complete()
    del short[("sums", "1", 1)]
    with pytest.raises(ResultsError, match=r"sums: 1 of 6 samples are missing, e.g. \('sums', '1', 1\)"):
        benchmark_result(prepared(), short, [])


def test_nothing_but_errors_is_no_result():
    failed = rows(*(row(str(p), s, "error", reason="no sandbox") for p in range(3) for s in range(2)))
    with pytest.raises(ResultsError, match=r"failed on every sample, e.g. 0: no sandbox"):
        benchmark_result(prepared(), failed, [])


def test_seconds_of_several_sessions_add_up():
    worked = [row(began=1.0, ended=4.0), row("1", began=2.0, ended=9.0), row("2", session=1, began=0.5, ended=2.0)]
    assert seconds_of(worked) == pytest.approx(8.0 + 1.5)
    assert seconds_of([]) == 0
