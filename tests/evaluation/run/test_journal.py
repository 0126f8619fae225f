"""The journal: nothing that was judged is lost or counted twice, whatever a kill leaves behind."""

import json
from dataclasses import asdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf.evaluation.results import ResultsError
from rlhf.evaluation.run.journal import Journal, locked, read_journal, read_samples
from tests.evaluation.run.factories import row

ASKED = {"model": {"fingerprint": "a"}, "settings": {}, "benchmarks": {}, "versions": {}}
HEADER = json.dumps({"kind": "longthought-evaluation-samples", "format": 1, "contents": ASKED}) + "\n"


def line(status="correct", **more):
    return json.dumps(asdict(row(status=status)) | more) + "\n"


def write(path, *rows, asked=ASKED):
    with Journal(locked(path), read_journal(path), asked) as journal:
        for one in rows:
            journal.add(one)


def test_what_was_added_is_read_back(tmp_path):
    path = tmp_path / "new" / "r.samples.jsonl"
    rows = [row("0"), row("1", status="error", reason="a\u2028b\n😀")]
    write(path, *rows)
    found = read_journal(path)
    assert (found.asked, found.sessions, list(found.rows.values())) == (ASKED, 1, rows)
    assert list(read_samples(path)) == rows
    assert path.read_bytes().isascii(), "a line ends where the file's line ends, whatever a model writes"


def test_a_later_line_takes_the_place_of_an_earlier_one(tmp_path):
    path = tmp_path / "r.samples.jsonl"
    write(path, row("0", status="error"))
    write(path, row("0", status="correct", session=1))
    assert [(r.status, r.session) for r in read_samples(path)] == [("correct", 1)]
    assert read_journal(path).sessions == 2


@settings(max_examples=40)
@given(cut=st.integers(0, 2000))
def test_a_journal_cut_anywhere_goes_on_with_its_whole_lines(tmp_path_factory, cut):
    """As a kill or a full disk leaves it: of the last line a part."""
    path = tmp_path_factory.mktemp("cut") / "r.samples.jsonl"
    rows = [row(str(i)) for i in range(4)]
    write(path, *rows)
    whole = path.read_bytes()
    path.write_bytes(whole[: min(cut, len(whole))])
    kept = list(read_journal(path).rows.values())
    assert kept == rows[: len(kept)]
    write(path, row("9"))
    assert list(read_journal(path).rows.values()) == [*kept, row("9")]
    for line in path.read_bytes().splitlines():
        json.loads(line)


def test_two_processes_do_not_write_one_journal(tmp_path):
    path = tmp_path / "r.samples.jsonl"
    with Journal(locked(path), read_journal(path), ASKED), pytest.raises(ResultsError, match="another process"):
        locked(path)
    locked(path).close()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1}\n', "is no journal"),
        ("[]\n", "is no journal"),
        ("no json\n", ":1: not JSON"),
        ('{"kind": "longthought-evaluation-samples", "format": 2, "contents": {}}\n', "format 2"),
        (
            '{"kind": "longthought-evaluation-samples", "format": 1, "contents": {}}\n',
            ":1: does not say what was asked",
        ),
        ('{"kind": "longthought-evaluation-samples", "format": 1}\n', ":1: does not say what was asked"),
        (HEADER + '{"sample": 0}\n', r":2: no sample \(benchmark: Field required"),
        (HEADER + '{"session": "0"}\n', r":2: no sample \(benchmark: "),
        (HEADER + "3\n", ":2: found 3"),
        (HEADER + line(tokens="5"), r":2: no sample \(tokens: "),
        (HEADER + line(surprise=1), r":2: no sample \(surprise: "),
        (HEADER + line() + line(), "sample 0 of problem 0 of sums is there twice"),
        (HEADER + line(status="error") + line() + line(), "is there twice"),
    ],
)
def test_a_file_that_is_no_journal_is_refused_by_name(tmp_path, text, says):
    path = tmp_path / "r.samples.jsonl"
    path.write_text(text)
    with pytest.raises(ResultsError, match=says) as refused:
        read_journal(path)
    assert str(path) in str(refused.value)
    assert path.read_text() == text, "nothing is lost"
