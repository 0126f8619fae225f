"""What there is to run on, as far as a recipe states it or this machine shows it without torch.

A count that cannot be known here (a running Ray cluster is to be used, and the recipe does not say what it
has) is None: checks that need it are left to the placement at start, never guessed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rlhf.recipe.schema import ClusterConfig

GIB = 1024**3
DEFAULT_GPU_GIB = 80.0


@dataclass(frozen=True, slots=True)
class Devices:
    """kind: what engines and ranks run on. Counts are per node; None: not known before Ray is asked.

    memory_per_device: bytes of one GPU, or of a node's memory where kind is cpu.
    """

    kind: str | None
    nodes: int | None
    cpus_per_node: int | None
    gpus_per_node: int | None
    memory_per_device: int | None

    @property
    def cpus(self) -> int | None:
        return None if self.nodes is None or self.cpus_per_node is None else self.nodes * self.cpus_per_node

    @property
    def gpus(self) -> int | None:
        return None if self.nodes is None or self.gpus_per_node is None else self.nodes * self.gpus_per_node


def devices_for(cluster: ClusterConfig, env: Mapping[str, str] = os.environ) -> Devices:
    """What the recipe states; else, where an embedded Ray will be started, what this machine has."""
    elsewhere = (cluster.address or env.get("RAY_ADDRESS") or "local") != "local"
    nodes = cluster.nodes or (None if elsewhere else 1)
    cpus = cluster.cpus_per_node or (None if elsewhere else cpus_here())
    gpus = cluster.gpus_per_node
    if gpus is None and not elsewhere:
        gpus = gpus_here(env)
    kind: str | None = cluster.device
    if kind == "auto":
        kind = None if gpus is None else ("gpu" if gpus else "cpu")
    return Devices(kind, nodes, cpus, gpus, _memory(cluster, kind, elsewhere))


def weight_transfer(asked: str, kind: str, share_gpus: bool) -> str:
    """`shared_memory`, `nccl` or `ipc`: what rollout.weight_transfer means on such devices."""
    if asked != "auto":
        return asked
    if kind == "cpu":
        return "shared_memory"
    return "ipc" if share_gpus else "nccl"


def _memory(cluster: ClusterConfig, kind: str | None, elsewhere: bool) -> int | None:
    if cluster.memory_per_device_gib is not None:
        return int(cluster.memory_per_device_gib * GIB)
    if kind == "gpu":
        return int(DEFAULT_GPU_GIB * GIB)
    return None if elsewhere else memory_here()


def cpus_here(quota: Path = Path("/sys/fs/cgroup/cpu.max")) -> int:
    """Cores that this process may use, by its affinity and by the time that a container may take."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    text = quota.read_text().split() if quota.is_file() else []
    if len(text) == 2 and all(part.isdecimal() for part in text):
        cores = min(cores, max(1, int(text[0]) // int(text[1])))
    return cores


def gpus_here(env: Mapping[str, str] = os.environ, dev: Path = Path("/dev")) -> int:
    """NVIDIA GPUs that this process may use, by their device files: no driver library is loaded."""
    visible = env.get("CUDA_VISIBLE_DEVICES")
    present = sum(1 for p in dev.glob("nvidia*") if re.fullmatch(r"nvidia\d+", p.name))
    if visible is None:
        return present
    named = [v for v in visible.split(",") if v.strip() and v.strip() != "-1"]
    return min(present, len(named))


def memory_here() -> int | None:
    """Bytes of this machine's memory, or of the container's limit where that is less; None where not shown."""
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None
    limit = Path("/sys/fs/cgroup/memory.max")
    text = limit.read_text().strip() if limit.is_file() else "max"
    return min(total, int(text)) if text.isdecimal() else total
