"""Programs: what is asked, and metadata as the verifier `code` reads it (verifiers/code/rows.py)."""

from __future__ import annotations

from rlhf.evaluation.benchmarks.records import Record
from rlhf.evaluation.problem import Problem

MBPP_TEST = range(11, 511)
"""The task ids of its test split (Austin et al. 2021, arXiv 2108.07732): of the sanitized file, which holds all splits,
and of the hub's test split, the same 257 problems."""

_LCB_HEAD = (
    "You are an expert Python programmer. You will be given a question (problem specification) and will generate a "
    "correct Python program that matches the specification and passes all tests. You will NOT return anything except "
    "for the program.\n### Question:\n"
)
_LCB_FORMAT = "\n\n### Format: "
_LCB_STARTER = (
    "You will use the following starter code to write the solution to the problem and enclose your code within "
    "delimiters."
)
_LCB_STDIN = (
    "Read the inputs from stdin solve the problem and write the answer to stdout (do not directly test on the sample "
    "inputs). Enclose your code within delimiters as follows."
)


def humaneval(record: Record) -> Problem:
    """The reference is the whole program: prompt and canonical solution."""
    prompt = record.text("prompt")
    metadata = {"prompt": prompt, "entry_point": record.text("entry_point"), "test": record.text("test")}
    reference = prompt + record.gold("canonical_solution")
    return Problem(record.id("task_id"), prompt, reference, metadata)


def mbpp(record: Record) -> Problem | None:
    """The task and all of its assertions, which say how the function is called and are what is tested: the prompt of
    the paper (its figure 1). None for problems of other splits."""
    if _has(record, "text") and not _has(record, "prompt"):
        raise record.bad(
            "text",
            "is of the full MBPP of 974 problems, not of the 427 that its authors sanitized, which have 'prompt'; put "
            "mbpp_sanitized.jsonl there",
        )
    name = record.id("task_id")
    if not name.isdecimal():
        raise record.bad("task_id", f"found {name[:40]!r}; MBPP's are whole numbers, which tell its splits apart")
    if int(name) not in MBPP_TEST:
        return None
    task, tests = record.text("prompt"), record.texts("test_list")
    asserted = "\n".join(tests)
    question = f"{task}\n\nYour code should pass these tests:\n\n{asserted}"
    imports = record.plain("test_imports") if _has(record, "test_imports") else []
    metadata = {"test_list": tests, "test_imports": imports}
    return Problem(name, question, record.gold("code"), metadata, core=(task, asserted))


def livecodebench(record: Record) -> Problem:
    """The data set's rows, or SandboxFusion's, which hold the prompt. Both are asked with LiveCodeBench's own prompt
    (lcb_runner/prompts/code_generation.py, as SandboxFusion's rows have it). No row has a reference solution."""
    if _has(record, "content"):
        content = record.text("content")
        core = content.removeprefix(_LCB_HEAD).partition(_LCB_FORMAT)[0]
        return Problem(record.id("id"), content, None, {"test": record.text("test")}, core=(core,))
    content = record.text("question_content")
    starter = record.optional("starter_code")
    form, code = (_LCB_STDIN, "# YOUR CODE HERE") if starter is None else (_LCB_STARTER, starter)
    question = (
        f"{_LCB_HEAD}{content}{_LCB_FORMAT}{form}\n```python\n{code}\n```\n\n"
        "### Answer: (use the provided format with backticks)\n\n"
    )
    names = ("public_test_cases", "private_test_cases", "metadata")
    metadata = {name: record.plain(name) for name in names}
    category = record.optional("difficulty")
    return Problem(record.id("question_id"), question, None, metadata, category, core=(content,))


def _has(record: Record, name: str) -> bool:
    return record.fields.get(name) is not None
