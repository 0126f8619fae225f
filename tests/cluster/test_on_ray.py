"""What only Ray can tell, on an embedded one that is told of GPUs it does not have."""

import asyncio
import os

import pytest

from cluster import runtime
from cluster.placement import Need, Node, plan

ray = pytest.importorskip("ray")


@pytest.fixture(scope="module")
def cluster():
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    ray.init(address="local", num_cpus=4, num_gpus=2, include_dashboard=False, log_to_driver=False)
    yield
    ray.shutdown()


class Rank:
    def visible_gpus(self):
        return os.environ["CUDA_VISIBLE_DEVICES"]


class Recorder:
    def __init__(self):
        self.calls = []

    def join(self, init_info):
        self.calls.append(("join", init_info))

    def start_weights(self):
        self.calls.append(("start",))

    def update_weights(self, update_info):
        self.calls.append(("update", update_info))

    def finish_weights(self):
        self.calls.append(("finish",))

    def said(self):
        return self.calls


def test_an_engine_sees_the_gpus_of_the_ranks_it_rides_on(cluster):
    (node,) = runtime._nodes()
    layout = plan([Node(node.id, node.cpus, node.gpus)], Need(2, 1, 2, "gpu", share_gpus=True))
    group = asyncio.run(runtime.place(layout))
    ranks = [ray.remote(Rank).options(**runtime.options(group, layout, b)).remote() for b in layout.of("learner")]
    gpus = ray.get([rank.visible_gpus.remote() for rank in ranks])
    assert sorted(gpus) == ["0", "1"]
    engines = []
    for bundle in layout.of("engine"):
        options = runtime.riding_options(group, layout, bundle, gpus)
        engines.append(ray.remote(Rank).options(**options).remote())
    assert ray.get([engine.visible_gpus.remote() for engine in engines]) == gpus
    ray.util.remove_placement_group(group)


def test_the_client_numbers_the_workers_of_all_engines(cluster):
    from cluster.engine_client import RayEngineClient

    engines = [ray.remote(Recorder).options(num_cpus=0).remote() for _ in range(3)]
    client = RayEngineClient(engines, workers=2)
    client.init_weight_transfer_engine({"master_port": 5, "rank_offset": 1})
    client.start_weight_update()
    client.update_weights({"names": ["a"]})
    client.finish_weight_update()
    said = ray.get([engine.said.remote() for engine in engines])
    assert [calls[0][1]["rank_offset"] for calls in said] == [1, 3, 5]
    for calls in said:
        assert calls[1:] == [("start",), ("update", {"names": ["a"]}), ("finish",)]


async def test_waiting_for_bundles_can_be_given_up_and_gives_them_back(cluster):
    (node,) = runtime._nodes()
    layout = plan([Node(node.id, node.cpus + 64, 0)], Need(1, 1, 1, "cpu"))
    waiting = asyncio.create_task(runtime.place(layout))
    await asyncio.sleep(0.5)  # it is never granted; what counts is that this loop goes on meanwhile
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    with pytest.raises(TimeoutError, match="Ray did not grant 3 bundles"):
        await runtime.place(layout, timeout_s=0.5)
    states = {group["state"] for group in ray.util.placement_group_table().values()}
    assert states <= {"REMOVED"}, states
