import json
import random

import pytest
from synthetic_run import make_group

from rlhf.evaluation.report.plain import TEXT_CHARS
from rlhf.evaluation.report.sample import GROUPS, TOTAL_BYTES, sample_trajectories
from rlhf.evaluation.report.series import spread
from rlhf.shown_samples import SAMPLES_PER_GROUP


def write(folder, step, groups, name="step_{:06}.jsonl"):
    folder.mkdir(exist_ok=True)
    (folder / name.format(step)).write_text("".join(json.dumps(group) + "\n" for group in groups))


def group_of(step, index, statuses, text="text"):
    group = make_group(step, index, text, random.Random(0), samples=len(statuses))
    for sample, status in zip(group["samples"], statuses, strict=True):
        sample["status"] = status
    return group


@pytest.mark.parametrize(
    ("n", "k", "indices"), [(0, 5, []), (3, 5, [0, 1, 2]), (101, 5, [0, 25, 50, 75, 100]), (9, 1, [8])]
)
def test_spread(n, k, indices):
    assert spread(n, k) == indices


def test_steps_are_spread_and_the_counts_are_true(tmp_path):
    for step in range(1, 101):
        write(tmp_path, step, [group_of(step, i, ["correct", "wrong"]) for i in range(9)], name="step_{}.jsonl")
    (tmp_path / "heldout.jsonl").write_text("not ours")
    sample = sample_trajectories(tmp_path)
    steps = [group["step"] for group in sample.groups]
    assert (min(steps), max(steps), len(set(steps)), len(steps)) == (1, 100, 20, GROUPS)
    assert steps == sorted(steps)  # by number, not by name: step_9 before step_10
    assert (sample.samples_shown, sample.steps_shown, sample.total_steps, sample.problems) == (160, 20, 100, [])
    assert "80 prompts with 160 responses from 20 of 100 steps" in sample.sentence
    assert "not the run's accuracy" in sample.sentence


def test_rare_outcomes_are_shown_beside_common_ones(tmp_path):
    for step in range(20):
        common = [group_of(step, i, ["wrong"] * 4) for i in range(80)]
        write(tmp_path, step, [*common, group_of(step, 80, ["correct"] * 4), group_of(step, 81, ["wrong", "correct"])])
    groups = sample_trajectories(tmp_path).groups
    for step in range(20):
        shown = [{s["status"] for s in group["samples"]} for group in groups if group["step"] == step]
        assert sorted(map(sorted, shown)) == [["correct"], ["correct", "wrong"], ["wrong"], ["wrong"]]


def test_the_draw_is_not_the_first_lines_and_is_the_same_each_time(tmp_path):
    for step in range(20):
        write(tmp_path, step, [group_of(step, i, ["wrong"]) for i in range(400)])
    places = [int(group["prompt_id"].split("-")[1]) for group in sample_trajectories(tmp_path).groups]
    assert 120 < sum(places) / len(places) < 280
    assert places == [int(group["prompt_id"].split("-")[1]) for group in sample_trajectories(tmp_path).groups]


def test_a_large_group_keeps_both_outcomes_and_says_how_many_there_were(tmp_path):
    write(tmp_path, 1, [group_of(1, 0, ["wrong"] * 60 + ["correct"] * 2)])
    (group,) = sample_trajectories(tmp_path).groups
    assert [s["status"] for s in group["samples"]] == ["wrong"] * 6 + ["correct"] * 2
    assert (len(group["samples"]), group["of"]) == (SAMPLES_PER_GROUP, 62)


def test_long_texts_are_cut_in_the_middle_and_counted(tmp_path):
    text = "begin" + "x" * 50_000 + "end"
    write(tmp_path, 1, [group_of(1, 0, ["correct", "wrong"], text)])
    sample = sample_trajectories(tmp_path)
    shown = sample.groups[0]["samples"][0]["text"]
    assert shown.startswith("begin")
    assert shown.endswith("end")
    assert "[… 44,008 characters cut …]" in shown
    assert len(shown) < TEXT_CHARS + 50
    assert sample.cut_texts == 2
    assert "2 long texts are cut" in sample.sentence


def test_the_whole_sample_is_bounded(tmp_path):
    for step in range(40):
        write(tmp_path, step, [group_of(step, i, ["correct", "wrong"] * 4, "y" * 20_000) for i in range(6)])
    sample = sample_trajectories(tmp_path)
    assert sample.steps_shown == 20
    assert len(json.dumps(sample.groups)) < 1.1 * TOTAL_BYTES


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ('{"step": 1, "samp', "trajectories/step_1.jsonl:2: not JSON (torn?), left out"),
        ('{"step": 1}', "trajectories/step_1.jsonl:2: no list `samples`, left out"),
        ('{"samples": [1]}', "trajectories/step_1.jsonl:2: no list `samples`, left out"),
        ("[]", "trajectories/step_1.jsonl:2: no list `samples`, left out"),
    ],
)
def test_a_damaged_line_is_told_and_the_others_are_shown(tmp_path, line, problem):
    write(tmp_path, 1, [group_of(1, 0, ["correct"])], name="step_{}.jsonl")
    with (tmp_path / "step_1.jsonl").open("a") as file:
        file.write(line)
    sample = sample_trajectories(tmp_path)
    assert (len(sample.groups), sample.problems) == (1, [problem])


def test_fields_of_other_types_do_not_reach_the_page(tmp_path):
    odd = {
        "text": None,
        "reward": float("nan"),
        "status": ["x"],
        "tokens": "many",
        "versions": "v1",
        "verdicts": [1],
        "extra": "dropped",
    }
    write(tmp_path, 1, [{"step": 1, "samples": [odd]}])
    (group,) = sample_trajectories(tmp_path).groups
    assert group == {
        "step": 1, "prompt_id": "", "prompt": "", "reference": None, "of": 1,
        "samples": [{"text": "None", "reward": None, "status": "['x']", "tokens": None, "truncated": False, "versions": [], "logp_mean": None, "verdicts": {}}],
    }  # fmt: skip


def test_no_folder_is_an_empty_sample(tmp_path):
    assert sample_trajectories(tmp_path / "nowhere").groups == []
