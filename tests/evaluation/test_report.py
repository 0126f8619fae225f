import base64
import hashlib
import json
import re

import pytest
import yaml
from page_reader import Page
from synthetic_run import make_run

from rlhf.evaluation.report import build_report
from rlhf.evaluation.report.build import data_block
from rlhf.metrics import JsonlSink, keys, read_metrics

HOSTILE = "<script>alert(1)</script> </script><img src=x onerror=alert(2)> \u2028 {{7*7}} {% raw %} <!-- &amp; ]]> \ud800 \x00"


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "demo")


@pytest.fixture(scope="module")
def page(run):
    return Page(build_report(run))


def test_the_outcome_is_the_summarys(page):
    assert page.heldout == {"before": "0.155", "after": "0.790"}
    for words in (
        "95%: 0.111 to 0.212", "95%: 0.728 to 0.841", "200 problems, 200 samples; wilson",
        "+0.635 absolute; the 95% intervals do not overlap.", "Finished: 60 of 60 steps in 6:52", "Warm-up: steps 300, seconds 61.5, loss 0.413",
    ):  # fmt: skip
        assert words in page.text


def test_what_ran_is_the_recipes(page):
    for words in (
        "model tiny-moe",
        "algorithm grpo",
        "seed 3",
        "learning rate 0.0003",
        "vllm 0.32.0",
        "command rlhf train recipes/grpo.yaml",
    ):
        assert words in page.text


def chart(page, title):
    titles = re.findall(r"<h3>(.*?)</h3>", page.source)
    return page.data("chart-data")[titles.index(title)]


@pytest.mark.parametrize(
    ("title", "names"),
    [
        ("Reward", {"mean": keys.REWARD}),
        ("Accuracy", {"training": keys.ACCURACY}),
        ("Response length", {"mean": keys.LENGTH}),
        ("Entropy", {"mean": keys.ENTROPY}),
        ("Mismatch", {"mean": keys.MISMATCH_MEAN, "largest": keys.MISMATCH_MAX}),
        ("Mismatch beyond 2×", {"share": keys.MISMATCH_2X}),
        ("KL(μ, π)", {"mean": keys.KL_BEHAVIOUR}),
        ("Staleness", {"mean": keys.STALENESS_MEAN, "oldest": keys.STALENESS_MAX}),
        ("Throughput", {"tokens/s": keys.TOKENS_PER_S}),
    ],
)
def test_curves_hold_the_metrics_of_every_step(page, run, title, names):
    rows = read_metrics(run / "metrics.jsonl")
    found = chart(page, title)
    assert found["labels"] == [f"step {row['step']}" for row in rows]
    for series, (name, key) in zip(found["series"], names.items(), strict=True):
        assert series["n"] == name
        assert series["v"] == [float(f"{row[key]:.4g}") for row in rows]


def test_bars_hold_stages_and_reasons(page, run):
    rows = read_metrics(run / "metrics.jsonl")
    stages = {series["n"]: series["v"] for series in chart(page, "Time per stage")["series"]}
    assert set(stages) == {"rollout", "verify", "learn", "publish", "evaluate"}
    assert stages["learn"][0] == pytest.approx((rows[0]["time/learn"] + rows[1]["time/learn"]) / 2, rel=1e-3)
    drops = {series["n"]: series["v"] for series in chart(page, "Dropped prompts")["series"]}
    for reason, values in drops.items():
        total = rows[-1][keys.DROPPED + reason]
        assert f"{reason} {total}" in page.text
        assert sum(values) * 2 == pytest.approx(total)  # 30 bars of 2 steps


def test_expert_load_is_relative_to_an_even_share(page, run):
    rows = read_metrics(run / "metrics.jsonl")
    found = chart(page, "Expert load by step")
    assert found["rows"][:2] == ["layer 0, expert 0", "layer 0, expert 1"]
    assert (len(found["rows"]), found["labels"][-1]) == (32, "step 60")
    assert found["grid"][8 * 2 + 5][9] == round(rows[9][keys.expert_load(2, 5)] * 8, 2)
    now = chart(page, "Expert load now")["grid"]
    assert now[3][1] == pytest.approx(sum(row[keys.expert_load(3, 1)] for row in rows[-6:]) / 6 * 8, abs=0.006)


def test_many_experts_are_shown_by_their_busiest(tmp_path):
    run = make_run(tmp_path / "wide", steps=3, layers=9, experts=16, groups=1)
    rows = read_metrics(run / "metrics.jsonl")
    found = chart(Page(build_report(run)), "Busiest expert by step")
    assert found["grid"][4][1] == round(max(rows[1][keys.expert_load(4, e)] for e in range(16)) * 16, 2)


def test_trajectories_are_there_with_their_verdicts(page, run):
    groups = page.data("trajectory-data")
    assert [group["step"] for group in groups] == sorted(group["step"] for group in groups)
    assert {groups[0]["step"], groups[-1]["step"]} == {1, 60}
    stored = {}
    for path in (run / "trajectories").iterdir():
        for line in path.read_text().splitlines():
            group = json.loads(line)
            stored[group["prompt_id"]] = group
    for group in groups:
        assert [s["status"] for s in group["samples"]] == [s["status"] for s in stored[group["prompt_id"]]["samples"]]
        assert (
            group["samples"][0]["verdicts"]["math"]["reason"]
            == stored[group["prompt_id"]]["samples"][0]["verdicts"]["math"]["reason"]
        )
    assert (
        f"{len(groups)} prompts with {sum(len(g['samples']) for g in groups)} responses from 20 of 60 steps"
        in page.text
    )


def assert_harmless(page):
    """Nothing but our own elements: hostile text adds none, and nothing is fetched."""
    assert [attrs for attrs, _ in page.scripts] == [
        {"type": "application/json", "id": "chart-data"}, {"type": "application/json", "id": "trajectory-data"}, {}
    ]  # fmt: skip
    assert "img" not in {tag for tag, _ in page.tags}
    for _, attrs in page.tags:
        assert not set(attrs) & {"src", "href", "style", "srcset", "xlink:href"}
        assert not [name for name in attrs if name.startswith("on")]
    assert "http://" not in page.source.replace("\\u", "")
    assert "https://" not in page.source
    assert "@import" not in page.source
    assert "url(" not in page.source


def test_the_page_stands_alone_under_a_strict_policy(page):
    assert_harmless(page)
    (policy,) = (a["content"] for t, a in page.tags if t == "meta" and a.get("http-equiv") == "Content-Security-Policy")
    digest = {
        text: base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for text in (page.scripts[-1][1], page.styles[0])
    }
    script, style = (f"'sha256-{value}'" for value in digest.values())
    assert policy == f"default-src 'none'; script-src {script}; style-src {style}; base-uri 'none'; form-action 'none'"
    assert "prefers-color-scheme: dark" in page.styles[0]
    assert ("meta", {"name": "viewport", "content": "width=device-width, initial-scale=1"}) in page.tags


def test_hostile_text_is_only_ever_text(tmp_path):
    run = make_run(tmp_path / "<script>alert(3)<", steps=2, groups=2, text=HOSTILE)
    recipe = yaml.safe_load((run / "recipe.yaml").read_text())
    recipe["policy"]["model"] = HOSTILE.replace("\ud800", "")
    (run / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    (run / "run.json").write_text(json.dumps({"command": HOSTILE, HOSTILE: HOSTILE, "versions": {HOSTILE: HOSTILE}}))
    sink = JsonlSink(run / "metrics.jsonl", resume_step=1)
    sink.log(2, {keys.DROPPED + HOSTILE.replace("\ud800", ""): 3, keys.TIME + "</script>": 1.0, "</td><script>x": 2.0})
    sink.close()
    with (run / "trajectories" / "step_000002.jsonl").open("a") as file:
        file.write(HOSTILE.replace("\ud800", ""))
    page = Page(build_report(run))
    assert_harmless(page)
    for raw in ("<script>alert", "</script><img", "onerror=alert(2)>", "\u2028 {{7*7}}", "<!-- "):
        assert raw not in page.source.replace("{{7*7}} {% raw %} &lt;!-- ", "")
    texts = {sample["text"] for group in page.data("trajectory-data") for sample in group["samples"]}
    assert texts == {HOSTILE}
    assert "{{7*7}}" in page.text  # shown as it was written, never worked out
    assert "alert(1)" in page.text


@pytest.mark.parametrize("value", ["</script>", "<!--", "\u2028\u2029", "&lt;", {"</script>": ["<b>"]}])
def test_a_data_block_holds_no_character_that_html_reads(value):
    block = str(data_block(value))
    assert not set(block) & set("<>&\u2028\u2029")
    assert json.loads(block) == value


def test_a_thousand_steps_fit_in_five_megabytes(tmp_path):
    run = make_run(tmp_path / "long", steps=1000, groups=3, text="step by step " * 700)
    path = build_report(run)
    assert path.stat().st_size < 5_000_000
    found = chart(Page(path), "Reward")
    rows = read_metrics(run / "metrics.jsonl")
    assert (len(found["labels"]), found["labels"][0], found["labels"][-1]) == (250, "steps 1–4", "steps 997–1000")
    assert found["series"][0]["v"][0] == pytest.approx(sum(row[keys.REWARD] for row in rows[:4]) / 4, rel=1e-3)


@pytest.mark.parametrize(
    ("remove", "words"),
    [
        ("recipe.yaml", "recipe.yaml is not there: what ran is not known."),
        ("metrics.jsonl", "metrics.jsonl is not there: no step has ended."),
        ("summary.json", "summary.json is not there yet: the run has not ended"),
        ("run.json", "Finished: 4 of 60 steps"),
    ],
)
def test_a_run_with_missing_pieces_says_which(tmp_path, remove, words):
    run = make_run(tmp_path / "part", steps=4, of=60, groups=1)
    (run / remove).unlink()
    page = Page(build_report(run))
    assert words in page.text
    assert ("0.790" in page.text) == (remove != "summary.json")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("recipe.yaml", "a: [", "recipe.yaml cannot be read:"),
        ("recipe.yaml", "- 1", "recipe.yaml holds no mapping"),
        ("run.json", "{", "run.json cannot be read:"),
        ("summary.json", '{"steps": 1}', "seconds: Field required"),
        ("metrics.jsonl", '{"step":1}\n{"step"', "The last line of metrics.jsonl is torn"),
        ("metrics.jsonl", 'x\n{"step":1}\n', "metrics.jsonl:1: not a JSON object"),
        ("metrics.jsonl", "", "metrics.jsonl is empty: no step has ended."),
    ],
)
def test_damaged_files_are_told_and_the_rest_is_shown(tmp_path, name, content, words):
    run = make_run(tmp_path / "part", steps=2, groups=1)
    (run / name).write_text(content)
    page = Page(build_report(run))
    assert words in page.text
    assert page.data("trajectory-data")


def test_an_empty_folder_gives_a_page_and_no_folder_an_error(tmp_path):
    page = Page(build_report(tmp_path))
    assert "No held-out accuracy to show." in page.text
    assert "No trajectories were found" in page.text
    with pytest.raises(FileNotFoundError, match=r"nowhere: no such run folder.*rlhf train"):
        build_report(tmp_path / "nowhere")


def test_a_diverged_step_is_marked_and_none_is_a_gap(tmp_path):
    run = tmp_path / "run"
    sink = JsonlSink(run / "metrics.jsonl")
    for step, reward in enumerate([0.1, None, float("nan"), 0.4, float("inf")], start=1):
        sink.log(step, {keys.REWARD: reward})
    sink.close()
    page = Page(build_report(run))
    assert chart(page, "Reward")["series"][0]["v"] == [0.1, None, None, 0.4, None]
    assert "Not finite at 2 steps (red marks)." in page.text
    assert page.source.count('class="bad"') == 2
    assert "Not logged by this run: Accuracy, Response length," in page.text
    assert "last inf" in page.text


def test_a_rebuilt_report_is_the_same(run):
    first = build_report(run).read_bytes()
    assert build_report(run).read_bytes() == first
    assert not (run / "report.html.part").exists()
