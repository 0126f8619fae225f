"""What an engine's process is told through its environment: the cores it may bind, above all."""

import os

import pytest

from rlhf.recipe.schema import RolloutConfig
from rlhf.rollout.engine_options import EngineSpec, engine_environment


def environment(cpus, device="cpu"):
    spec = EngineSpec("engine-1", "model", "float32", RolloutConfig(), 64, seed=0, device=device, cpus=cpus)
    return engine_environment(spec)


@pytest.mark.parametrize(
    ("allowed", "cpus", "bound"),
    [
        ({0, 1}, ((0, 1),), "0,1"),
        ({3, 2}, ((0, 1),), "2,3"),  # docker --cpuset-cpus=2,3
        ({2, 3}, ((1,),), "3"),  # the second of two engines
        ({16, 5, 9, 40}, ((0, 1), (2, 3)), "5,9|16,40"),  # two workers in a batch job's cores
        ({2, 3}, (), "nobind"),
    ],
)
def test_positions_become_cores_that_this_process_may_use(monkeypatch, allowed, cpus, bound):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: allowed)
    assert environment(cpus)["VLLM_CPU_OMP_THREADS_BIND"] == bound


def test_cores_that_are_not_there_are_refused_with_what_to_write(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {4, 6})
    with pytest.raises(ValueError, match=r"engine-1 .* core 3 .* may use 2 \(4, 6\): .*cpus_per_node: 2, .*cpus 2"):
        environment(((2,),))


def test_an_engine_on_a_gpu_binds_no_cores():
    assert "VLLM_CPU_OMP_THREADS_BIND" not in environment((), device="cuda:0")
