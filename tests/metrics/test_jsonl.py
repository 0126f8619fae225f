import json
import math

import numpy as np
import pytest
import torch

from rlhf.metrics.jsonl import JsonlSink, MetricsFileError, read_metrics


def lines(path):
    return path.read_text(encoding="utf-8").splitlines()


def write_steps(path, steps, resume_step=None):
    sink = JsonlSink(path, resume_step)
    for step in steps:
        sink.log(step, {"reward/mean": step / 10})
    sink.close()


def test_one_object_a_step_readable_before_the_file_is_closed(tmp_path):
    sink = JsonlSink(tmp_path / "new" / "metrics.jsonl")
    sink.log(1, {"reward/mean": 0.5, "prompts/trained": 32, "accuracy/heldout": None})
    assert lines(sink.path) == ['{"step":1,"reward/mean":0.5,"prompts/trained":32,"accuracy/heldout":null}']
    sink.close()
    sink.close()


def refuse_constant(name):
    raise AssertionError(f"{name} is no JSON")


def test_non_finite_numbers_stay_valid_json_and_come_back(tmp_path):
    sink = JsonlSink(tmp_path / "m.jsonl")
    sink.log(1, {"a": math.nan, "b": math.inf, "c": -math.inf, "d": np.float32("nan")})
    sink.sync()
    strict = json.loads(lines(sink.path)[0], parse_constant=refuse_constant)
    assert strict == {"step": 1, "a": "nan", "b": "inf", "c": "-inf", "d": "nan"}
    (row,) = read_metrics(sink.path)
    assert math.isnan(row["a"])
    assert (row["b"], row["c"]) == (math.inf, -math.inf)
    sink.close()


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (np.float32(0.5), 0.5),
        (np.int64(3), 3.0),
        (torch.tensor(0.25), 0.25),
        (torch.tensor([2.0]), 2.0),
        (True, 1),
        (7, 7),
    ],
)
def test_scalars_of_other_libraries_become_numbers(tmp_path, value, written):
    sink = JsonlSink(tmp_path / "m.jsonl")
    sink.log(1, {"a": value})
    assert read_metrics(sink.path) == [{"step": 1, "a": written}]
    sink.close()


@pytest.mark.parametrize("value", ["0.5", b"1", [1.0], {"x": 1}, object()])
def test_what_is_no_number_is_refused_by_name_and_writes_nothing(tmp_path, value):
    sink = JsonlSink(tmp_path / "m.jsonl")
    with pytest.raises(TypeError, match="metric 'policy/entropy' is"):
        sink.log(1, {"ok": 1.0, "policy/entropy": value})
    assert lines(sink.path) == []
    sink.close()


@pytest.mark.parametrize(("first", "then"), [(3, 0), (3, 2)])
def test_steps_are_written_in_order(tmp_path, first, then):
    sink = JsonlSink(tmp_path / "m.jsonl")
    sink.log(first, {})
    with pytest.raises(ValueError, match=f"step {then} comes after step {first}"):
        sink.log(then, {})
    with pytest.raises(ValueError, match="own key"):
        sink.log(4, {"step": 4})
    sink.close()


def test_a_fresh_run_never_touches_an_earlier_runs_file(tmp_path):
    path = tmp_path / "m.jsonl"
    write_steps(path, [1, 2])
    before = path.read_bytes()
    with pytest.raises(MetricsFileError, match=r"m\.jsonl: holds the metrics of an earlier run.*--resume"):
        JsonlSink(path)
    assert path.read_bytes() == before


def test_resume_takes_out_the_steps_after_the_checkpoint(tmp_path):
    path = tmp_path / "m.jsonl"
    write_steps(path, [1, 2, 3, 4])
    write_steps(path, [3, 4, 5], resume_step=2)
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3, 4, 5]
    sink = JsonlSink(path, resume_step=5)
    with pytest.raises(ValueError, match="step 4 comes after step 5"):
        sink.log(4, {})
    sink.close()


@pytest.mark.parametrize("resumed", [False, True])
def test_what_comes_later_of_the_last_step_is_added_to_its_line(tmp_path, resumed):
    path = tmp_path / "m.jsonl"
    sink = JsonlSink(path)
    sink.log(1, {"a": 1.0})
    sink.log(2, {"a": 2.0, "b": float("nan")})
    if resumed:
        sink.close()
        sink = JsonlSink(path, resume_step=2)
    sink.log(2, {"c": 3.0})
    sink.log(3, {"a": 4.0})
    sink.close()
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == [{"step": 1, "a": 1.0}, {"step": 2, "a": 2.0, "b": "nan", "c": 3.0}, {"step": 3, "a": 4.0}]
    assert [p.name for p in tmp_path.iterdir()] == ["m.jsonl"]


@pytest.mark.parametrize(
    "torn", [b'{"step":3,"rew', b'{"step":3}', b'{"step":3,"a":0.1', b"\x00\x00\x00", b'{"step":3,"a":"\xff']
)
def test_a_torn_last_line_is_repaired_on_resume_and_skipped_by_readers(tmp_path, torn):
    path = tmp_path / "m.jsonl"
    write_steps(path, [1, 2])
    path.write_bytes(path.read_bytes() + torn)
    told = []
    assert [row["step"] for row in read_metrics(path, told.append)] == [1, 2]
    assert told == [f"{path}:3: the last line is torn and left out"]
    write_steps(path, [3], resume_step=2)
    assert [row["step"] for row in read_metrics(path)] == [1, 2, 3]


@pytest.mark.parametrize("bad", ["not json", "[1]", '{"reward":1}', '{"step":"2"}', '{"step":2.0}'])
def test_a_malformed_line_before_the_last_names_file_and_line(tmp_path, bad):
    path = tmp_path / "m.jsonl"
    path.write_text('{"step":1}\n' + bad + '\n{"step":3}\n')
    for use in (read_metrics, lambda p: JsonlSink(p, resume_step=3)):
        with pytest.raises(MetricsFileError, match=r"m\.jsonl:2: not a JSON object with an integer"):
            use(path)


def test_resume_without_a_file_starts_one(tmp_path):
    write_steps(tmp_path / "m.jsonl", [8], resume_step=7)
    assert [row["step"] for row in read_metrics(tmp_path / "m.jsonl")] == [8]
