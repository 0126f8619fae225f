"""An engine of two workers: the proof adds up the pieces that each holds, and the log-probabilities are the learner's."""

import pytest

from tests.e2e.runs import Run, metrics, write_recipe

pytestmark = pytest.mark.full


def test_an_engine_of_two_workers_is_proven_and_samples_the_policy(tmp_path):
    recipe = write_recipe(
        tmp_path,
        rollout={"tensor_parallel": 2, "max_response_tokens": 24, "kv_cache_gib": 0.1, "max_concurrent_sequences": 64},
        trainer={"steps": 2, "prompts_per_step": 8, "checkpoint_every": 0},
    )
    run = Run(recipe)
    assert run.end() == 0, run.text
    rows = metrics(tmp_path / "runs" / "e2e")
    assert [row["step"] for row in rows] == [0, 1, 2]
    assert all(row["mismatch/mean_abs"] < 1e-5 for row in rows[1:])
    assert run.left_behind() == []
