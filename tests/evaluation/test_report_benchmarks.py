"""A report of an evaluation, and of a run that evaluated itself: its tables, its drawings, its problems."""

import json
import re

import pytest
from page_reader import Page
from synthetic_evaluation import make_evaluations, make_results
from synthetic_run import make_run

from rlhf.evaluation.report import build_report, build_reports
from rlhf.evaluation.results import ResultsError, read_results, samples_path


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    return make_results(tmp_path_factory.mktemp("results") / "smol.json", problems=40, samples=4)


@pytest.fixture(scope="module")
def page(results):
    return Page(build_reports([results]))


def chart(page, title):
    titles = re.findall(r"<h3>(.*?)</h3>", page.source)
    return page.data("chart-data")[titles.index(title)]


def edited(results, folder, change):
    """A copy of the results, its JSON changed, with its journal."""
    data = json.loads(results.read_text())
    change(data)
    copy = folder / results.name
    copy.write_text(json.dumps(data))
    samples_path(copy).write_text(samples_path(results).read_text())
    return copy


def test_the_page_is_beside_the_results(results):
    assert build_reports([results]) == results.with_suffix(".html")
    assert build_reports([results.parent]) == results.with_suffix(".html")


def test_what_ran_is_the_models_and_the_settings(page):
    for words in (
        "Evaluation of HuggingFaceTB/SmolLM2-135M-Instruct on 2 benchmarks, in 10:55.", "commit 7e27bd9f95328f0f3b08261d1252705110c806f8",
        "sampling top_p 0.95, top_k 0, min_p 0", "longest answer 512 tokens", "budget of thinking 256 tokens, then </think>",
        "system prompt Think, then answer.", "chat template model (enable_thinking=True)", "stop '<|end|>'", "vllm 0.32.0", "cpus 2",
    ):  # fmt: skip
        assert words in page.text


def test_every_number_has_its_interval_and_its_method(page, results):
    for result in read_results(results).benchmarks:
        assert [m.name for m in result.metrics] == ["avg@4", "pass@1", "pass@2", "pass@4", "maj@4"]
        for metric in result.metrics:
            words = f"{metric.name} t, clustered by problem {metric.value:.3f} {metric.low:.3f} to {metric.high:.3f}"
            assert words in page.text
    average = read_results(results).benchmarks[0].metrics[0]
    assert (
        f"95%: {average.low:.3f} to {average.high:.3f} 40 problems, 160 samples; t, clustered by problem" in page.text
    )


def test_the_table_holds_rates_counts_and_lengths(page, results):
    result = read_results(results).benchmarks[0]
    lengths = result.lengths
    for words in (
        "4 × T 0.6 to 512 tokens, 256 of thinking", "could be read of 94.0%", "limit on tokens 4.0%", "counts as wrong 3", "in no number above 1",
        f"{lengths.median:,.0f} {lengths.p10:,.0f} to {lengths.p90:,.0f}, most {lengths.most:,}", "benchmarks overlap 5:12",
        "problems 40", "openai/gsm8k, main, split test, commit e53f048856ff", "licence MIT", "tolerance=1e-06", "errata gsm8k-errata-1",
    ):  # fmt: skip
        assert words in page.text


def test_pass_at_k_is_drawn_on_a_log2_scale_with_its_band(page, results):
    (part,) = chart(page, "gsm8k: pass@k")["parts"]
    metrics = [m for m in read_results(results).benchmarks[0].metrics if m.name.startswith("pass@")]
    assert part["labels"] == ["pass@1", "pass@2", "pass@4"]
    for series, of in zip(part["series"], ("value", "low", "high"), strict=True):
        assert series["v"] == [float(f"{getattr(m, of):.4g}") for m in metrics]
    first, second, third = part["px"]
    assert second - first == pytest.approx(third - second, abs=0.2)


def test_pass_rates_and_lengths_count_every_problem_and_response(page, results):
    problems = read_results(results).benchmarks[0].problems
    rates = chart(page, "gsm8k: problems by pass rate")
    assert rates["labels"] == ["0 of 4 correct", "1 of 4 correct", "2 of 4 correct", "3 of 4 correct", "4 of 4 correct"]
    assert rates["series"][0]["v"] == [sum(p.statuses.count("correct") == k for p in problems) for k in range(5)]
    lengths = chart(page, "gsm8k: response length")
    right, other = (series["v"] for series in lengths["series"])
    assert (sum(right), sum(right) + sum(other)) == (sum(p.statuses.count("correct") for p in problems), 160)
    bounds = [tuple(map(int, label.removesuffix(" tokens").split("–"))) for label in lengths["labels"]]
    tokens = [n for p in problems for n in p.tokens]
    assert [a + b for a, b in zip(right, other, strict=True)] == [
        sum(low <= n < high for n in tokens) for low, high in bounds
    ]


def test_categories_are_rows_with_problems_and_value(page, results):
    for name, metric in read_results(results).benchmarks[0].categories.items():
        assert f"{name} · 8 · {metric.value:.2f}" in page.text


def test_the_problems_are_drawn_by_how_hard_they_were(page, results):
    groups = page.data("trajectory-data")
    assert len(groups) == 40
    assert "smol: 40 of 80 problems of gsm8k, math500; those that some samples solve" in page.text
    stored = {(result.name, p.id): p for result in read_results(results).benchmarks for p in result.problems}
    kinds = set()
    for group in groups:
        benchmark, _, problem = group["prompt_id"].partition(" ")
        of = stored[benchmark, problem]
        assert (group["prompt"], group["reference"], group["of"]) == (of.question, of.reference, 4)
        assert group["correct"] == of.statuses.count("correct")
        assert [s["status"] for s in group["samples"]] == of.statuses
        assert [s["tokens"] for s in group["samples"]] == of.tokens
        assert [s["verdicts"]["math"]["extracted"] for s in group["samples"]] == of.votes
        kinds.add(0 if group["correct"] == 0 else 2 if group["correct"] == 4 else 1)
    assert kinds == {0, 1, 2}
    assert {s["verdicts"]["math"]["reason"] for g in groups for s in g["samples"] if s["status"] == "correct"} == {""}


def test_a_later_line_of_the_journal_takes_an_earlier_ones_place(results, tmp_path):
    copy = edited(results, tmp_path, lambda data: None)
    with samples_path(copy).open("a") as file:
        for problem in read_results(copy).benchmarks[0].problems:
            file.write(
                json.dumps({"benchmark": "gsm8k", "problem": problem.id, "sample": 0, "response": "judged again"})
                + "\n"
            )
        file.write('{"benchmark": "gsm8k", "prob')
    page = Page(build_reports([copy]))
    texts = {g["samples"][0]["text"] for g in page.data("trajectory-data") if g["prompt_id"].startswith("gsm8k")}
    assert texts == {"judged again"}
    assert "smol.samples.jsonl: 1 lines are torn or damaged and left out." in page.text


def test_results_without_their_journal_show_the_verdicts(results, tmp_path):
    copy = edited(results, tmp_path, lambda data: None)
    samples_path(copy).unlink()
    page = Page(build_reports([copy]))
    assert "smol.json: smol.samples.jsonl is not beside it: no answers to show." in page.text
    sample = page.data("trajectory-data")[0]["samples"][0]
    assert sample["text"] == "[the answer is not in the samples file]"
    assert sample["status"] in {"correct", "wrong", "unparsed", "timeout"}


@pytest.mark.parametrize("name", ["../../secret.jsonl", "/etc/passwd", "..", ""])
def test_a_journal_elsewhere_is_not_read(results, tmp_path, name):
    (tmp_path / "secret.jsonl").write_text(
        '{"benchmark": "gsm8k", "problem": "gsm8k/0", "sample": 0, "response": "secret"}\n'
    )
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    copy = edited(results, inner, lambda data: data.update(samples_file=name))
    page = Page(build_reports([copy]))
    assert "secret" not in json.dumps([group["samples"] for group in page.data("trajectory-data")])
    assert "is not beside it: no answers to show." in page.text


def test_one_sample_a_problem_has_no_curve_over_k(tmp_path):
    path = make_results(tmp_path / "greedy.json", benchmarks=("aime24",), problems=30, samples=1)
    titles = re.findall(r"<h3>(.*?)</h3>", Page(build_reports([path])).source)
    assert titles == ["aime24: categories", "aime24: response length"]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = make_run(tmp_path_factory.mktemp("runs") / "demo", steps=40, groups=2)
    make_evaluations(run, (0, 20, 40), problems=20, samples=16)
    return run


def test_what_a_run_evaluated_is_shown_by_step_and_at_last(run):
    page = Page(build_report(run))
    evaluations = [read_results(run / "evaluations" / f"step_{step:06}.json") for step in (0, 20, 40)]
    averages = [results.benchmark("gsm8k").metrics[0] for results in evaluations]
    (part,) = chart(page, "gsm8k: by step")["parts"]
    assert part["labels"] == ["step 0", "step 20", "step 40"]
    assert [s["v"] for s in part["series"]] == [
        [float(f"{getattr(m, of):.4g}") for m in averages] for of in ("value", "low", "high")
    ]
    assert "demo step 40" in page.text
    assert f"avg@16 t, clustered by problem {averages[-1].value:.3f}" in page.text
    assert chart(page, "gsm8k: problems by pass rate")["labels"][:3] == ["none", "0–10%", "10–20%"]
    assert page.heldout == {"before": "0.155", "after": "0.790"}
    froms = {group["from"] for group in page.data("trajectory-data")}
    assert froms == {"demo", "demo, evaluation"}
    assert {group["step"] for group in page.data("trajectory-data") if group["from"] != "demo"} == {40}


def test_a_benchmark_that_was_left_out_of_the_last_evaluation_is_shown_as_it_was(tmp_path):
    run = make_run(tmp_path / "demo", steps=4, groups=1)
    make_results(run / "evaluations" / "step_000002.json", benchmarks=("aime24",), step=2, problems=10)
    make_results(run / "evaluations" / "step_000004.json", benchmarks=("gsm8k",), step=4, problems=10)
    page = Page(build_report(run))
    assert [a["data-benchmark"] for _, a in page.tags if "data-benchmark" in a] == ["aime24", "gsm8k"]
    assert "demo step 2" in page.text


def test_a_number_outside_its_interval_is_refused(results, tmp_path):
    def change(data):
        data["benchmarks"][1]["metrics"][0]["value"] = 1.5

    with pytest.raises(ResultsError, match=r"smol\.json: .*(1\.5|avg@4)"):
        build_reports([edited(results, tmp_path, change)])


def test_a_damaged_evaluation_of_a_run_is_told_and_one_that_is_named_is_refused(tmp_path):
    run = make_run(tmp_path / "demo", steps=4, groups=1)
    make_evaluations(run, (0, 4), problems=10, samples=2)
    damaged = run / "evaluations" / "step_000002.json"
    damaged.write_text('{"kind": "longthought-evaluation", "format": 99}')
    page = Page(build_report(run))
    assert "An evaluation cannot be read:" in page.text
    assert "format 99; this version reads 1" in page.text
    assert len(chart(page, "gsm8k: by step")["parts"][0]["labels"]) == 2
    with pytest.raises(ResultsError, match="format 99"):
        build_reports([damaged])


def test_a_thousand_steps_with_everything_fit_in_five_megabytes(tmp_path):
    text = "Let x = 3 < 4 & y > 2; 数学 so that step by step we get there. " * 120
    run = make_run(tmp_path / "long", steps=1000, groups=2, samples=16, text=text, detailed=1, every=50)
    long = "So x < y & y > z. " * 300
    make_evaluations(
        run, tuple(range(0, 1001, 100)), benchmarks=("gsm8k", "math500", "aime24"), problems=30, samples=16, answer=long
    )
    path = build_report(run)
    assert path.stat().st_size < 5_000_000
    page = Page(path)
    assert len(chart(page, "gsm8k: by step")["parts"][0]["labels"]) == 11
    groups = page.data("trajectory-data")
    assert len({group["step"] for group in groups if group["from"] == "long"}) == 20
    assert sum("details" in s for group in groups for s in group["samples"]) >= 20
    assert {group["prompt_id"].split()[0] for group in groups if group["from"] != "long"} == {
        "gsm8k",
        "math500",
        "aime24",
    }
