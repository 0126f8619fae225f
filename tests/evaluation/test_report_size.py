"""A page is below five megabytes whatever the responses are made of, and however many runs it shows."""

import json
import random
from collections import Counter

import pytest
import yaml
from page_reader import Page
from synthetic_evaluation import make_evaluations, make_results
from synthetic_run import make_group, make_run

from rlhf.evaluation.report import ReportError, build, build_report, build_reports
from rlhf.evaluation.report.page import data_block
from rlhf.evaluation.report.plain import RUNGS, cut, fitting, size
from rlhf.evaluation.report.problems import sample_problems
from rlhf.evaluation.report.sample import sample_trajectories
from rlhf.evaluation.report.sources import load_sources
from rlhf.metrics import JsonlSink, keys

LIMIT = 5_000_000
TEXTS = {
    "cjk": "数学" * 4_000,
    "escapes": '\\"\n‹' * 2_500,
    "html": "<&>" * 2_700,
    "control": "\x00\x1b" * 4_000,
    "surrogates": "\ud800" * 8_000,
    "emoji": "🧮" * 8_000,
}


@pytest.fixture(scope="module")
def run_of(tmp_path_factory):
    """A run of 1,000 steps whose responses are all that text; each text is made once."""
    made = {}

    def of(name):
        if name not in made:
            folder = tmp_path_factory.mktemp(name) / "run"
            make_run(folder, steps=1000, groups=2, text=TEXTS[name], detailed=1, every=50, layers=2)
            options = {"problems": 12, "samples": 8, "answer": TEXTS[name]}
            make_evaluations(folder, (0, 500, 1000), benchmarks=("gsm8k", "math500"), **options)
            made[name] = folder
        return made[name]

    return of


def copies(run, count, folder):
    """So many runs that hold the same."""
    for index in range(count):
        place = folder / f"run{index}"
        place.mkdir()
        for entry in run.iterdir():
            if entry.name != "report.html":
                (place / entry.name).symlink_to(entry)
    return [folder / f"run{index}" for index in range(count)]


@pytest.mark.parametrize(
    ("name", "runs"),
    [
        ("cjk", 1),
        ("cjk", 2),
        ("cjk", 8),
        ("escapes", 1),
        *(pytest.param(name, runs, marks=pytest.mark.full) for name in TEXTS for runs in (1, 2, 8)
          if name != "cjk" and (name, runs) != ("escapes", 1)),
    ],
)  # fmt: skip
def test_a_page_is_bounded_and_shows_something_of_every_run(run_of, tmp_path, name, runs):
    path = build_reports(copies(run_of(name), runs, tmp_path), tmp_path / "out.html")
    assert path.stat().st_size < LIMIT
    groups = Page(path).data("trajectory-data")
    for index in range(runs):
        of = [group for group in groups if group["from"] == f"run{index}"]
        assert len({group["step"] for group in of}) >= 10
        assert all(group["samples"] for group in of)
        evaluated = [group for group in groups if group["from"] == f"run{index}, evaluation"]
        assert len(evaluated) >= 10


def write(folder, step, groups):
    folder.mkdir(exist_ok=True)
    (folder / f"step_{step:06}.jsonl").write_text("".join(json.dumps(group) + "\n" for group in groups))


@pytest.mark.parametrize("name", TEXTS)
@pytest.mark.parametrize("room", [10_000, 500_000])
def test_trajectories_take_no_more_than_their_room(tmp_path, name, room):
    rng = random.Random(0)
    for step in range(5):
        write(tmp_path, step, [make_group(step, i, TEXTS[name], rng, details=i == 0) for i in range(2)])
    sample = sample_trajectories(tmp_path, 40, room)
    assert size(sample.groups) <= room + 2 * len(sample.groups)  # commas and brackets
    assert sample.steps_shown == 5
    assert sample.too_large == 0


def test_a_group_that_fits_nowhere_is_counted_and_the_next_is_shown(tmp_path):
    rng = random.Random(0)
    monster, other = (make_group(1, i, "text", rng, samples=2) for i in range(2))
    for group in (monster, other):
        for one in group["samples"]:
            one["status"] = "wrong"
    for one in monster["samples"]:
        one["reward"] = 10**4_000
    write(tmp_path, 1, [monster, other])
    sample = sample_trajectories(tmp_path, 10, 3_900)
    assert (len(sample.groups), sample.too_large) == (1, 1)
    assert "1 prompts are too large for the page." in sample.sentence


def test_the_most_that_fits_is_taken():
    def make(samples, chars):
        return "x" * (samples * chars)

    for samples, chars in RUNGS:
        made, limit = fitting(make, samples * chars + 2)
        assert (len(made), limit) == (samples * chars, chars)
    assert fitting(make, 10) is None
    assert [a * b for a, b in RUNGS] == sorted((a * b for a, b in RUNGS), reverse=True)


def test_a_long_answer_shortens_its_problem_and_that_is_said(tmp_path):
    path = make_results(tmp_path / "long.json", benchmarks=("gsm8k",), problems=20, samples=8, answer="é" * 5_000)
    (source,) = load_sources([path])
    sample = sample_problems(source.latest, 20, 400_000)
    assert len(sample.groups) == 20
    assert sample.shortened == 20
    assert size(sample.groups) < 400_100
    page = Page(build_reports([path]))
    assert "20 of 20 problems of gsm8k" in page.text
    assert "20 of them are shown with fewer answers or shorter ones" in page.text


def test_the_characters_that_are_cut_are_those_of_the_whole_text(tmp_path):
    path = make_results(tmp_path / "r.json", benchmarks=("gsm8k",), problems=4, samples=1, answer="é" * 100_000)
    (source,) = load_sources([path])
    for room in (2_000_000, 30_000):
        (text,) = {s["text"] for group in sample_problems(source.latest, 4, room).groups for s in group["samples"]}
        shown = text.count("é")
        assert f"[… {100_000 - shown:,} characters cut …]" in text


@pytest.mark.parametrize(
    ("text", "limit", "of", "expected"),
    [
        ("abcdef", 6, 0, "abcdef"),
        ("abcdef", 4, 0, "ab\n[… 2 characters cut …]\nef"),
        ("abcdef", 6, 1_006, "abc\n[… 1,000 characters cut …]\ndef"),
        ("abcdef", 2, 1_006, "a\n[… 1,004 characters cut …]\nf"),
        ("", 0, 0, ""),
    ],
)
def test_cut(text, limit, of, expected):
    assert cut(text, limit, of) == expected


@pytest.mark.parametrize("value", ["数学 🧮", "\ud800 lone \udfff", "\x00\x1b\x7f\ufeff", "é" * 10])
def test_a_data_block_is_utf8_and_gives_the_text_back(value):
    block = str(data_block(value))
    assert json.loads(block.encode("utf-8")) == value
    assert size(value) == len(block.encode("utf-8"))


def test_a_character_of_three_bytes_takes_three_bytes():
    assert size("数" * 100) == 302


def test_a_recipe_and_facts_without_end_are_cut(tmp_path):
    run = make_run(tmp_path / "run", steps=2, groups=1)
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["policy"]["model"] = "&" * 3_000_000
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (run / "run.json").write_text(json.dumps({f"k{i}": "<" * 10_000 for i in range(10_000)}))
    for index in range(2_000):
        (run / "trajectories" / f"step_{index:06}.jsonl").write_text("{")
    path = build_report(run)
    assert path.stat().st_size < LIMIT
    page = Page(path)
    assert "characters cut …]" in page.text
    assert "in run.json" in page.text


def test_metrics_without_end_are_cut_and_drawings_that_are_too_large_are_named(tmp_path):
    run = tmp_path / "run"
    sink = JsonlSink(run / "metrics.jsonl")
    for step in (1, 2):
        named = {f"{keys.DROPPED}{'<' * 500}{i}": i for i in range(3_000)}
        sink.log(step, {f"m{i}": 1.0 for i in range(3_000)} | named)
    sink.close()
    path = build_report(run)
    assert path.stat().st_size < LIMIT
    page = Page(path)
    assert "… and 5600 more, in metrics.jsonl" in page.text
    assert "Too large for the page: the drawing “Dropped prompts”." in page.text


def test_evaluations_without_end_are_thinned(tmp_path):
    run = tmp_path / "run"
    make_evaluations(run, tuple(range(400)), benchmarks=("gsm8k",), problems=2, samples=2)
    (run / "metrics.jsonl").write_text('{"step":1}\n')
    page = Page(build_report(run))
    assert "Of more evaluations than 160, so many, evenly spread." in page.text
    charts = [chart for chart in page.data("chart-data") if chart.get("kind") == "places"]
    labels = charts[-1]["parts"][0]["labels"]
    assert (len(labels), labels[0], labels[-1]) == (160, "step 0", "step 399")


def test_many_experts_of_several_runs_share_cells(tmp_path):
    runs = [make_run(tmp_path / f"r{i}", steps=1, layers=40, experts=160, groups=1) for i in range(3)]
    path = build_reports(runs, tmp_path / "out.html")
    page = Page(path)
    heat = [chart for chart in page.data("chart-data") if chart["kind"] == "heat"]
    assert Counter(len(chart["grid"]) for chart in heat) == {40: 3}
    assert {len(chart["labels"]) for chart in heat} == {80}
    assert heat[0]["labels"][:2] == ["busiest of experts 0–1", "busiest of experts 2–3"]
    row = json.loads((runs[0] / "metrics.jsonl").read_text().splitlines()[0])
    pair = [row[keys.expert_load(0, e)] for e in (2, 3)]
    assert heat[0]["grid"][0][1] == round(160 * max(pair), 2)
    assert "A cell is the busiest of 2 experts." in page.text


def test_a_page_that_is_too_large_without_any_response_is_refused(tmp_path, monkeypatch):
    run = make_run(tmp_path / "run", steps=2, groups=1)
    monkeypatch.setattr(build, "PAGE_BYTES", 10_000)
    with pytest.raises(ReportError, match=r"would take 0\.\d MB without any response; name fewer runs"):
        build_report(run)


@pytest.mark.parametrize("limit", [700_000, 2_000_000])
def test_responses_have_the_room_that_drawings_and_tables_leave(run_of, tmp_path, monkeypatch, limit):
    monkeypatch.setattr(build, "PAGE_BYTES", limit)
    path = build_reports(copies(run_of("cjk"), 1, tmp_path), tmp_path / "out.html")
    assert limit / 2 < path.stat().st_size < limit
    assert {group["from"] for group in Page(path).data("trajectory-data")} == {"run0", "run0, evaluation"}
