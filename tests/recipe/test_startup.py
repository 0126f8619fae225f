"""A recipe is checked before anything heavy is imported: seen in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.recipe.helpers import GOOD, write

HEAVY = ("torch", "transformers", "ray", "vllm", "deepspeed", "datasets", "reasoning_gym", "sympy", "pandas", "pyarrow")

PROGRAM = """
import json, sys
from rlhf.recipe.load import load_checked
from rlhf.recipe.plan import render_plan
from rlhf.recipe.problems import RecipeError
try:
    loaded = load_checked(sys.argv[1], sys.argv[2:])
    render_plan(loaded, [])
    outcome = "good"
except RecipeError as error:
    outcome = str(error)
print(json.dumps({"outcome": outcome, "modules": sorted({m.partition(".")[0] for m in sys.modules})}))
"""


@pytest.mark.parametrize(
    ("overrides", "fragment"),
    [
        ((), "good"),
        (("rollout.engine=2",), "did you mean rollout.engines?"),
        (("algorithm.group_size=1",), "algorithm.group_size: found 1"),
        (("reward.0.verifier=maht",), "no verifier is called 'maht'"),
    ],
)
def test_nothing_heavy_is_imported(tmp_path, overrides, fragment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(write(tmp_path, GOOD)), *overrides],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert fragment in found["outcome"]
    assert not set(HEAVY) & set(found["modules"])
