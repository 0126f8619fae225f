"""The table: complete, light, consistent with the verifiers; and what `rlhf list benchmarks` says of it."""

import importlib
import re
import subprocess
import sys

import pytest

from rlhf.evaluation.benchmarks import BENCHMARKS, find, names
from rlhf.evaluation.benchmarks.listing import benchmark_lines, detail_lines
from rlhf.recipe.evaluation_schema import BenchmarkConfig
from rlhf.recipe.schema import VerifyConfig
from verifiers.specs import VERIFIERS

HEAVY = ["torch", "transformers", "vllm", "ray", "datasets", "huggingface_hub", "pyarrow", "reasoning_gym"]
SAMPLES = {
    "aime24": 32,
    "aime25": 32,
    "amc23": 32,
    "gpqa_diamond": 8,
    "math500": 4,
    "gsm8k": 1,
    "humaneval": 1,
    "mbpp": 1,
}


def test_what_the_issue_names_is_there():
    wanted = "gsm8k math500 aime24 aime25 amc23 minerva_math olympiadbench beyond_aime gpqa_diamond humaneval mbpp livecodebench"
    assert names() == tuple(wanted.split())
    assert {name: BENCHMARKS[name].samples for name in SAMPLES} == SAMPLES


@pytest.mark.parametrize("name", names())
def test_an_entry_is_complete(name):
    benchmark = BENCHMARKS[name]
    assert benchmark.name == name
    assert benchmark.instruction.count("{question}") == 1
    assert benchmark.summary and benchmark.licence and benchmark.files
    assert benchmark.hub is not None
    assert re.fullmatch(r"[\w.-]+/[\w.-]+", benchmark.hub.id)
    assert benchmark.hub.revision is None or re.fullmatch(r"[0-9a-f]{40}", benchmark.hub.revision)
    module, function = benchmark.reader.split(":")
    assert callable(getattr(importlib.import_module(module), function))
    spec = VERIFIERS[benchmark.verifier]
    assert set(benchmark.config) <= set(spec.options)
    for key, value in benchmark.config.items():
        assert not spec.options[key].choices or value in spec.options[key].choices
    assert BenchmarkConfig(name=name).name == name


def test_errata_names_are_used_once():
    all_names = [key for benchmark in BENCHMARKS.values() for key in benchmark.errata]
    assert len(all_names) == len(set(all_names)) == 4
    assert all(key.startswith(f"{b.name}-") for b in BENCHMARKS.values() for key in b.errata)


def test_code_ends_before_the_pool_kills_it():
    default = VERIFIERS["code"].options["total_s"].default
    limits = [b.config.get("total_s", default) for b in BENCHMARKS.values() if b.verifier == "code"]
    assert len(limits) == 3
    assert max(limits) < VerifyConfig().timeout_s
    assert default == 9, "as the note of livecodebench says"


def test_the_table_imports_nothing_heavy():
    code = f"import sys, rlhf.evaluation.benchmarks.listing; print([m for m in {HEAVY} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout == "[]\n"


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("gsm8", "did you mean gsm8k?"),
        ("MATH-500", "did you mean math500?"),
        ("aime2024", "did you mean aime24?"),
        ("gpqa-diamond", "did you mean gpqa_diamond?"),
        ("live_code_bench", "did you mean livecodebench?"),
        ("zzz", "there are: gsm8k, math500"),
        ("reasoning_gym:", "there are: "),
    ],
)
def test_unknown_names_get_a_suggestion(name, hint):
    with pytest.raises(ValueError, match="no benchmark is named") as caught:
        find(name)
    assert hint in str(caught.value)


def test_the_list_is_a_line_each():
    lines = benchmark_lines()
    assert list(lines) == [*names(), "reasoning_gym:TASK", "your own"]
    assert lines["gsm8k"].endswith("; n 1; openai/gsm8k@740312a; 3 errata")
    assert lines["aime24"].endswith("; n 32; HuggingFaceH4/aime_2024@2fe88a2; 1 erratum")
    assert all("\n" not in line for line in lines.values())


def test_everything_about_one():
    lines = detail_lines("gsm8k")
    assert lines["source"] == "openai/gsm8k, subset main, split test"
    assert lines["revision"] == "740312add88f781978c0658806c59bc2815b9866"
    assert lines["files"].startswith("gsm8k_test.jsonl, gsm8k.jsonl, gsm8k.parquet")
    assert lines["verifier"] == "math (extract: final_answer)"
    assert lines["samples"].startswith("1 of a problem")
    assert "\\\\boxed{}" in lines["instruction"]
    assert lines["licence"] == "MIT"
    assert "is 240: gold 150" in lines["erratum gsm8k-apples"]
    assert detail_lines("livecodebench")["source"].endswith("split test, its file test6.jsonl")
    assert detail_lines("livecodebench")["note"].startswith("its default of 9 s for all tests of an answer is short")
    assert "note" not in lines
    assert detail_lines("gpqa_diamond")["categories"] == "domain"


def test_everything_about_a_puzzle():
    lines = detail_lines("reasoning_gym:chain_sum")
    assert lines["source"] == "made by reasoning-gym's generators"
    assert "revision" not in lines and "files" not in lines
    assert lines["verifier"] == "logic"
