"""Where the processes of a run listen. An embedded Ray is for this machine alone, and so are ranks of one node."""

import os

import psutil
import pytest

from cluster import runtime
from cluster.learner_group import LearnerGroup
from rlhf.learner.spec import LearnerSpec
from rlhf.recipe.schema import AlgorithmConfig, ClusterConfig, LearnerConfig, PolicyConfig

ray = pytest.importorskip("ray")


def listening(process):
    """(address, port) of every TCP socket of the process that takes connections; IPv4 in IPv6 as IPv4."""
    found = [c.laddr for c in process.net_connections(kind="tcp") if c.status == psutil.CONN_LISTEN]
    return {(address.ip.removeprefix("::ffff:"), address.port) for address in found}


@pytest.fixture
def embedded():
    mine = listening(psutil.Process())
    runtime_ = runtime.connect(ClusterConfig(address="local", cpus_per_node=2))
    yield runtime_, mine
    runtime.shutdown(runtime_, None)


class Worker:
    def pid(self):
        return os.getpid()


def test_an_embedded_ray_listens_on_loopback_alone(embedded):
    started, before = embedded
    assert started.embedded
    worker = ray.remote(Worker).options(num_cpus=1).remote()
    pid = ray.get(worker.pid.remote())
    here = psutil.Process()
    children = here.children(recursive=True)
    found = {here.pid: listening(here) - before} | {child.pid: listening(child) for child in children}
    names = {child.name() for child in children if found[child.pid]}
    assert {"gcs_server", "raylet"} <= names and found[pid]
    assert {address for sockets in found.values() for address, _ in sockets} == {"127.0.0.1"}
    assert [node["NodeManagerAddress"] for node in ray.nodes()] == ["127.0.0.1"]


def test_an_embedded_ray_counts_the_cores_that_it_may_use(monkeypatch):
    allowed = os.sched_getaffinity(0)
    one = {min(allowed)}
    os.sched_setaffinity(0, one)
    try:
        assert runtime._cpus() == 1
    finally:
        os.sched_setaffinity(0, allowed)
    monkeypatch.setattr("ray._private.utils.get_num_cpus", lambda override_docker_cpu_warning: 0)
    assert runtime._cpus() == 1, "a container with half a core"


class Rank:
    """Stands in the place of a LearnerActor."""

    def __init__(self, spec, *arguments):
        self.spec = spec

    def told(self):
        names = ("GLOO_SOCKET_IFNAME", "GOMP_SPINCOUNT")
        return self.spec.master_addr, self.spec.master_port, [os.environ.get(name) for name in names]


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("one_node", "address", "interface"), [(True, "127.0.0.1", "lo"), (False, "outer", None)], ids=["one", "several"]
)
async def test_ranks_meet_on_loopback_where_they_are_all_on_one_node(monkeypatch, one_node, address, interface):
    monkeypatch.setattr("cluster.learner_group.LearnerActor", Rank)
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        if address == "outer":
            address = ray.util.get_node_ip_address()
        policy, learner = PolicyConfig(model="m"), LearnerConfig(ranks=2)
        specs = [LearnerSpec(policy, learner, "m", rank=rank, world_size=2) for rank in range(2)]
        options = [{"num_cpus": 0.5, "runtime_env": {"env_vars": {"GOMP_SPINCOUNT": "10000"}}} for _ in specs]
        group = LearnerGroup(specs, options, "m", AlgorithmConfig(), 8, one_node=one_node)
        told = await group._all("told")
    finally:
        ray.shutdown()
    assert [(where, environment) for where, _, environment in told] == [(address, [interface, "10000"])] * 2
    assert told[0][1] == told[1][1] > 0, "one port for both"
