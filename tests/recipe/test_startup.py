"""A recipe is checked before anything heavy is imported: seen in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.recipe.helpers import GOOD, GOOD_EVAL, write

HEAVY = ("torch", "transformers", "ray", "vllm", "deepspeed", "datasets", "reasoning_gym", "sympy", "pandas", "pyarrow")

PROGRAM = """
import json, sys
from rlhf.recipe.load import LoadedEval, load_checked
from rlhf.recipe.plan import render_plan
from rlhf.recipe.plan_eval import render_eval_plan
from rlhf.recipe.problems import RecipeError
try:
    loaded = load_checked(sys.argv[1], sys.argv[2:])
    (render_eval_plan if isinstance(loaded, LoadedEval) else render_plan)(loaded, [])
    outcome = "good"
except RecipeError as error:
    outcome = str(error)
print(json.dumps({"outcome": outcome, "modules": sorted({m.partition(".")[0] for m in sys.modules})}))
"""


@pytest.mark.parametrize(
    ("text", "overrides", "fragment"),
    [
        (GOOD, (), "good"),
        (
            GOOD,
            ("evaluation={benchmarks: [aime24], max_response_tokens: 9}", "trainer.best_metric=eval/aime24/maj"),
            "good",
        ),
        (GOOD, ("policy.attention={default: linear}",), "good"),
        (GOOD, ("policy.attention={layers: {0-9: linear}}",), "the model has 4 layers; write 0-3"),
        (GOOD, ("rollout.engine=2",), "did you mean rollout.engines?"),
        (GOOD, ("algorithm.group_size=1",), "algorithm.group_size: found 1"),
        (GOOD, ("reward.0.verifier=maht",), "no verifier is called 'maht'"),
        (GOOD_EVAL, (), "good"),
        (GOOD_EVAL, ("evaluation.benchmarks=[gsm9k]",), "did you mean gsm8k?"),
    ],
)
def test_nothing_heavy_is_imported(tmp_path, text, overrides, fragment):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(write(tmp_path, text)), *overrides],
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    found = json.loads(done.stdout)
    assert fragment in found["outcome"]
    assert not set(HEAVY) & set(found["modules"])
