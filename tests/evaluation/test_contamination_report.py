"""The whole command but its options: what is printed, what is written, what is refused."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
from rich.console import Console

from rlhf.data.errors import BadRowError, DataError
from rlhf.evaluation.contamination_report import HOPELESS, SHOWN_FAULTS, _Pace, run_contamination
from rlhf.evaluation.problem import Problem
from tests.evaluation.test_contamination_read import write_rows

DUCKS = "Janet's ducks lay sixteen eggs per day and she sells them at the market for two dollars per fresh egg."
SUM = "What is the value of 513 - 487?"
BENCHMARKS = {
    "one": [Problem("1", DUCKS, "32"), Problem("2", SUM, "26"), Problem("3", "Compute 1 + 1.", "2")],
    "two": [
        Problem("a", "Nothing of this question stands in any of the training prompts, however long they are.", None)
    ],
}


def run(train, tmp_path, field="prompt", out=None, show=5, n=13, benchmarks=BENCHMARKS):
    stream, notes = io.StringIO(), io.StringIO()
    result = run_contamination(
        str(train), benchmarks, n, field, out, show,
        Console(file=stream, width=200, highlight=False), Console(file=notes, highlight=False),
    )  # fmt: skip
    return result, stream.getvalue()


def rows(*texts):
    return [{"prompt": text} for text in texts]


def test_what_is_found_is_told_with_the_words_of_both(tmp_path):
    train = write_rows(tmp_path / "t.jsonl", rows("x", f"Q: {DUCKS.upper()} A:", SUM, SUM))
    result, shown = run(train, tmp_path)
    assert shown.splitlines()[0] == f"4 training prompts of {train}, by 13-grams of words: 3 have words of a question"
    table = [line.split() for line in shown.splitlines()[1:4]]
    assert table == [
        ["benchmark", "questions", "judged", "found", "share", "whole", "common", "words", "only"],
        ["one", "3", "2", "2", "100.0%", "2", "0"],
        ["two", "1", "1", "0", "0.0%", "0", "0"],
    ]
    assert "one: not judged, as they have fewer than 6 words: 1 (3)\n" in shown
    assert (
        f"\none 1: 100% of it in 1 training prompt\n  question: «{DUCKS}» \n  {train}:2: Q: «{DUCKS.upper()}» A:\n"
    ) in shown
    assert (
        f"\none 2: 100% of it in 2 training prompts\n  question: «{SUM}» \n  {train}:3: «{SUM}» \n  also {train}:4 (100%)\n"
        in shown
    )
    assert (result.worst_share, result.unreadable) == (1.0, 0)


def test_common_words_alone_are_shown_and_are_no_reason_to_fail(tmp_path):
    start = "Solve the following problem of mathematics carefully and write down only the final number in a box:"
    own = {"own": [Problem(str(i), f"{start} what is {end}?", None) for i, end in enumerate(["one", "two", "three"])]}
    train = write_rows(tmp_path / "t.jsonl", rows(f"{start} how many hours are in a week?"))
    result, shown = run(train, tmp_path, benchmarks=own)
    assert shown.splitlines()[2].split() == ["own", "3", "3", "3", "0.0%", "0", "3"]
    assert ", all of them words of other questions too\n" in shown
    assert result.worst_share == 0.0


def test_no_more_than_asked_for_is_shown(tmp_path):
    train = write_rows(tmp_path / "t.jsonl", rows(DUCKS, SUM))
    _, shown = run(train, tmp_path, show=1)
    assert "one 1: 100%" in shown and "one 2:" not in shown
    assert "one: 1 more; --show and --out show them" in shown
    assert "one 1" not in run(train, tmp_path, show=0)[1]


def test_json_lines_hold_every_match(tmp_path):
    train = write_rows(tmp_path / "t.jsonl", rows(DUCKS, "½ \u2028 so " + SUM + " and more", SUM))
    out = tmp_path / "out.jsonl"
    _, shown = run(train, tmp_path, out=out, show=0)
    assert shown.endswith(f"matches: {out}\n")
    assert out.read_bytes().isascii() and not list(tmp_path.glob("*.half"))
    first, second, *matches = map(json.loads, out.read_text().splitlines())
    assert first == {
        "kind": "benchmark", "benchmark": "one", "train": train, "n": 13, "rows": 3, "unreadable": 0, "problems": 3,
        "judged": 2, "matched": 2, "whole": 2, "shared": 0, "too_short": ["3"], "template": [],
    }  # fmt: skip
    assert (second["benchmark"], second["matched"]) == ("two", 0)
    assert [(m["problem"], m["row"], m["coverage"], m["row_coverage"], m["rows"]) for m in matches] == [
        ("1", f"{train}:1", 1.0, 1.0, 1),
        ("2", f"{train}:2", 1.0, 1.0, 2),
        ("2", f"{train}:3", 1.0, 1.0, 2),
    ]
    assert matches[1]["words"] == 7
    assert matches[1]["in_row"] == {"before": "½ so", "matched": SUM, "after": "and more"}
    assert matches[1]["in_problem"] == {"before": "", "matched": SUM, "after": ""}


def test_nothing_of_a_text_reaches_the_terminal_but_its_characters(tmp_path):
    hostile = "\x1b[31mred\x1b]0;title\x07 \x9b2J \u202e [bold]markup[/bold] \ud800 \r\x08"
    train = write_rows(tmp_path / "t.jsonl", rows(f"{hostile} {DUCKS} {hostile}"))
    benchmarks = {"one\x1b[2J": [Problem("7\x1b[1m", DUCKS, None)]}
    _, shown = run(train, tmp_path, benchmarks=benchmarks)
    assert not set(shown) & set("\x1b\x07\x9b\u202e\r\x08\ud800")
    assert "[bold]markup[/bold]" in shown and "\\ud800" in shown and "one 7: 100%" in shown


def test_rows_without_a_text_are_passed_over_counted_and_named(tmp_path):
    train = write_rows(tmp_path / "t.jsonl", [*rows(DUCKS), *[{"prompt": None}] * (SHOWN_FAULTS + 2), {"q": "\x1b[1m"}])
    result, shown = run(train, tmp_path)
    assert (result.unreadable, result.scan.rows, len(result.faults)) == (SHOWN_FAULTS + 3, 1, SHOWN_FAULTS)
    assert f"{SHOWN_FAULTS + 3} rows have no text to look at, and were passed over:\n" in shown
    assert f"  {train}:2: field 'prompt': found null; write text, or a list of chat messages\n" in shown


@pytest.mark.parametrize("count", [1, HOPELESS + 5])
def test_a_file_without_the_field_is_refused_by_its_first_row(tmp_path, count):
    train = write_rows(tmp_path / "t.jsonl", [{"question": DUCKS, "answer": "1"}] * count)
    with pytest.raises(BadRowError) as refusal:
        run(train, tmp_path)
    expected = "no field 'prompt'; there is: question, answer; name the one with the prompt in --field"
    assert str(refusal.value) == f"{train}:1: {expected}"
    assert run(train, tmp_path, field="question")[0].scan.rows == count


REFUSED = [
    ({"n": 0}, "--n: found 0; write how many words an n-gram has, 1 or more, e.g. 13"),
    ({"show": -1}, "--show: found -1; write how many questions to show, 0 or more"),
    ({"benchmarks": {"empty": []}}, "empty: has no problems to look for; name another benchmark or --data-dir"),
    ({"out": "nowhere/out.jsonl"}, "cannot be written: name a file in a folder that is there in --out"),
    ({"out": "."}, "cannot be written: name a file in a folder that is there in --out"),
    ({"out": "t.jsonl"}, "is the training file itself; name another file in --out"),
]


@pytest.mark.parametrize(("options", "message"), REFUSED)
def test_bad_options_are_refused_before_anything_is_read(tmp_path, options, message):
    train = write_rows(tmp_path / "t.jsonl", rows(DUCKS))
    if "out" in options:
        options = {"out": tmp_path / options["out"]}
    with pytest.raises(DataError) as refusal:
        run(train, tmp_path, **options)
    assert str(refusal.value).endswith(message)
    assert (tmp_path / "t.jsonl").stat().st_size > 0


def test_a_file_without_rows_is_refused(tmp_path):
    path = tmp_path / "t.jsonl"
    path.write_text("\n\n")
    with pytest.raises(DataError) as refusal:
        run(path, tmp_path)
    assert str(refusal.value) == f"{path}: has no rows; name the file with the training prompts"


def test_a_long_search_says_how_far_it_is_and_a_short_one_is_silent():
    now = [0.0]
    stream = io.StringIO()
    with _Pace(Console(file=stream, width=100), clock=lambda: now[0]) as pace:
        for second, count in [(1, 10), (4, 40), (6, 1200), (7, 1400), (12, 2400)]:
            now[0] = float(second)
            pace(count, second)
    assert stream.getvalue().splitlines() == [
        "1,200 training prompts, 200 a second, 6 questions found",
        "2,400 training prompts, 200 a second, 12 questions found",
    ]


def test_nothing_heavy_is_imported_for_it():
    heavy = ["torch", "transformers", "vllm", "ray", "datasets", "pyarrow", "pandas", "reasoning_gym"]
    program = f"import sys, rlhf.evaluation.contamination_report; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
