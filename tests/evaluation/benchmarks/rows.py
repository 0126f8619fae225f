"""Small benchmark files in the formats of the real ones, written for these tests; nothing is copied."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rlhf.evaluation.benchmarks import Loaded, load_benchmark
from rlhf.recipe.evaluation_schema import BenchmarkConfig

GSM8K = [
    {"question": "Ada has 3 nets of 6 balls. How many balls?", "answer": "3 * 6 = <<3*6=18>>18 balls.\n#### 18"},
    {"question": "A ship carries 1,000 crates, then 125 more. How many?", "answer": "<<1000+125=1125>>\n#### 1,125"},
    {"question": "It was 2 degrees and fell by 5. How many degrees?", "answer": "2 - 5 = -3\n#### -3"},
    {"question": "A pen costs $4. What do 5 pens cost in dollars?", "answer": "4 * 5 = <<4*5=20>>20\n#### 20"},
]
MATH500 = [
    {
        "problem": "Halve $1$.",
        "solution": "…",
        "answer": "\\frac{1}{2}",
        "subject": "Algebra",
        "level": 1,
        "unique_id": "t/1",
    },
    {
        "problem": "Write a point.",
        "solution": "…",
        "answer": "(3, \\pi)",
        "subject": "Geometry",
        "level": 2,
        "unique_id": "t/2",
    },
]
GPQA = [
    {
        "Record ID": f"rec{number}",
        "Question": f" Which particle has charge {number}?\n",
        "Correct Answer": f"the right one {number} ",
        "Incorrect Answer 1": f"a wrong one {number}",
        "Incorrect Answer 2": f"another wrong one {number}",
        "Incorrect Answer 3": f"a third wrong one {number}",
        "High-level domain": "Physics" if number % 2 else "Biology",
        "Explanation": "",
    }
    for number in range(40)
]
HUMANEVAL = [
    {
        "task_id": "HumanEval/0",
        "prompt": 'def double(n: int) -> int:\n    """Twice n."""\n',
        "entry_point": "double",
        "canonical_solution": "    return 2 * n\n",
        "test": "def check(candidate):\n    assert candidate(3) == 6\n    assert candidate(-1) == -2\n",
    },
    {
        "task_id": "HumanEval/1",
        "prompt": 'import math\n\ndef root(n: int) -> int:\n    """The whole part of n\'s root."""\n',
        "entry_point": "root",
        "canonical_solution": "    return math.isqrt(n)\n",
        "test": "def check(candidate):\n    assert candidate(10) == 3\n    assert candidate(16) == 4\n",
    },
]
MBPP = [
    {
        "task_id": number,
        "prompt": "Write a function that adds one.",
        "code": "def add_one(n):\n    return n + 1",
        "test_imports": [],
        "test_list": ["assert add_one(1) == 2", "assert add_one(-1) == 0"],
    }
    for number in (2, 10, 11, 510, 511, 601)
]


def write_lines(path: Path, rows: Sequence[Any]) -> Path:
    """A row an object, or a raw line where it is text; gzipped where the name says so."""
    text = "".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def load(name: str, folder: Path | None, errata: Sequence[str] = (), **more: Any) -> Loaded:
    return load_benchmark(BenchmarkConfig(name=name, **more), folder, errata)
