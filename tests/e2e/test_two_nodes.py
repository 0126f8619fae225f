"""The loop on a Ray cluster of two raylets on one machine: learner on one node, engine on the other."""

import json
import os

import pytest

from tests.e2e.runs import Run, metrics, write_recipe


@pytest.fixture(scope="module")
def cluster():
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(
        initialize_head=True, connect=False, head_node_args={"num_cpus": 2, "object_store_memory": 200 << 20}
    )
    made.add_node(num_cpus=2, object_store_memory=200 << 20)
    made.wait_for_nodes()
    yield made
    ray.shutdown()
    made.shutdown()


def test_learner_on_one_node_and_engine_on_the_other(cluster, tmp_path):
    recipe = write_recipe(
        tmp_path,
        cluster={"address": cluster.address, "separate_learner_node": True},
        learner={"ranks": 2, "zero_stage": 2, "learning_rate": 1e-3, "token_budget": 1024},
        trainer={"steps": 2, "prompts_per_step": 8, "checkpoint_every": 0},
    )
    run = Run(recipe)
    code = run.end()
    assert code == 0, run.text
    rows = metrics(tmp_path / "runs" / "e2e")
    assert [row["step"] for row in rows] == [0, 1, 2]
    assert all(row["mismatch/mean_abs"] < 1e-5 for row in rows[1:]), "weights crossed the nodes unharmed"
    placed = json.loads((tmp_path / "runs" / "e2e" / "run.json").read_text())["placement"]
    learners = {place["node"] for place in placed if place["role"] == "learner"}
    engines = {place["node"] for place in placed if place["role"] == "engine"}
    assert len([p for p in placed if p["role"] == "learner"]) == 2
    assert learners.isdisjoint(engines)
    # The cluster is not this run's: only its own processes may be gone.
    assert os.getpid() and run.left_behind() == []
