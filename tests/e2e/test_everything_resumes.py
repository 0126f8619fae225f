"""A run with every part that has a state of its own: critic, reference in its own actor, adaptive sampler."""

import json
import os
import signal

import pytest

from rlhf.checkpoint import Checkpoints
from tests.e2e.runs import WARMUP, Run, metrics, write_recipe

pytestmark = pytest.mark.full


@pytest.fixture(scope="module")
def story(tmp_path_factory):
    folder = tmp_path_factory.mktemp("all")
    recipe = write_recipe(
        folder,
        algorithm={
            "name": "ppo",
            "group_size": 4,
            "mini_batches": 2,
            "critic": {"learning_rate": 1e-3, "pretrain_steps": 2},
            "kl": {"place": "loss", "coef": 0.01, "reference": "refreshed", "refresh_every": 2, "host": "own"},
        },
        trainer={"steps": 4, "checkpoint_every": 1, "prompts_per_step": 8},
        warmup=WARMUP,
    )
    override = "data.sampling={order: prioritised, probe_samples: 2}"
    first = Run(recipe, override)
    first.until("step 2/4")
    os.kill(first.process.pid, signal.SIGTERM)
    first.end()
    run = folder / "runs" / "e2e"
    last = Checkpoints(run / "checkpoints", 9).complete()[-1]
    saved = json.loads((last / "state.json").read_text())
    parts = sorted(p.name for p in last.iterdir())
    second = Run(recipe, override, "--resume")
    code = second.end()
    return {"first": first, "second": second, "code": code, "saved": saved, "parts": parts, "run": run, "last": last}


def test_a_checkpoint_holds_every_part(story):
    assert {"learner", "critic", "reference", "hf", "state.json", "buffer.jsonl"} <= set(story["parts"])
    sampler = story["saved"]["flow"]["sampler"]
    assert sampler["draws"] > 0
    assert all(rate is not None for rate in sampler["rates"]), "every prompt was probed"


def test_the_run_goes_on_and_ends(story):
    assert story["code"] == 0, story["second"].text
    assert "resumed from" in story["second"].text
    assert [row["step"] for row in metrics(story["run"]) if "loss/total" in row] == [1, 2, 3, 4]
    assert story["first"].left_behind() == story["second"].left_behind() == []


def test_what_was_done_before_the_first_step_is_not_done_again(story):
    for line in ("probing success rates", "value pretraining"):
        assert line in story["first"].text
        assert line not in story["second"].text
    assert (story["run"] / "critic_pretrained" / "value_head.safetensors").is_file()


def test_the_reference_follows_as_often_as_it_is_told(story):
    """Refreshed after steps 2 and 4: right after that the policy is the reference."""
    rows = {row["step"]: row for row in metrics(story["run"]) if "kl/reference" in row}
    assert rows[1]["kl/reference"] == pytest.approx(0.0, abs=1e-6)
    assert rows[3]["kl/reference"] == pytest.approx(0.0, abs=1e-6)
    assert rows[2]["kl/reference"] > 1e-6
    assert rows[4]["kl/reference"] > 1e-6
