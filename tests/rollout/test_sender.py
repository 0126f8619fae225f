"""Terms of a meeting, as vLLM's own classes take them. The wire needs GPUs: see tests/rollout/test_engine.py."""

from dataclasses import asdict

import pytest

from rlhf.rollout.sender import Meeting, init_info


def test_nccl_counts_the_learner_and_every_worker():
    info = init_info("nccl", Meeting(rank=0, workers=6, host="10.0.0.1", port=2345))
    assert asdict(info) | {"packed_buffer_size_bytes": 0, "packed_num_buffers": 0} == {
        "rank": 0,
        "master_address": "10.0.0.1",
        "master_port": 2345,
        "world_size": 7,
        "packed": True,
        "packed_buffer_size_bytes": 0,
        "packed_num_buffers": 0,
    }
    assert info.is_sender
    assert not init_info("nccl", Meeting(rank=1, workers=6)).is_sender


def test_ipc_needs_no_address():
    info = init_info("ipc", Meeting(rank=2, workers=4))
    assert (info.backend, info.rank, info.packed) == ("ipc", 2, True)


def test_nothing_else_is_pushed():
    with pytest.raises(ValueError, match="by nccl or ipc, not by 'shared_memory'"):
        init_info("shared_memory", Meeting(0, 1))
