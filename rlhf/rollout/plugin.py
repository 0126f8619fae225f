"""What vLLM loads in each of its processes (entry point group `vllm.general_plugins`); idempotent."""

from __future__ import annotations

import ctypes
import os
import signal

WEIGHT_BACKEND = "longthought_shm"
_PR_SET_PDEATHSIG = 1


def register() -> None:
    """Make the shared-memory weight engine and the wide products known, tie this process's life to its starter's."""
    from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory

    from rlhf.rollout import wide_products

    if WEIGHT_BACKEND not in WeightTransferEngineFactory._registry:
        WeightTransferEngineFactory.register_engine(
            WEIGHT_BACKEND, "rlhf.rollout.weight_engine", "SharedMemoryWeightEngine"
        )
    wide_products.install()
    owner = os.environ.get("LONGTHOUGHT_ENGINE_OWNER")
    if owner is not None and int(owner) != os.getpid():
        die_with_parent()


def die_with_parent() -> None:
    """Ask the kernel for SIGKILL when the parent ends, however it ends: an engine must not outlive its actor."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) failed")
