"""One page about several runs and evaluations: what is laid over each other, what differs, where it is written."""

import re
from pathlib import Path

import pytest
import yaml
from page_reader import Page
from synthetic_evaluation import make_evaluations, make_results
from synthetic_run import make_run

from rlhf.evaluation.report import ReportError, build_report, build_reports, find_source
from rlhf.metrics import keys, read_metrics
from rlhf.run_folder import RunFolderError


def other_recipe(run, **changes):
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    for path, value in changes.items():
        section, key = path.split("__")
        recipe[section][key] = value
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return run


@pytest.fixture(scope="module")
def sources(tmp_path_factory):
    root = tmp_path_factory.mktemp("runs")
    a = make_run(root / "short", steps=20, groups=2, detailed=1)
    b = other_recipe(
        make_run(root / "long", steps=50, groups=2, seed=1), learner__learning_rate=0.001, algorithm__name="dapo"
    )
    make_evaluations(a, (0, 20), problems=20, samples=4)
    make_evaluations(b, (0, 25, 50), problems=20, samples=4)
    return [a, b, make_results(root / "other.json", problems=30, samples=4)]


@pytest.fixture(scope="module")
def page(sources, tmp_path_factory):
    return Page(build_reports(sources, tmp_path_factory.mktemp("out") / "both.html"))


def chart(page, title):
    titles = re.findall(r"<h3>(.*?)</h3>", page.source)
    return page.data("chart-data")[titles.index(title)]


def test_curves_hold_every_runs_steps_under_its_name(page, sources):
    for title, key in (("Reward", keys.REWARD), ("Entropy", keys.ENTROPY)):
        found = chart(page, title)
        assert (found["kind"], found["lo"], found["hi"]) == ("runs", 1.0, 50.0)
        for part, run in zip(found["parts"], sources, strict=False):
            rows = read_metrics(run / "metrics.jsonl")
            (series,) = part["series"]
            assert series["n"] == run.name
            assert part["labels"] == [f"step {row['step']}" for row in rows]
            assert part["x"] == [row["step"] for row in rows]
            assert series["v"] == [float(f"{row[key]:.4g}") for row in rows]


def test_a_panel_of_two_metrics_names_run_and_metric(page):
    parts = chart(page, "Staleness")["parts"]
    assert [s["n"] for part in parts for s in part["series"]] == [
        "short, mean",
        "short, oldest",
        "long, mean",
        "long, oldest",
    ]
    assert "Lines: mean whole, oldest dashed." in page.text


def test_each_run_has_a_colour_of_its_own_and_its_last_value(page, sources):
    rows = [read_metrics(run / "metrics.jsonl") for run in sources[:2]]
    legend = page.source.split("<h3>Gradient norm</h3>")[1].split("</figure>")[0]
    assert re.findall(r'<i class="key (c\d)"></i>(\w+): ([\d.]+)', legend) == [
        ("c1", "short", f"{rows[0][-1][keys.GRAD_NORM]:.3g}"),
        ("c2", "long", f"{rows[1][-1][keys.GRAD_NORM]:.3g}"),
    ]
    assert re.findall(r'class="line (c\d) dash1"', legend) == ["c1", "c2"]


def test_stage_times_are_means_and_drops_are_totals_by_run(page, sources):
    stages = chart(page, "Time per stage")
    assert stages["labels"] == ["short", "long"]
    for index, run in enumerate(sources[:2]):
        rows = read_metrics(run / "metrics.jsonl")
        by_name = {series["n"]: series["v"][index] for series in stages["series"]}
        assert by_name["learn"] == pytest.approx(sum(row["time/learn"] for row in rows) / len(rows), rel=1e-3)
        drops = {series["n"]: series["v"][index] for series in chart(page, "Dropped prompts")["series"]}
        assert drops["stale"] == rows[-1][keys.DROPPED + "stale"]


def test_the_experts_of_each_run_are_shown(page):
    titles = re.findall(r"<h3>(.*?)</h3>", page.source)
    assert [title for title in titles if "Expert" in title] == ["Expert load now: short", "Expert load now: long"]


def test_the_overview_says_what_ran_and_how_it_came_out(page):
    table = page.source.split('id="overview"')[1].split("</table>")[0]
    rows = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in table.split("<tr>")[2:]]
    assert rows[0].startswith("short tiny-moe grpo Finished: 20 of 20 steps in 6:52")
    assert "held-out before 0.155 0.111 to 0.212 held-out after 0.790 0.728 to 0.841 gsm8k avg@4" in rows[0]
    assert rows[0].endswith(" 6.87")
    assert rows[1].startswith("long tiny-moe dapo Finished: 50 of 50 steps")
    assert rows[2].startswith("other HuggingFaceTB/SmolLM2-135M-Instruct – evaluation gsm8k avg@4")
    assert "2 runs and 1 evaluation." in page.text


def test_only_what_differs_between_the_recipes_is_in_the_table(page):
    table = page.source.split('id="differences"')[1].split("</table>")[0]
    rows = [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in table.split("<tr>")[1:]]
    assert rows == [
        "key short long",
        "algorithm.name grpo dapo",
        "learner.learning_rate 0.0003 0.001",
        "trainer.steps 20 50",
    ]


def test_benchmarks_stand_beside_each_other(page):
    parts = chart(page, "gsm8k: pass@k")["parts"]
    assert [part["series"][0]["n"] for part in parts] == ["short", "long", "other"]
    assert [part["series"][0]["n"] for part in chart(page, "gsm8k: by step")["parts"]] == ["short", "long"]
    assert "Not asked alike, so not to be compared without care: problems." in page.text
    lengths = chart(page, "gsm8k: response length")
    assert [sum(series["v"]) for series in lengths["series"]] == pytest.approx([1, 1, 1], abs=0.01)


def test_trajectories_say_of_which_run_they_are(page):
    groups = page.data("trajectory-data")
    assert {group["from"] for group in groups} == {"short", "long", "short, evaluation", "long, evaluation", "other"}
    assert any("details" in s for group in groups if group["from"] == "short" for s in group["samples"])


def test_runs_of_one_name_are_told_apart_and_one_named_twice_is_one(tmp_path):
    runs = [make_run(tmp_path / place / "demo", steps=2, groups=1) for place in ("a", "b")]
    page = Page(build_reports([*runs, runs[0], tmp_path / "a" / ".." / "b" / "demo"], tmp_path / "out.html"))
    assert {group["from"] for group in page.data("trajectory-data")} == {"a/demo", "b/demo"}
    assert "2 runs." in page.text
    assert "Where the recipes differ" not in page.text
    assert "Their recipes are the same but for name and place." in page.text


def test_runs_without_anything_give_a_page(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    page = Page(build_reports([tmp_path / "a", tmp_path / "b"], tmp_path / "out.html"))
    assert "a: metrics.jsonl is not there: no step has ended." in page.text
    assert "b: recipe.yaml is not there: what ran is not known." in page.text


def test_where_the_page_is_written(sources, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert build_reports(sources[:1]) == sources[0] / "report.html" == build_report(sources[0])
    assert build_reports(sources).resolve() == tmp_path / "report.html"
    assert build_reports(sources, tmp_path) == tmp_path / "report.html"
    assert build_reports(sources[:1], tmp_path / "x.html") == tmp_path / "x.html"


@pytest.mark.parametrize(
    ("out", "words"),
    [("recipe.yaml", r"recipe\.yaml: a report is a page"), ("no/where.html", "no such folder .*no; make it first")],
)
def test_a_page_in_a_wrong_place_is_refused(sources, tmp_path, out, words):
    with pytest.raises(ReportError, match=words):
        build_reports(sources, tmp_path / out)


def test_a_source_is_found_by_path_or_by_the_runs_name(sources, tmp_path, monkeypatch):
    run, results = sources[0], sources[2]
    monkeypatch.setenv("LONGTHOUGHT_RUNS", str(run.parent))
    monkeypatch.chdir(tmp_path)
    assert find_source(results) == results
    assert find_source(results.parent) == results.parent
    assert find_source(run) == run
    assert find_source(Path("short")) == run
    with pytest.raises(RunFolderError, match="no run folder is nowhere nor"):
        find_source(Path("nowhere"))


def test_nothing_and_too_many_are_refused(tmp_path):
    with pytest.raises(ReportError, match="a report of nothing"):
        build_reports([], tmp_path)
    runs = [make_run(tmp_path / f"r{i}", steps=1, groups=1) for i in range(9)]
    with pytest.raises(ReportError, match="9 runs on one page: it has colours for 8"):
        build_reports(runs, tmp_path)
    assert build_reports(runs[:8], tmp_path).is_file()
    with pytest.raises(FileNotFoundError, match="nowhere: no such run folder"):
        build_reports([runs[0], tmp_path / "nowhere"], tmp_path)
