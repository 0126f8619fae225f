"""A results file: read back as it was written; another version, or no results at all, is refused by name."""

import io
import json

import pytest

from rlhf.evaluation.results import Results, ResultsError, read_results, samples_path, write_results
from rlhf.evaluation.run.finish import benchmark_result
from rlhf.evaluation.tables import percent, results_table
from tests.evaluation.run.factories import model, prepared, row, settings


def results(**more):
    statuses = {0: "correct", 1: "wrong", 2: "error"}
    made = prepared()
    rows = [row(str(p), s, statuses[p] if s else "correct") for p in range(3) for s in range(2)]
    given = dict(
        created="2026-11-23T00:00:00+00:00",
        model=model(),
        settings=settings(),
        versions={"python": "3.11"},
        machine={"cpus": 2},
        engines=1,
        seconds=10.0,
        samples_file="r.samples.jsonl",
        benchmarks=[benchmark_result(made, {one.key: one for one in rows}, [])],
    )
    return Results(**given | more)


def spoilt(key, value):
    """The benchmark as written, with a number that no interval has."""
    (benchmark,) = json.loads(results().model_dump_json())["benchmarks"]
    benchmark["metrics"][0][key] = value
    return benchmark


def test_what_is_written_is_read_back(tmp_path):
    path = tmp_path / "r.json"
    write_results(path, results(step=3))
    assert read_results(path) == results(step=3)
    assert samples_path(path) == tmp_path / "r.samples.jsonl"
    assert [p.name for p in tmp_path.iterdir()] == ["r.json"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"format": 2}, "format 2; this version reads 1"),
        ({"format": None}, "format None"),
        ({"kind": "other"}, "holds no results"),
        ({"engines": "one"}, "engines: "),
        ({"surprise": 1}, "surprise: "),
        ({"benchmarks": [spoilt("low", 0.9)]}, "benchmarks.0.metrics.0: "),
        ({"benchmarks": [spoilt("high", 1.5)]}, "benchmarks.0.metrics.0: "),
    ],
)
def test_a_file_of_another_version_or_kind_is_refused(tmp_path, change, says):
    path = tmp_path / "r.json"
    path.write_text(json.dumps(json.loads(results().model_dump_json()) | change))
    with pytest.raises(ResultsError) as refused:
        read_results(path)
    assert str(refused.value).startswith(f"{path}: ")
    assert says in str(refused.value)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("text", ["", "[]", "{", '"a"', "\x80", "[" * 100_000])
def test_what_is_no_results_is_refused(tmp_path, text):
    path = tmp_path / "r.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(ResultsError, match=r"r\.json: "):
        read_results(path)
    with pytest.raises(ResultsError, match="no such file"):
        read_results(tmp_path / "nowhere.json")


def shown(what):
    from rich.console import Console

    console = Console(width=100, record=True, file=io.StringIO())
    console.print(results_table(what))
    return console.export_text()


def test_the_table_shows_every_number_with_its_interval_and_what_counts_nowhere():
    text = shown(results())
    for part in ("avg@2", "pass@2", "maj@2", "83.3", "3 problems, 2 samples each (temperature 0.6)"):
        assert part in text
    assert "1 samples without a verdict, counted nowhere" in text


def test_hostile_names_do_not_reach_the_terminal():
    hostile = "\x1b[31m[red]x[/red]\x07"
    text = shown(results(model=model(asked=hostile)))
    assert "\x1b" not in text
    assert "[red]x[/red]" in text, "rich's markup is shown, not obeyed"


@pytest.mark.parametrize(
    ("fraction", "text"),
    [(0.0, "0.0"), (1.0, "100.0"), (0.5, "50.0"), (0.0001, "<0.1"), (0.99999, ">99.9"), (0.0005, "0.1")],
)
def test_what_is_not_quite_none_or_all_does_not_look_like_it(fraction, text):
    assert percent(fraction) == text
