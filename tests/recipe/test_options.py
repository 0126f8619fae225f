"""`rlhf eval`'s options: a fault names the option, not a key of a recipe that nobody wrote."""

from __future__ import annotations

import json

import pytest

from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.options import OPTIONS, eval_from_options, in_options, option_of
from rlhf.recipe.problems import RecipeError, every_key
from tests.recipe.helpers import CPU

KEYS = [
    ("policy.model", ("MODEL", "")),
    ("evaluation.samples", ("--samples", "")),
    ("evaluation.pass_at.1", ("--pass-at", "")),
    ("evaluation.benchmarks", ("--benchmark", "")),
    ("evaluation.benchmarks.2", ("--benchmark", "")),
    ("evaluation.benchmarks.2.name", ("--benchmark", "name")),
    ("evaluation.benchmarks.0.limit", ("--limit", "")),
    ("evaluation.benchmarks.0.task_config.seed", ("--benchmark", "task_config.seed")),
    ("evaluation.template_options.x", ("--template-options", "x")),
    ("engines.tensor_parallel", ("--tensor-parallel", "")),
    ("verify.timeout_s", (None, "verify.timeout_s")),
    ("run.root", (None, "run.root")),
    ("out", ("--out", "")),
]


@pytest.mark.parametrize(("key", "expected"), KEYS)
def test_a_key_is_the_option_of_the_nearest_above_it(key, expected):
    assert option_of(key) == expected


MESSAGES = [
    ("write evaluation.samples: 4", "write --samples 4"),
    ("or evaluation.samples: 1.", "or --samples 1."),
    ("write evaluation.thinking_tokens too", "write --thinking-tokens too"),
    ("evaluation.max_response_tokens and evaluation.thinking_tokens may take 80", "--max-tokens and --thinking-tokens may take 80"),
    ("found 64: with evaluation.thinking_tokens 9 that is 73", "found 64: with --thinking-tokens 9 that is 73"),
    ("gsm8k is evaluation.benchmarks.0 too", "gsm8k is --benchmark too"),
    ("write evaluation.benchmarks.0.samples: 4", "write samples: 4"),
    ("raise it, or engines.tensor_parallel", "raise it, or --tensor-parallel"),
    ("write policy.modell: x", "write policy.modell: x"),
    ("a smaller evaluation.benchmarks.0.config.total_s", "a smaller config.total_s"),
    ("the evaluation has engines", "the evaluation has engines"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), MESSAGES)
def test_a_message_speaks_of_options(text, expected):
    assert in_options(text) == expected


def test_every_option_is_a_key_of_the_recipe():
    known = {".".join(part for part in key.split(".") if not part.isdecimal()) for key in every_key(EvalRecipe)}
    assert set(OPTIONS) <= known
    assert len(set(OPTIONS.values())) == len(OPTIONS)


GOOD = {
    "policy": {"model": "tiny-moe", "dtype": "float32"},
    "evaluation": {"benchmarks": ["gsm8k", {"name": "math500", "limit": 20}], "max_response_tokens": 64},
}


def changed(section, **values):
    return {**GOOD, section: {**GOOD.get(section, {}), **values}}


def test_good_options_are_a_recipe():
    loaded = eval_from_options(changed("evaluation", samples=4, pass_at=[1, 4]), CPU)
    assert loaded.warnings == ()
    assert [(e.name, e.limit) for e in loaded.recipe.evaluation.benchmarks] == [("gsm8k", None), ("math500", 20)]
    assert loaded.recipe.evaluation.samples == 4


BAD = [
    (("evaluation", {"samples": 0}), "--samples: found 0; write a number above 0"),
    (("evaluation", {"top_p": 2.0}), "--top-p: found 2.0; write a number of at most 1"),
    (("evaluation", {"samples": 4, "temperature": 0.0}), "--temperature: found 0, and 4 samples of a problem of gsm8k, which would all be the same; write a temperature, e.g. 0.6, or --samples 1"),
    (("evaluation", {"pass_at": [8]}), "--pass-at: found 8, more than the 1 samples of a problem of gsm8k; write at most 1, or --samples 8"),
    (("evaluation", {"benchmarks": ["gsm8k", "gsm9k"]}), "--benchmark: no benchmark is named 'gsm9k'; did you mean gsm8k?"),
    (("evaluation", {"benchmarks": ["gsm8k", "gsm8k"]}), "--benchmark: gsm8k is --benchmark too, and results go by name; remove one, or merge them"),
    (("evaluation", {"benchmarks": [{"name": "gsm8k", "limit": 0}]}), "--limit: found 0; write a number above 0"),
    (("evaluation", {"benchmarks": [{"name": "x", "file": "x.jsonl"}]}), "--benchmark: file: no file x.jsonl as seen from"),
    (("evaluation", {"data_dir": "nowhere"}), "--data-dir: no folder nowhere as seen from"),
    (("evaluation", {"chat_template": "x.jinja"}), "--chat-template: found 'x.jinja', and there is no such file"),
    (("evaluation", {"errata": ["x"]}), "--errata: no benchmark named here has the erratum 'x'"),
    (("evaluation", {"max_response_tokens": 2048}), "--max-tokens: found 2048, and tiny-moe holds 2048, the prompt included; write at most 1792"),
    (("evaluation", {"thinking_tokens": 2000}), "--max-tokens: found 64: with --thinking-tokens 2000 that is 2064 tokens, and tiny-moe holds 2048, the prompt included; write less, or fewer --thinking-tokens"),
    (("engines", {"engines": 9}), "--engines: found 9 engines x 1 tensor_parallel on 8 cores; write at most 8 engines"),
    (("policy", {"revision": "main"}), "--revision: tiny-moe is built in and has no revisions; remove the key"),
    (("policy", {"dtype": "float16"}), "--dtype: found 'float16'; write float32 or bfloat16; did you mean bfloat16?"),
    (("out", "/tmp"), "--out: found '/tmp', a folder; write a file, e.g. results.json"),
]  # fmt: skip


@pytest.mark.parametrize(("change", "message"), BAD, ids=[b[1][:60] for b in BAD])
def test_a_fault_names_its_option(change, message):
    section, values = change
    data = changed(section, **values) if isinstance(values, dict) else {**GOOD, section: values}
    with pytest.raises(RecipeError) as refusal:
        eval_from_options(json.loads(json.dumps(data)), CPU)
    assert str(refusal.value).startswith(message)


def test_every_fault_is_told_at_once():
    with pytest.raises(RecipeError) as refusal:
        eval_from_options(changed("evaluation", samples=0, seed=-1), CPU)
    assert [str(p) for p in refusal.value.problems] == [
        "--samples: found 0; write a number above 0",
        "--seed: found -1; write a number of at least 0",
    ]
