import json
import math

import pytest
from synthetic_run import make_summary

from rlhf.evaluation.intervals import Interval
from rlhf.evaluation.report import Heldout, HeldoutPoint, Summary, SummaryError, read_summary, write_summary


def test_what_is_written_is_read_back(tmp_path):
    summary = make_summary(60)
    assert write_summary(tmp_path, summary) == tmp_path / "summary.json"
    assert read_summary(tmp_path) == summary
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_the_files_keys(tmp_path):
    accuracy = Interval(0.5, 0.0945, 0.9055, "wilson", 2, 2)
    write_summary(
        tmp_path,
        Summary(steps=1, seconds=2.5, heldout=Heldout(before=accuracy, history=(HeldoutPoint.of(0, accuracy),))),
    )
    found = json.loads((tmp_path / "summary.json").read_text())
    numbers = {"value": 0.5, "low": 0.0945, "high": 0.9055}
    interval = {**numbers, "method": "wilson", "n_problems": 2, "n_samples": 2}
    assert found == {
        "steps": 1, "seconds": 2.5, "warmup": None, "status": "finished",
        "heldout": {"before": interval, "after": None, "history": [{**interval, "step": 0}]},
    }  # fmt: skip


def test_no_file_is_no_summary(tmp_path):
    assert read_summary(tmp_path) is None


def test_a_diverged_warmup_is_still_valid_json(tmp_path):
    write_summary(tmp_path, Summary(steps=0, seconds=1.0, warmup={"loss": math.nan, "curve": [1.0, math.inf]}))
    assert read_summary(tmp_path).warmup == {"loss": "nan", "curve": [1.0, "inf"]}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "the file: Invalid JSON"),
        ('{"steps": 1}', "seconds: Field required"),
        ('{"steps": "many", "seconds": 1}', r"steps: .*valid integer.*found 'many'"),
        ('{"steps": 1, "seconds": 1, "status": "done"}', "status: Input should be 'running'"),
        ('{"steps": 1, "seconds": 1, "scores": {}}', "scores: Unexpected"),
        (
            '{"steps": 1, "seconds": 1, "heldout": {"after": {"value": 2, "low": 0, "high": 1, "method": "", "n_problems": 1, "n_samples": 1}}}',
            r"heldout\.after: .*low <= value",
        ),
    ],
)
def test_a_malformed_summary_names_file_and_key(tmp_path, text, message):
    (tmp_path / "summary.json").write_text(text)
    with pytest.raises(SummaryError, match=r"summary\.json: " + message):
        read_summary(tmp_path)
