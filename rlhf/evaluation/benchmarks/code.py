"""Programs, run against tests in the sandbox.

All tests of an answer together have `total_s` (9 s, below `verify.timeout_s`); the benchmarks' own harnesses bound each
test alone, so an answer that is right and slow may be a `timeout` here: raise both where that matters, as
recipes/eval/science_and_code.yaml does for LiveCodeBench.
"""

from __future__ import annotations

from rlhf.evaluation.benchmarks.spec import Benchmark, Hub

_READERS = "rlhf.evaluation.benchmarks.readers.code"

HUMANEVAL = Benchmark(
    "humaneval",
    "164 Python functions from their docstrings (Chen et al. 2021)",
    "code",
    # Ten projects name the commit, three with the path of its parquet file.
    hub=Hub("openai/openai_humaneval", None, "test", "7dce6050a7d6d172f3cc5c32aa97f52fa1a2e544"),
    files=("HumanEval.jsonl.gz", "HumanEval.jsonl", "humaneval.jsonl", "humaneval.parquet"),
    reader=f"{_READERS}:humaneval",
    instruction=(
        "Complete the following Python function. Write the whole function, with everything that it imports, in one "
        "```python block.\n\n```python\n{question}\n```"
    ),
    verifier="code",
    config={"format": "humaneval"},
    samples=1,
    licence="MIT",
)

MBPP = Benchmark(
    "mbpp",
    "257 short Python tasks: sanitized, test split; the prompt shows all tests (Austin et al. 2021)",
    "code",
    # The hub's viewer lists the splits of `sanitized` (test: 257); ten projects and more name the commit.
    hub=Hub("google-research-datasets/mbpp", "sanitized", "test", "4bb6404fdc6cacfda99d4ac4205087b89d32030c"),
    files=("mbpp_sanitized.jsonl", "mbpp.jsonl", "mbpp.parquet"),
    reader=f"{_READERS}:mbpp",
    instruction=(
        "You are an expert Python programmer, and here is your task: {question}\n\nWrite the whole function, with "
        "everything that it imports, in one ```python block."
    ),
    verifier="code",
    config={"format": "mbpp"},
    samples=1,
    licence="CC BY 4.0",
)

LIVECODEBENCH = Benchmark(
    "livecodebench",
    "175 contest problems that release 6 added, January to April 2025 (Jain et al. 2024)",
    "code",
    # The hub's page shows 0fe84c3 as the newest commit, and no parquet: its loading script is refused since datasets 4
    # (lighteval #1009), so one of its files is read. The viewer of lighteval's copy: `v6`, 175 rows. test.jsonl to
    # test5.jsonl, the 880 older problems, are 4.4 GB: put one in --data-dir as livecodebench.jsonl.
    hub=Hub(
        "livecodebench/code_generation_lite",
        None,
        "test",
        "0fe84c3912ea0c4d4a78037083943e8f0c4dd505",
        file="test6.jsonl",
    ),
    files=("livecodebench.jsonl", "test6.jsonl", "sandboxfusion_livecodebench_sample.jsonl"),
    reader=f"{_READERS}:livecodebench",
    instruction="{question}",
    verifier="code",
    config={"format": "livecodebench"},
    samples=16,  # lighteval: codegen_pass@1:16
    licence="CC (as its card says, without a version)",
    note=(
        "its default of 9 s for all tests of an answer is short: LiveCodeBench's own harness gives each test 6 s, and "
        "right answers that are slow become timeouts; write config: {total_s: 60} and verify.timeout_s: 70"
    ),
    categories="difficulty",
)

BENCHMARKS = (HUMANEVAL, MBPP, LIVECODEBENCH)
