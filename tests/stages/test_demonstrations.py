"""Demonstrations: every trace is right, styles come in the asked share, bad settings and lines are named."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import reasoning_gym
from hypothesis import given
from hypothesis import strategies as st

from rlhf.recipe.load import load_recipe
from rlhf.stages.demonstrations import (
    DEMONSTRATIONS,
    Demonstration,
    DemonstrationError,
    make_demonstrations,
    read_demonstrations,
    rewritten,
    trace,
    without_heldout,
)

DEMO = Path(__file__).parents[2] / "recipes" / "grpo.yaml"
SUMS = {
    "min_terms": 4,
    "max_terms": 6,
    "min_digits": 1,
    "max_digits": 1,
    "operators": ["+"],
    "allow_parentheses": False,
}
RESPONSE = re.compile(r"<think>(?P<thought>[^<]*)</think>\\boxed\{(?P<answer>-?\d+)\}")
LINE = re.compile(r"(-?\d+)([+-])(-?\d+)=(-?\d+)")


def make(size: int, seed: int = 0, **config: Any) -> list[Demonstration]:
    return list(make_demonstrations("running_totals", config, size, seed))


def parsed(demonstration: Demonstration) -> tuple[str, int]:
    match = RESPONSE.fullmatch(demonstration.response_text)
    assert match, demonstration.response_text
    return match["thought"], int(match["answer"])


@pytest.mark.parametrize(
    ("task", "task_config"),
    [
        ("basic_arithmetic", SUMS),
        ("basic_arithmetic", {**SUMS, "operators": ["+", "-"], "max_digits": 3}),
        ("chain_sum", {"min_terms": 2, "max_terms": 5, "max_digits": 2, "allow_negation": True}),
    ],
)
def test_every_trace_is_right_and_ends_in_the_entry_s_answer(task: str, task_config: dict[str, Any]) -> None:
    made = make(200, seed=5, task=task, task_config=task_config, step_by_step=1.0)
    rows = reasoning_gym.create_dataset(task, size=200, seed=10**9 + 5 * 10**7, **task_config)
    assert len(made) == 200
    for demonstration, row in zip(made, rows, strict=True):
        assert demonstration.prompt_text == row["question"]
        thought, answer = parsed(demonstration)
        assert thought.endswith("\n")
        lines = [LINE.fullmatch(line) for line in thought.splitlines()]
        assert all(lines)
        assert len(lines) == row["metadata"]["num_terms"] - 1
        steps = [(int(m[1]), m[2], int(m[3]), int(m[4])) for m in lines if m]
        for left, sign, term, total in steps:
            assert total == (left + term if sign == "+" else left - term)
        assert all(before[3] == after[0] for before, after in pairwise(steps))
        assert steps[-1][3] == answer == int(row["answer"])
        worked = " ".join([str(steps[0][0]), *(f"{sign} {term}" for _, sign, term, _ in steps)])
        assert worked == row["metadata"]["expression"]


def test_guesses_hold_no_work_but_the_right_answer() -> None:
    made = make(50, task_config=SUMS, step_by_step=0.0)
    rows = reasoning_gym.create_dataset("basic_arithmetic", size=50, seed=10**9, **SUMS)
    assert [parsed(d) for d in made] == [("guess", int(row["answer"])) for row in rows]


def test_styles_come_in_the_asked_share() -> None:
    thinking = sum(parsed(d)[0] != "guess" for d in make(2000, task_config=SUMS, step_by_step=0.3))
    assert 540 <= thinking <= 660  # 600 expected, 20.5 the standard deviation


def test_seeds_give_the_same_again_and_share_no_rows() -> None:
    assert make(100, seed=1, task_config=SUMS) == make(100, seed=1, task_config=SUMS)
    six = {**SUMS, "min_terms": 6}
    prompts = [{d.prompt_text for d in make(300, seed=seed, task_config=six)} for seed in (0, 1)]
    assert len(prompts[0] & prompts[1]) < 5


@pytest.mark.parametrize(
    ("expression", "lines", "total"),
    [
        ("3 + 8 - 9", ["3+8=11", "11-9=2"], 2),
        ("0 - 7 - 10", ["0-7=-7", "-7-10=-17"], -17),
        ("4 - -2", ["4--2=6"], 6),
        ("5", [], 5),
    ],
)
def test_trace(expression: str, lines: list[str], total: int) -> None:
    assert trace(expression) == (lines, total)


@pytest.mark.parametrize("expression", ["3 * 4", "3 +", "( 3 + 4 )", "3 + x", "3 + 4.5", "3+4"])
def test_trace_refuses(expression: str) -> None:
    with pytest.raises(
        DemonstrationError, match=re.escape(f"{expression!r} cannot be worked term by term; set operators")
    ):
        trace(expression)


@given(st.integers(-99, 99), st.lists(st.tuples(st.sampled_from("+-"), st.integers(-99, 99)), max_size=8))
def test_trace_agrees_with_the_sum(first: int, rest: list[tuple[str, int]]) -> None:
    lines, total = trace(" ".join([str(first), *(f"{sign} {term}" for sign, term in rest)]))
    assert total == first + sum(term if sign == "+" else -term for sign, term in rest)
    assert len(lines) == len(rest)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"step_by_step": 1.5}, "warmup.config.step_by_step: .*less than or equal to 1; found 1.5"),
        ({"step_by_step": "0.5"}, "warmup.config.step_by_step: .*valid number; found '0.5'"),
        ({"styel": 1}, "warmup.config.styel: Extra inputs are not permitted; found 1"),
        ({"task": "sudoku"}, "warmup.config.task: .*'basic_arithmetic' or 'chain_sum'; found 'sudoku'"),
        ({"task_config": {"min_term": 2}}, "warmup.config.task_config: task basic_arithmetic does not take .*min_term"),
        ({"task_config": {"min_terms": 0}}, "warmup.config.task_config: .*min_terms must be positive"),
    ],
)
def test_a_bad_setting_is_named_at_once(config: dict[str, Any], message: str) -> None:
    with pytest.raises(DemonstrationError, match=message):
        make_demonstrations("running_totals", config, 10, 0)


def test_expressions_it_cannot_work_are_named() -> None:
    with pytest.raises(DemonstrationError, match=r"warmup\.config\.task_config: .* cannot be worked term by term"):
        make(50, task_config={"operators": ["*"], "allow_parentheses": False})


def test_unknown_name_lists_the_known() -> None:
    assert "running_totals" in DEMONSTRATIONS
    with pytest.raises(DemonstrationError, match="found 'runing_totals'; write running_totals, reductions, or a file"):
        make_demonstrations("runing_totals", {}, 10, 0)


def test_jsonl(tmp_path: Path) -> None:
    path = tmp_path / "d.jsonl"
    path.write_text('{"prompt": "a", "response": "b"}\n\n{"prompt": "ü", "response": "x\\ny", "more": 1}\n')
    expected = [Demonstration("a", "b"), Demonstration("ü", "x\ny")]
    assert list(read_demonstrations(path)) == expected
    assert list(make_demonstrations(str(path), {}, 1, 0)) == expected[:1]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b"{oops", "not a JSON object in UTF-8"),
        (b'{"prompt": "\xff", "response": "b"}', "not a JSON object in UTF-8"),
        (b'["a", "b"]', 'found a list; write {"prompt"'),
        (b'{"prompt": "a"}', "response: found only prompt; write a text"),
        (b'{"prompt": "a", "response": 3}', "response: found 3; write a text"),
        (b'{"prompt": " ", "response": "b"}', "prompt: found ' '; write a text"),
        (rb'{"prompt": "a", "response": "b\ud800"}', "response: character 2 is U+D800, half of a surrogate pair"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, line: bytes, message: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_bytes(b'{"prompt": "a", "response": "b"}\n\n' + line + b"\n")
    with pytest.raises(DemonstrationError, match=re.escape(f"{path}:3: {message}")):
        list(read_demonstrations(path))


def test_a_missing_file_is_named_at_once(tmp_path: Path) -> None:
    with pytest.raises(DemonstrationError, match=r"no file .*gone\.jsonl"):
        make_demonstrations(str(tmp_path / "gone.jsonl"), {}, 10, 0)


def test_a_file_takes_no_settings(tmp_path: Path) -> None:
    with pytest.raises(DemonstrationError, match=r"warmup.config: .* takes no settings; found task"):
        make_demonstrations(str(tmp_path / "d.jsonl"), {"task": "chain_sum"}, 10, 0)


def test_heldout_prompts_are_left_out_and_counted() -> None:
    made = [Demonstration("Calculate 1 + 2.", "3"), Demonstration("Calculate 1 + 3.", "4")]
    assert without_heldout(made, ["calculate  1 + 2"]) == ([made[1]], 1)
    assert without_heldout(made, []) == (made, 0)


def test_the_demo_s_recipe_makes_demonstrations_of_its_own_prompts() -> None:
    recipe = load_recipe(DEMO)
    warmup = recipe.warmup
    assert warmup is not None
    assert warmup.config["task"] == recipe.data.train.task == recipe.data.heldout.task
    assert warmup.config["task_config"] == recipe.data.train.task_config == recipe.data.heldout.task_config
    made = list(make_demonstrations(warmup.demonstrations, warmup.config, 20, recipe.run.seed))
    assert all(re.fullmatch(r"Calculate \d+( \+ \d+){3,5}\.", d.prompt_text) for d in made)


@pytest.mark.parametrize(
    ("expression", "lines", "total"),
    [
        ("3 + 8 - 9", ["3+8-9", "11-9", "2"], 2),
        ("7", ["7"], 7),
        ("2 - 5 + 1", ["2-5+1", "-3+1", "-2"], -2),
        ("10 + 10 + 10 + 10", ["10+10+10+10", "20+10+10", "30+10", "40"], 40),
    ],
)
def test_rewritten(expression: str, lines: list[str], total: int) -> None:
    assert rewritten(expression) == (lines, total)


def test_reductions_end_in_the_answer_that_the_task_wants() -> None:
    config = {
        "task": "chain_sum",
        "task_config": {"min_terms": 9, "max_terms": 12, "max_digits": 1},
        "step_by_step": 0.8,
    }
    made = list(make_demonstrations("reductions", config, 50, seed=3))
    worked = [d for d in made if "guess" not in d.response_text]
    assert 30 < len(worked) < 50
    for demonstration in worked:
        thought, answer = demonstration.response_text.removeprefix("<think>").split("</think>")
        *lines, last = thought.split()
        assert answer == f"\\boxed{{{last}}}"
        assert all(trace(re.sub(r"(?<=\d)([+-])", r" \1 ", line))[1] == int(last) for line in lines)
        assert "".join(lines[0].split()) in demonstration.prompt_text.replace(" ", "")
