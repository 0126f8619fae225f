"""What `rlhf check` prints of an evaluation."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from cluster.on_paper import placed_eval
from rlhf.recipe.plan import render_plan
from rlhf.recipe.plan_eval import render_eval_plan
from rlhf.recipe.sandboxes import sandbox_lines
from tests.recipe.helpers import CPU, GOOD, GOOD_EVAL, GPU, UNKNOWN, load, load_evaluation, small_model


def printed(renderable) -> str:
    console = Console(file=io.StringIO(), width=160, color_system=None)
    console.print(renderable)
    return re.sub(r" +", " ", console.file.getvalue())


def shown(tmp_path, *overrides, devices=CPU, sandboxes=()) -> str:
    loaded = load_evaluation(tmp_path, GOOD_EVAL, overrides, devices)
    return printed(render_eval_plan(loaded, placed_eval(loaded.recipe, loaded.devices), sandboxes))


def test_plan_of_an_evaluation_on_a_cpu(tmp_path):
    text = shown(tmp_path, small_model(tmp_path), "engines.engines=2", "evaluation.errata=[gsm8k-apples]")
    for line in (
        "│ problems │ of the hub, made here, erratum gsm8k-apples │",
        "│ prompt │ the model's chat template, no system prompt │",
        "│ answers │ at most 64 tokens │",
        "│ sampling │ seed 0 │",
        "│ engines │ 2 engines, tensor parallel 1 │",
        "│ results │ results.json in the run's folder │",
        "│ gsm8k │ all │ 1 │ 0 (greedy) │ math │ │",
        "│ reasoning_gym:chain_sum │ 20 │ 1 │ 0 (greedy) │ logic │ │",
        "│ 0 │ engine 0-1, verifier 0 │ engine 8, verifier 2 │ 0 │",
        "│ engine: KV cache │ 1.0 │ 524,288 tokens of 2048 bytes, 1,638 sequences of full length │",
    ):
        assert line in text
    assert "learner" not in text
    assert "warning" not in text


def test_what_is_asked_for_is_told(tmp_path):
    text = shown(
        tmp_path,
        "evaluation.benchmarks=[{name: aime24, limit: 5}, {name: gsm8k, samples: 6}]",
        "evaluation.top_p=0.9",
        "evaluation.thinking_tokens=32",
        "evaluation.template_options={enable_thinking: true}",
        "evaluation.system_prompt=Think.",
        f"evaluation.data_dir={tmp_path}",
        "out=r.json",
    )
    for line in (
        f"│ problems │ of {tmp_path} │",
        "│ prompt │ the model's chat template, enable_thinking True, a system prompt │",
        "│ answers │ at most 32 to think, then at most 64 tokens │",
        "│ sampling │ top_p 0.9, seed 0 │",
        "│ results │ r.json │",
        "│ aime24 │ the first 5 │ 32 │ 0.6 │ math │ 2, 4, 8, 16, 32 │",
        "│ gsm8k │ all │ 6 │ 0.6 │ math │ 2, 4, 6 │",
    ):
        assert line in text


def test_engines_are_spread_over_gpus(tmp_path):
    text = shown(tmp_path, "engines.engines=4", "engines.tensor_parallel=2", devices=GPU)
    assert "│ 0-1 │ 2 engines and 1 verifier each │" in text
    assert shown(tmp_path, devices=UNKNOWN).count("engine 0") == 0


def test_an_unknown_model_leaves_out_its_memory_and_says_so(tmp_path):
    text = shown(tmp_path, "policy.model='[bold]some/model[/nothing]'")
    assert "memory per device" not in text
    assert "warning: " in text
    assert "[bold]some/model[/nothing] is not on this machine yet" in text


def test_sandbox_lines_are_shown_and_only_code_needs_one(tmp_path):
    assert "sandbox of code benchmarks: bwrap: 60 attacks refused" in shown(
        tmp_path, sandboxes=["bwrap: 60 attacks refused"]
    )
    assert sandbox_lines(load_evaluation(tmp_path).recipe) == []
    assert (
        sandbox_lines(load(tmp_path, GOOD, ("evaluation={benchmarks: [gsm8k], max_response_tokens: 9}",)).recipe) == []
    )


@pytest.mark.parametrize("kind", ["eval", "train"])
def test_the_sandbox_of_a_code_benchmark_is_tried(tmp_path, kind):
    benchmarks = "[mbpp, {name: humaneval, config: {sandbox: landlock}}]"
    if kind == "eval":
        recipe = load_evaluation(tmp_path, GOOD_EVAL, (f"evaluation.benchmarks={benchmarks}",)).recipe
    else:
        recipe = load(tmp_path, GOOD, (f"evaluation={{benchmarks: {benchmarks}, max_response_tokens: 9}}",)).recipe
    assert [line.partition(":")[0] for line in sandbox_lines(recipe)] == ["bwrap", "landlock"]


def test_a_training_plan_tells_what_it_evaluates(tmp_path):
    section = "evaluation={benchmarks: [gsm8k, aime24], max_response_tokens: 64, every: 20}"
    text = printed(render_plan(load(tmp_path, GOOD, (section, "trainer.best_metric=eval/aime24/maj")), []))
    assert "│ benchmarks │ gsm8k, aime24, every 20 steps │" in text
    assert "│ best weights │ of the highest eval/aime24/maj │" in text
    text = printed(render_plan(load(tmp_path, GOOD, (section, "evaluation.every=0")), []))
    assert "│ benchmarks │ gsm8k, aime24, before and after │" in text
