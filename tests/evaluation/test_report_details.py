"""Token details on the page: put together, cut, refused where they have not the form; and where they come first."""

import json
import random

import pytest
from synthetic_run import make_group

from rlhf.evaluation.report.details import page_details
from rlhf.evaluation.report.plain import in_turn, size
from rlhf.evaluation.report.sample import sample_trajectories
from rlhf.shown_samples import both_outcomes

RAW = {
    "texts": ["a", " b", "c"],
    "logp": [-0.1, -0.004, -2.5],
    "versions": [[7, 2], [8, 1]],
    "advantage": 0.5,
    "gap": None,
}


def test_the_pages_form():
    details, whole = page_details(RAW, "a bc", 100)
    assert details == {"t": ["a", " b", "c"], "p": [-10, 0, -250], "v": [[7, 2], [8, 1]], "a": 0.5}
    assert whole


def test_tokens_that_are_not_the_text_are_said_not_to_be():
    assert page_details(RAW, "a b c", 100)[1] is False


def test_a_character_of_several_tokens_is_one_text_with_their_log_probability():
    raw = {
        **RAW, "texts": ["", "", "数", "x", ""], "logp": [-0.5, -0.25, None, -0.01, -0.02], "versions": [[7, 5]],
        "advantage": [0.1, 0.2, 0.3, 0.4, 0.5],
    }  # fmt: skip
    details, whole = page_details(raw, "数x", 100)
    assert details == {"t": ["数", "x", ""], "p": [-75, -1, -2], "v": [[7, 3]], "a": [0.3, 0.4, 0.5]}
    assert whole


def test_a_long_response_keeps_its_ends_and_says_what_is_left_out():
    raw = {"texts": ["xx"] * 100, "logp": [-1.0] * 100, "versions": [[1, 60], [2, 40]], "advantage": None, "gap": None}
    details, whole = page_details(raw, "xx" * 100, 20)
    assert details["t"] == ["xx"] * 5 + ["\n[… 90 tokens left out …]\n"] + ["xx"] * 5
    assert details["p"] == [-100] * 5 + [None] + [-100] * 5
    assert details["v"] == [[1, 5], [None, 1], [2, 5]]
    assert details["a"] is None
    assert whole


def test_the_gap_of_the_file_is_said():
    raw = {**RAW, "gap": [2, 40]}
    details, whole = page_details(raw, "a b and much more c", 100)
    assert details["t"] == ["a", " b", "\n[… 40 tokens left out …]\n", "c"]
    assert whole
    assert page_details(raw, "a b and much more d", 100)[1] is False


@pytest.mark.parametrize(
    "damage",
    [
        {"texts": "abc"}, {"logp": [-1.0]}, {"versions": [[7]]}, {"versions": [["7", 3]]}, {"versions": [[7, 1]]}, {"texts": []},
        {"advantage": [0.1]}, {"versions": 7}, {"logp": None},
    ],
)  # fmt: skip
def test_what_has_not_the_form_is_left_out(damage):
    assert page_details({**RAW, **damage}, "a bc", 100) == (None, False)


@pytest.mark.parametrize("raw", [None, [], "x", 7, {}])
def test_what_is_no_record_is_left_out(raw):
    assert page_details(raw, "", 100) == (None, False)


def test_odd_values_do_not_reach_the_page():
    raw = {
        "texts": [1, None, "c"],
        "logp": [float("inf"), "x", -1],
        "versions": [[7, 10**12]],
        "advantage": "much",
        "gap": [99, "x"],
    }
    details, _ = page_details(raw, "", 100)
    assert details == {"t": ["1", "None", "c"], "p": [None, None, -100], "v": [[7, 3]], "a": None}


@pytest.mark.parametrize(
    ("correct", "most", "kept"),
    [([True, False], 8, [0, 1]), ([False] * 6 + [True], 4, [0, 1, 2, 6]), ([True] * 9, 3, [0, 1, 2]), ([True, False] * 4, 4, [0, 1, 2, 3])],
)  # fmt: skip
def test_both_outcomes_are_kept(correct, most, kept):
    assert both_outcomes(correct, most) == kept


def test_outcomes_in_turn():
    assert in_turn([False, False, True, False, True]) == [2, 0, 4, 1, 3]
    assert in_turn([]) == []


def write(folder, step, groups):
    folder.mkdir(exist_ok=True)
    (folder / f"step_{step:06}.jsonl").write_text("".join(json.dumps(group) + "\n" for group in groups))


def test_prompts_with_token_data_come_first_and_their_text_is_that_of_the_tokens(tmp_path):
    rng = random.Random(0)
    for step in range(1, 31):
        groups = [make_group(step, i, "one two, three.", rng, samples=4, details=i == 70) for i in range(80)]
        write(tmp_path, step, groups)
    sample = sample_trajectories(tmp_path)
    detailed = [group for group in sample.groups if any("details" in s for s in group["samples"])]
    assert [group["prompt_id"].split("-")[1] for group in detailed] == ["70"] * 20
    assert sample.detailed == 80
    assert "80 responses carry token data; prompts that have them come first" in sample.sentence
    for group in detailed:
        for shown in group["samples"]:
            assert "text" not in shown
            assert "".join(shown["details"]["t"]) == "one two, three."
    assert sum("text" in s for group in sample.groups for s in group["samples"]) == 240


def test_tokens_take_at_most_their_share_and_both_outcomes_have_some(tmp_path):
    rng = random.Random(0)
    for step in range(1, 21):
        write(tmp_path, step, [make_group(step, i, "word " * 1500, rng, samples=16, details=True) for i in range(4)])
    sample = sample_trajectories(tmp_path)
    assert size(sample.groups) < 2_300_000
    assert 20 <= sample.detailed < sample.samples_shown
    assert len(sample.groups) >= 20
    outcomes = {s["status"] == "correct" for group in sample.groups for s in group["samples"] if "details" in s}
    assert outcomes == {True, False}
