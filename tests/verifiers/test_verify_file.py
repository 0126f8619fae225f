"""`rlhf verify`'s work: files in, files out, bad lines named before anything runs."""

import json
from pathlib import Path

import pytest

from verifiers.cli import Counted, verify_file


def write(path: Path, rows: list) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def test_verdicts_stand_in_the_order_of_the_lines(tmp_path: Path) -> None:
    rows = [{"response": f"\\boxed{{{i}}}", "reference": i % 2, "prompt": "?"} for i in range(5)]
    counted = verify_file(
        "math",
        {},
        write(tmp_path / "in.jsonl", [*rows, "", {"response": "", "reference": "1"}]),
        tmp_path / "out.jsonl",
    )
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["score"] for line in lines] == [1.0, 1.0, 0.0, 0.0, 0.0, 0.0]
    assert [line["extracted"] for line in lines] == ["0", "1", "2", "3", "4", None]
    assert all(set(line) == {"score", "status", "extracted", "reason", "seconds"} for line in lines)
    assert counted == Counted({"correct": 2, "wrong": 3, "unparsed": 1, "timeout": 0, "error": 0})
    assert [path.name for path in tmp_path.iterdir()] and not (tmp_path / "out.jsonl.partial").exists()


BAD_LINES = [
    ("{", "not JSON"),
    ("[]", "found a list"),
    ('{"reference": "1"}', 'no "response"'),
    ('{"response": "1"}', 'no "reference"'),
    ('{"response": 1, "reference": "1"}', "write a str"),
    ('{"response": "1", "reference": true}', "write a str"),
    ('{"response": "1", "reference": "1", "metadata": []}', "write a dict"),
]


@pytest.mark.parametrize(("line", "problem"), BAD_LINES)
def test_a_bad_line_is_named_and_nothing_runs(tmp_path: Path, line: str, problem: str) -> None:
    path = write(tmp_path / "in.jsonl", [{"response": "1", "reference": "1"}, line])
    with pytest.raises(ValueError, match=problem) as caught:
        verify_file("math", {}, path, tmp_path / "out.jsonl")
    assert str(caught.value).startswith(f"{path}:2: ")
    assert list(tmp_path.iterdir()) == [path]


def test_every_bad_line_is_named_up_to_a_limit(tmp_path: Path) -> None:
    with pytest.raises(ValueError) as caught:
        verify_file("math", {}, write(tmp_path / "in.jsonl", ["{"] * 30), tmp_path / "out.jsonl")
    assert len(str(caught.value).splitlines()) == 21


def test_the_input_is_not_overwritten(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", [{"response": "1", "reference": "1"}])
    with pytest.raises(ValueError, match="write another --out"):
        verify_file("math", {}, path, path)


def test_the_format_verifier_needs_no_reference(tmp_path: Path) -> None:
    path = write(tmp_path / "in.jsonl", [{"response": "<think>a</think><answer>b</answer>"}])
    assert verify_file("format", {}, path, tmp_path / "out.jsonl").statuses["correct"] == 1


def test_a_reference_that_is_no_text_is_its_json(tmp_path: Path) -> None:
    rows = [
        {"response": "\\boxed{[[0, 0, 10, 10]]}", "reference": [[0, 0, 10, 10]]},
        {"response": "\\boxed{[[0, 0, 1, 1]]}", "reference": [[0, 0, 10, 10]]},
    ]
    counted = verify_file("iou", {}, write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")
    assert (counted.statuses["correct"], counted.statuses["wrong"]) == (1, 1)


def test_the_first_error_is_told(tmp_path: Path) -> None:
    rows = [{"response": "```python\n1\n```", "metadata": m} for m in ({"tests": "no"}, {"tests": []})]
    counted = verify_file("code", {}, write(tmp_path / "in.jsonl", rows), tmp_path / "out.jsonl")
    assert counted.statuses["error"] == 2
    assert counted.first_error.startswith("verdict 1: code: tests: found 'no', which is not JSON")
