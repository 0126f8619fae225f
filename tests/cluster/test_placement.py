"""Placement on paper, from one laptop to a thousand nodes."""

from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from cluster.on_paper import need_of, need_of_eval, placed_eval
from cluster.placement import Need, Node, PlacementError, plan
from rlhf.recipe.devices import Devices
from rlhf.recipe.eval_schema import EvalRecipe
from rlhf.recipe.load import load_checked

ROOT = Path(__file__).resolve().parents[2]


def nodes(count, cpus=16, gpus=8):
    return [Node(f"n{i}", cpus, gpus) for i in range(count)]


def test_a_laptop_shares_its_cores_in_time():
    layout = plan([Node("here", 2)], Need(engines=1, tensor_parallel=1, ranks=1, device="cpu"))
    assert [(b.role, b.node, b.cores) for b in layout.bundles] == [
        ("learner", "here", ((0, 1),)),
        ("engine", "here", ((0, 1),)),
        ("verifier", "here", ()),
    ]
    assert sum(b.cpu_share for b in layout.bundles) <= 2


def test_two_engines_on_two_cores_get_one_each():
    layout = plan([Node("here", 2)], Need(engines=2, tensor_parallel=1, ranks=2, device="cpu"))
    assert [b.cores for b in layout.of("engine")] == [((0,),), ((1,),)]
    assert [b.cores for b in layout.of("learner")] == [((0,),), ((1,),)]


def test_asked_for_cores_are_a_limit():
    layout = plan([Node("n", 16)], Need(2, 1, 1, "cpu", cpus_per_engine=3, cpus_per_rank=4))
    assert [b.cores for b in layout.of("engine")] == [((0, 1, 2),), ((3, 4, 5),)]
    assert layout.of("learner")[0].cores == ((0, 1, 2, 3),)


def test_tensor_parallel_workers_have_cores_of_their_own():
    layout = plan([Node("n", 8)], Need(2, 2, 1, "cpu"))
    assert layout.of("engine")[1].cores == ((4, 5), (6, 7))


def test_learner_and_engines_on_different_nodes():
    layout = plan([Node("a", 2), Node("b", 2)], Need(2, 1, 1, "cpu", separate_learner=True))
    assert {b.node for b in layout.of("learner")} == {"a"}
    assert {b.node for b in layout.of("engine")} == {"b"}


def test_gpus_learner_first_engines_spread_evenly_over_the_rest():
    layout = plan(nodes(2), Need(engines=4, tensor_parallel=2, ranks=8, device="gpu"))
    assert {b.node for b in layout.of("learner")} == {"n0"}
    assert [b.node for b in layout.of("engine")] == ["n1"] * 4
    mixed = plan(nodes(3), Need(engines=10, tensor_parallel=2, ranks=4, device="gpu"))
    assert sorted(b.node for b in mixed.of("engine")) == ["n0"] * 2 + ["n1"] * 4 + ["n2"] * 4


def test_shared_gpus_pair_engine_workers_with_learner_ranks():
    one = plan(nodes(1, gpus=1), Need(1, 1, 1, "gpu", share_gpus=True))
    assert [(b.role, b.gpus, b.rides) for b in one.bundles] == [
        ("learner", 1, ()),
        ("engine", 0, (0,)),
        ("verifier", 0, ()),
    ]
    two = plan(nodes(2, gpus=4), Need(engines=3, tensor_parallel=2, ranks=6, device="gpu", share_gpus=True))
    assert [(b.node, b.rides) for b in two.of("engine")] == [("n0", (0, 1)), ("n0", (2, 3)), ("n1", (4, 5))]


def test_a_critic_rides_with_the_learner_rank_of_its_number():
    layout = plan(nodes(1, gpus=4), Need(engines=2, tensor_parallel=1, ranks=2, device="gpu", critic=True))
    assert [(b.node, b.gpus, b.rides) for b in layout.of("critic")] == [("n0", 0, (0,)), ("n0", 0, (1,))]
    on_cpus = plan([Node("n", 4)], Need(1, 1, 2, "cpu", critic=True))
    assert [b.cores for b in on_cpus.of("critic")] == [b.cores for b in on_cpus.of("learner")]
    assert sum(b.cpu_share for b in on_cpus.bundles) <= 4


def test_a_reference_of_its_own_has_a_gpu_that_nobody_else_has():
    layout = plan(nodes(2, gpus=4), Need(engines=3, tensor_parallel=1, ranks=4, device="gpu", reference=True))
    assert [(b.node, b.gpus, b.rides) for b in layout.of("reference")] == [("n1", 1, ())]
    assert [b.node for b in layout.of("engine")] == ["n1"] * 3
    shared = plan(nodes(1, gpus=3), Need(2, 1, 2, "gpu", share_gpus=True, reference=True))
    assert [(b.role, b.gpus) for b in shared.bundles if b.gpus] == [("learner", 1), ("learner", 1), ("reference", 1)]


def test_a_reference_of_its_own_needs_a_gpu_that_is_left():
    with pytest.raises(PlacementError, match=r"algorithm\.kl\.host is own, but the learner's 4 ranks take all 4 GPUs"):
        plan(nodes(1, gpus=4), Need(1, 1, 4, "gpu", share_gpus=True, reference=True))


def test_on_cpus_a_reference_of_its_own_is_where_the_engines_are():
    layout = plan([Node("a", 2), Node("b", 2)], Need(1, 1, 1, "cpu", separate_learner=True, reference=True))
    assert [(b.node, b.cores) for b in layout.of("reference")] == [("b", ((0, 1),))]


def evaluation(**engines):
    return EvalRecipe.model_validate(
        {"kind": "eval", "policy": {"model": "tiny-moe"}, "evaluation": {"benchmarks": ["gsm8k"]}, "engines": engines}
    )


def test_an_evaluation_has_no_learner_and_its_engines_all_cores():
    layout = plan([Node("a", 4), Node("b", 4)], Need(engines=3, tensor_parallel=1, ranks=0, device="cpu"))
    assert {b.role for b in layout.bundles} == {"engine", "verifier"}
    assert [(b.node, b.cores) for b in layout.of("engine")] == [
        ("a", ((0, 1),)),
        ("b", ((0, 1, 2, 3),)),
        ("a", ((2, 3),)),
    ]
    assert [b.node for b in layout.of("verifier")] == ["a", "b"]
    for node in ("a", "b"):
        assert sum(b.cpu_share for b in layout.bundles if b.node == node) <= 4


def test_an_evaluation_has_every_gpu():
    layout = plan(nodes(2, gpus=4), Need(engines=4, tensor_parallel=2, ranks=0, device="gpu"))
    assert [(b.node, b.gpus, b.rides) for b in layout.of("engine")] == [
        ("n0", 2, ()),
        ("n1", 2, ()),
        ("n0", 2, ()),
        ("n1", 2, ()),
    ]
    with pytest.raises(PlacementError) as refusal:
        plan(nodes(2, gpus=4), Need(engines=5, tensor_parallel=2, ranks=0, device="gpu"))
    assert str(refusal.value) == (
        "engines.engines is 5 with engines.tensor_parallel 2: engine 4 needs 2 GPUs of one node, at most 0 are left on "
        "any (8 GPUs in all)"
    )


def test_an_evaluations_need_is_its_recipes():
    recipe = evaluation(engines=2, tensor_parallel=2, cpus_per_engine=3)
    assert need_of_eval(recipe, "gpu") == Need(2, 2, 0, "gpu", verifier_workers=2, cpus_per_engine=3)
    devices = Devices("cpu", nodes=1, cpus_per_node=16, gpus_per_node=0, memory_per_device=None)
    actors = placed_eval(recipe, devices)
    assert [(a.role, a.index, a.cpus, a.gpus, a.rides) for a in actors[:2]] == [
        ("engine", 0, 6.0, 0.0, ()),
        ("engine", 1, 6.0, 0.0, ()),
    ]
    assert [a.role for a in actors[2:]] == ["verifier"]
    unknown = Devices(None, nodes=None, cpus_per_node=None, gpus_per_node=None, memory_per_device=None)
    assert placed_eval(recipe, unknown) == []


def rayjob():
    """deploy/kuberay/rayjob.yaml: its entrypoint's words, and its pods as Ray will know them."""
    job = list(yaml.safe_load_all((ROOT / "deploy/kuberay/rayjob.yaml").read_text()))[1]["spec"]
    cluster = job["rayClusterSpec"]
    pods = []
    for name, group in [("head", cluster["headGroupSpec"])] + [
        (g["groupName"], g) for g in cluster["workerGroupSpecs"]
    ]:
        limits = group["template"]["spec"]["containers"][0]["resources"]["limits"]
        cpus = int(group["rayStartParams"].get("num-cpus", limits["cpu"]))
        gpus = int(group["rayStartParams"].get("num-gpus", limits.get("nvidia.com/gpu", 0)))
        pods += [Node(f"{name}-{i}", cpus, gpus) for i in range(group.get("replicas", 1))]
    return job["entrypoint"].split(), pods


def test_the_shipped_rayjob_is_placed_on_its_workers_alone():
    (path, *overrides), pods = rayjob()
    assert [(pod.id, pod.cpus, pod.gpus) for pod in pods] == [("head-0", 0, 0), ("gpu-0", 32, 8), ("gpu-1", 32, 8)]
    devices = Devices("gpu", nodes=2, cpus_per_node=32, gpus_per_node=8, memory_per_device=80 << 30)
    recipe = load_checked(ROOT / Path(path).relative_to("/opt/longthought/src"), overrides, devices).recipe
    layout = plan(pods, need_of(recipe, "gpu"))
    assert [(b.role, b.node, b.gpus) for b in layout.bundles] == [
        ("learner", "gpu-0", 1),
        ("engine", "gpu-1", 1),
        ("verifier", "gpu-0", 0),
        ("verifier", "gpu-1", 0),
    ]


def test_nothing_is_placed_on_a_node_without_cpus():
    machines = [Node("head", 0), Node("a", 4), Node("bare", 0, 8), Node("b", 4)]
    layout = plan(machines, Need(engines=4, tensor_parallel=1, ranks=2, device="cpu"))
    assert {b.node for b in layout.bundles} == {"a", "b"}
    assert [b.node for b in layout.of("verifier")] == ["a", "b"]
    apart = plan(machines, Need(2, 1, 1, "cpu", separate_learner=True))
    assert {b.node for b in layout.of("learner")} == {"a"} and {b.node for b in apart.of("engine")} == {"b"}


@given(st.data())
def test_two_jobs_on_one_ray_never_run_side_by_side(data):
    """What the first reserves leaves the second's bundles too little CPU on some node, whatever the two ask for."""
    count, cpus = data.draw(st.integers(1, 6)), data.draw(st.integers(1, 64))
    machines = [Node(f"n{i}", cpus, data.draw(st.integers(0, 8))) for i in range(count)]

    def layout():
        device = data.draw(st.sampled_from(["cpu", "gpu"]))
        engines, ranks, apart = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9), st.booleans()))
        try:
            return plan(machines, Need(engines, 1, ranks, device, separate_learner=apart))
        except PlacementError:
            return None

    first, second = layout(), layout()
    if first is None or second is None:
        return

    def reserved(plan, node):
        return sum(b.cpu_share for b in plan.bundles if b.node == node)

    assert all(reserved(first, n.id) <= n.cpus and reserved(second, n.id) <= n.cpus for n in machines)
    assert any(reserved(first, n.id) + reserved(second, n.id) > n.cpus for n in machines)


@pytest.mark.parametrize(
    ("machines", "need", "message"),
    [
        ([Node("h", 0, 8), Node("w", 0)], Need(1, 1, 1, "gpu"), r"no node has a CPU, and every .* CPUs there: h, w\)"),
        (
            [Node("h", 0), Node("w", 2)],
            Need(1, 1, 1, "cpu", separate_learner=True),
            r"or more, found 1 \(left out,.*: h",
        ),
        ([Node("h", 0, 4), Node("w", 8, 1)], Need(1, 1, 2, "gpu"), r"there are 1 GPUs \(left out, .* there: h\)"),
        (nodes(1), Need(2, 2, 3, "gpu", share_gpus=True), "learner.ranks is 3, .* tensor_parallel is 4; make them"),
        (nodes(2, gpus=3), Need(2, 2, 4, "gpu", share_gpus=True), "engine 1 would span nodes n0, n1"),
        ([], Need(1, 1, 1, "cpu"), "no nodes"),
        (nodes(1), Need(1, 1, 1, "cpu", separate_learner=True), "two nodes or more, found 1"),
        (nodes(1), Need(1, 1, 9, "gpu"), "learner.ranks is 9, but there are 8 GPUs"),
        (nodes(1), Need(4, 2, 1, "gpu"), "engine 3 needs 2 GPUs of one node, at most 1 are left"),
        (nodes(2, gpus=3), Need(1, 4, 1, "gpu"), "engine 0 needs 4 GPUs of one node, at most 3 are left"),
        ([Node("x", 2)], Need(3, 1, 1, "cpu"), "3 engine processes on node x, which has 2 cores"),
        ([Node("x", 2)], Need(1, 1, 3, "cpu"), "3 learner processes on node x, which has 2 cores"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_numbers(machines, need, message):
    with pytest.raises(PlacementError, match=message):
        plan(machines, need)


@given(st.integers(1, 1000), st.integers(1, 8), st.integers(0, 3), st.data())
def test_no_device_is_given_twice_up_to_a_thousand_nodes(count, gpus, log_tp, data):
    tensor_parallel = min(2**log_tp, gpus)
    ranks = data.draw(st.integers(1, max(1, count * gpus // 2)))
    engines = data.draw(st.integers(1, max(1, count * (gpus // tensor_parallel) // 2)))
    machines = nodes(count, gpus=gpus)
    try:
        layout = plan(machines, Need(engines, tensor_parallel, ranks, "gpu"))
    except PlacementError as error:
        assert "needs" in str(error)  # fragmentation: ranks may leave no whole engine on a node
        return
    assert len(layout.of("learner")) == ranks
    assert len(layout.of("engine")) == engines
    assert len(layout.of("verifier")) == count
    used: dict[str, int] = {}
    share: dict[str, float] = {}
    for bundle in layout.bundles:
        used[bundle.node] = used.get(bundle.node, 0) + bundle.gpus
        share[bundle.node] = share.get(bundle.node, 0) + bundle.cpu_share
    assert max(used.values()) <= gpus
    assert max(share.values()) <= 16


@given(st.integers(1, 50), st.integers(1, 64), st.integers(1, 60), st.integers(1, 60))
def test_on_cpus_engines_of_a_node_never_share_a_core(count, cpus, engines, ranks):
    machines = [Node(f"n{i}", cpus) for i in range(count)]
    try:
        layout = plan(machines, Need(engines, 1, ranks, "cpu"))
    except PlacementError:
        assert engines > count * cpus or ranks > count * cpus or -(-engines // count) > cpus
        return
    for role in ("engine", "learner"):
        for machine in machines:
            cores = [c for b in layout.of(role) if b.node == machine.id for part in b.cores for c in part]
            assert len(cores) == len(set(cores))
            assert all(0 <= c < cpus for c in cores)
