"""What there is to run on: stated, seen, or honestly unknown."""

from __future__ import annotations

import pytest

from rlhf.recipe.devices import GIB, cpus_here, devices_for, gpus_here, weight_transfer
from rlhf.recipe.schema import ClusterConfig


def test_stated_counts_win():
    cluster = ClusterConfig(device="gpu", nodes=4, cpus_per_node=96, gpus_per_node=8, memory_per_device_gib=40.0)
    devices = devices_for(cluster, env={"RAY_ADDRESS": "auto"})
    assert (devices.kind, devices.cpus, devices.gpus, devices.memory_per_device) == ("gpu", 384, 32, 40 * GIB)


def test_an_embedded_ray_has_what_this_machine_has():
    devices = devices_for(ClusterConfig(device="cpu"), env={})
    assert (devices.kind, devices.nodes, devices.cpus_per_node) == ("cpu", 1, cpus_here())


@pytest.mark.parametrize(
    ("cluster", "env"), [(ClusterConfig(address="auto"), {}), (ClusterConfig(), {"RAY_ADDRESS": "h:1"})]
)
def test_of_a_running_ray_nothing_is_assumed(cluster, env):
    devices = devices_for(cluster, env)
    assert (devices.kind, devices.nodes, devices.cpus, devices.gpus, devices.memory_per_device) == (None,) * 5


def test_gpus_without_a_stated_memory_are_taken_for_80_gib():
    assert devices_for(ClusterConfig(device="gpu", gpus_per_node=8), {"RAY_ADDRESS": "x"}).memory_per_device == 80 * GIB


def test_auto_is_a_gpu_where_there_is_one():
    assert devices_for(ClusterConfig(gpus_per_node=2), {}).kind == "gpu"
    assert devices_for(ClusterConfig(gpus_per_node=0), {}).kind == "cpu"


@pytest.mark.parametrize(
    ("visible", "count"), [(None, 3), ("0,1", 2), ("", 0), ("-1", 0), ("0,1,2,3,4", 3), ("GPU-aa,GPU-bb", 2)]
)
def test_gpus_are_counted_by_their_files(tmp_path, visible, count):
    for name in ("nvidia0", "nvidia1", "nvidia2", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert gpus_here({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}, tmp_path) == count


def test_a_ray_of_its_own_is_this_machine_whatever_else_runs():
    devices = devices_for(ClusterConfig(device="cpu", address="local"), {"RAY_ADDRESS": "h:1"})
    assert (devices.nodes, devices.cpus_per_node) == (1, cpus_here())


@pytest.mark.parametrize(
    ("text", "at_most"), [("max 100000", None), ("100000 100000", 1), ("50000 100000", 1), ("", None), ("many", None)]
)
def test_a_containers_share_of_time_bounds_the_cores(tmp_path, text, at_most):
    (tmp_path / "cpu.max").write_text(text)
    everything = cpus_here(tmp_path / "none")
    assert cpus_here(tmp_path / "cpu.max") == (everything if at_most is None else at_most)


@pytest.mark.parametrize(
    ("asked", "kind", "share_gpus", "expected"),
    [
        ("auto", "cpu", False, "shared_memory"),
        ("auto", "gpu", False, "nccl"),
        ("auto", "gpu", True, "ipc"),
        ("shared_memory", "gpu", True, "shared_memory"),
    ],
)
def test_weights_travel_by_what_the_devices_allow(asked, kind, share_gpus, expected):
    assert weight_transfer(asked, kind, share_gpus) == expected
