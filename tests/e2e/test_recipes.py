"""Every algorithm's recipe, three steps of it with real engines, learner and verifiers on one Ray.

They start from one policy that was warmed up a little, so that answers differ and dynamic sampling finds groups.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from rlhf.algorithms.catalog import CATALOG
from tests.e2e.runs import REPOSITORY, Run, metrics
from tests.verifiers.classifier import make

SMALL = [
    "warmup=null",
    "data.heldout=null",
    "data.train.size=80",
    "algorithm.group_size=4",
    "rollout.max_response_tokens=48",
    "rollout.kv_cache_gib=0.1",
    "rollout.max_concurrent_sequences=64",
    "trainer.steps=3",
    "trainer.prompts_per_step=6",
    "cluster.address=local",
    "tracking.tensorboard=false",
]
FEW = {"vc_ppo": 2, "vapo": 2, "seed_thinking": 2, "ppo": 1}
"""Batches of value pretraining, where there is one."""


@pytest.fixture(scope="module")
def policy(tmp_path_factory) -> Path:
    """The demo's policy after two thirds of its warm-up: right often enough that some group of 18 is mixed."""
    root = tmp_path_factory.mktemp("warmed")
    overrides = [f"run.root={root}", "warmup.steps=300", "warmup.size=8000", *SMALL[1:], "trainer.steps=1"]
    run = Run(REPOSITORY / "recipes/grpo.yaml", *overrides)
    assert run.end() == 0, run.text
    return root / "grpo" / "checkpoints" / "step_1" / "hf"


@pytest.mark.parametrize("name", CATALOG)
def test_three_steps_of_the_recipe(name, policy, tmp_path):
    more = [f"policy.model={policy}", f"run.root={tmp_path}"]
    if CATALOG[name].keep == "mixed_accuracy":
        more.append("algorithm.max_resampled=100")
    if name in FEW:
        more.append(f"algorithm.critic.pretrain_steps={FEW[name]}")
    if name == "kimi_k1_5":
        more += [
            "data.sampling.probe_samples=2",
            "algorithm.shaping.length_from_step=1",
            "data.sampling.curriculum_steps=2",
        ]
    if name == "seed_thinking":
        more += reward_model_route(tmp_path)
    run = Run(REPOSITORY / "recipes" / f"{name}.yaml", *SMALL, *more)
    assert run.end() == 0, run.text
    folder = tmp_path / name
    assert json.loads((folder / "summary.json").read_text())["status"] == "finished"
    rows = [row for row in metrics(folder) if "loss/total" in row]
    assert [row["step"] for row in rows] == [1, 2, 3]
    for row in rows:
        assert math.isfinite(row["loss/total"])
        check_parts(name, row)
    # In a step whose groups are all of equal reward there is nothing to learn; not in three of them.
    assert max(row["optimizer/grad_norm"] for row in rows) > 0.0
    if name == "seed_thinking":
        graded = [row["reward/reward_model"] for row in rows if "reward/reward_model" in row]
        assert graded, "chats are drawn, and graded"
        assert all(0.0 < score < 1.0 for score in graded)
    else:
        assert all("accuracy/train" in row for row in rows)
    if CATALOG[name].positive_nll and name != "seed_thinking":  # whose groups may all be graded
        assert max(row["loss/positive_nll"] for row in rows) > 0.0
    assert run.left_behind() == []


def reward_model_route(folder: Path) -> list[str]:
    """A domain without gold answers, graded by a sequence classifier: what the recipe's first lines say to write."""
    chats = folder / "chats.jsonl"
    chats.write_text("".join(json.dumps({"prompt": f"the answer is {n}"}) + "\n" for n in range(40)))
    sums = "{source: reasoning_gym, domain: short_sums, task: chain_sum, size: 40, seed: 9}"
    rules = "domains: [long_sums, short_sums]"
    return [
        f"data.train_also=[{sums}, {{source: jsonl, path: {chats}, reference_field: null, domain: chat}}]",
        f"reward=[{{verifier: math, {rules}}}, {{verifier: reward_model, domains: [chat], "
        f"config: {{model: {make(folder / 'classifier', 1)}}}}}]",
        "data.sampling.mix.weights={long_sums: 1.0, short_sums: 1.0, chat: 4.0}",
        "verify.memory_mb=8192",
    ]


def check_parts(name: str, row: dict) -> None:
    """What sets the algorithm apart has left its mark in the metrics."""
    definition = CATALOG[name]
    assert ("critic/explained_variance" in row) == (definition.value is not None)
    if definition.keep == "mixed_accuracy" and "accuracy/train" in row:  # a batch of graded answers alone has none
        assert 0.0 < row["accuracy/train"] < 1.0
        assert row["groups/solved"] == row["groups/unsolved"] == 0.0
    if definition.overlong_penalty:
        assert row["shaping/overlong"] <= 0.0
    if definition.length_reward and row["step"] > 1:
        assert "shaping/length" in row
    if definition.reference and name != "rloo":  # whose recipe turns it off
        assert "kl/reference" in row
    if name == "seed_thinking":
        mix = {key: value for key, value in row.items() if key.startswith("sampler/mix/")}
        assert set(mix) == {f"sampler/mix/{domain}" for domain in ("long_sums", "short_sums", "chat")}
        assert sum(mix.values()) == pytest.approx(1.0)
    if name == "kimi_k1_5":
        assert 0.0 <= row["sampler/success_rate"] <= 1.0
