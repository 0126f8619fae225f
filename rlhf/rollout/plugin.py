"""What vLLM loads in each of its processes (entry point group `vllm.general_plugins`); idempotent."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from verifiers.sandbox.linux import PR_SET_PDEATHSIG, libc_call, prctl

WEIGHT_BACKEND = "longthought_shm"


def register() -> None:
    """Tie this process's life to its starter's, make the shared-memory weight engine and the wide products known."""
    owner = os.environ.get("LONGTHOUGHT_ENGINE_OWNER")
    if owner is not None and int(owner) != os.getpid():
        die_with_parent(int(owner))
    from vllm.distributed.weight_transfer.factory import WeightTransferEngineFactory

    from rlhf.rollout import wide_products

    if WEIGHT_BACKEND not in WeightTransferEngineFactory._registry:
        WeightTransferEngineFactory.register_engine(
            WEIGHT_BACKEND, "rlhf.rollout.weight_engine", "SharedMemoryWeightEngine"
        )
    wide_products.install()
    _register_hybrids()


def _register_hybrids() -> None:
    """Policies whose layers mix in other ways than softmax: their configurations, and vLLM's models for them."""
    from vllm import ModelRegistry

    from rlhf.models.hybrid.model import CONFIGS, register_configs

    register_configs()
    known = set(ModelRegistry.get_supported_archs())
    for config in CONFIGS:
        architecture = config.__name__.removesuffix("Config") + "ForCausalLM"
        if architecture not in known:
            ModelRegistry.register_model(architecture, f"rlhf.rollout.hybrid.model:{architecture}")


def die_with_parent(owner: int) -> None:
    """SIGKILL for this process when its parent ends, however it ends: an engine must not outlive its actor.

    owner: process id of the actor. Exits at once where the parent has ended already, while vLLM was being imported:
    the kernel has no signal for that. Whoever loses its parent is given another, so the actor is then no longer among
    its ancestors. (It need not be the parent: the workers of a tensor-parallel engine are started by the engine.)
    """
    libc_call("prctl(PR_SET_PDEATHSIG)", prctl(PR_SET_PDEATHSIG, signal.SIGKILL))
    if owner not in ancestors():
        os._exit(1)


def ancestors() -> list[int]:
    """Process ids from this process's parent upwards; short where one of them ends meanwhile."""
    found = [os.getppid()]
    while found[-1] > 1:
        try:
            # `pid (name) state ppid …`: the name may hold anything, so from its last bracket on
            fields = Path(f"/proc/{found[-1]}/stat").read_text(errors="replace").rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            break
        found.append(int(fields[1]))
    return found
