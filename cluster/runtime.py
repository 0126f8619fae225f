"""Connecting to Ray, or starting an embedded one; what its nodes have; the placement group for a plan."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cluster.placement import Bundle, Node, Plan
from rlhf.recipe.devices import cpus_here
from rlhf.recipe.schema import ClusterConfig

if TYPE_CHECKING:
    from ray.util.placement_group import PlacementGroup

# Read by Ray when it is imported: token authentication stays on, and no statistics leave the machine.
os.environ.setdefault("RAY_AUTH_MODE", "token")
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

_OBJECT_STORE_BYTES = 512 << 20  # of an embedded Ray: trajectories and batches pass through it, not weights
_ANSWER_S = 2.0  # for a Ray of this machine to take a connection


class RayUnreachableError(RuntimeError):
    """There is a Ray, but it does not let this run in; the message says what to look at."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """A connected Ray. embedded: started by this process, and ended with it; else it is the one at `address`."""

    embedded: bool
    nodes: tuple[Node, ...]
    address: str | None = None

    def device(self, config: ClusterConfig) -> str:
        """`gpu` or `cpu`: what the recipe says, else GPUs where a node has any."""
        if config.device != "auto":
            return config.device
        return "gpu" if any(node.gpus for node in self.nodes) else "cpu"


def connect(config: ClusterConfig) -> Runtime:
    """Join the Ray named by `cluster.address` or RAY_ADDRESS, else one that runs here, else start an embedded one.

    `cluster.address: local` always starts one. It is for this machine alone: its processes listen on 127.0.0.1.
    Two things choose for themselves where they listen: NCCL between GPUs, and vLLM's own workers among each other
    where an engine has several (torch's TCPStore, on every interface).
    """
    import ray

    asked = config.address or os.environ.get("RAY_ADDRESS")
    logging.getLogger("ray").setLevel(logging.ERROR)
    address = _running_here() if asked is None else (None if asked == "local" else asked)
    if address is not None:
        _join(address)
    else:
        with _on_loopback():
            ray.init(
                address="local",
                num_cpus=config.cpus_per_node or _cpus(),
                include_dashboard=False,
                log_to_driver=bool(os.environ.get("LONGTHOUGHT_WORKER_LOGS")),
                logging_level=logging.ERROR,
                object_store_memory=_OBJECT_STORE_BYTES,
            )
    return Runtime(address is None, tuple(_nodes()), address)


@contextmanager
def _on_loopback() -> Iterator[None]:
    """A Ray that is started here has 127.0.0.1 as its node's address, and so listens nowhere else.

    `ray.init(_node_ip_address="127.0.0.1")` does not do it: Ray 2.60 turns that into the address that the network
    knows. It keeps loopback where clusters are switched off, as they are on macOS and Windows; this is that switch.
    """
    from ray._private import ray_constants

    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def _cpus() -> int:
    """Cores that this process may use: Ray looks at a container's quota, but not at a cpuset or a batch job's cores."""
    from ray._private.utils import get_num_cpus

    return max(1, min(cpus_here(), int(get_num_cpus(override_docker_cpu_warning=True))))


def _running_here() -> str | None:
    """Address of a Ray that `ray start` has started on this machine and that answers; None where there is none.

    Not `address="auto"`, which also looks through the process list, and there finds embedded Rays of other runs.
    """
    import ray

    note = Path(ray._private.utils.get_ray_address_file(None))
    address = note.read_text().strip() if note.is_file() else ""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit():
        return None
    try:
        with socket.create_connection((host, int(port)), timeout=_ANSWER_S):
            return address
    except OSError:
        return None  # the note was left by a Ray that is gone


def _join(address: str) -> None:
    import ray

    try:
        ray.init(address=address, log_to_driver=False, logging_level=logging.ERROR)
    except (ConnectionError, RuntimeError) as error:
        raise RayUnreachableError(
            f"the Ray at {address} cannot be joined ({error}). Is RAY_AUTH_MODE=token set, and is its token the one in "
            "~/.ray/auth_token (or RAY_AUTH_TOKEN)? To leave it alone, write cluster.address=local"
        ) from error


def _nodes() -> list[Node]:
    import ray

    alive = sorted((n for n in ray.nodes() if n["Alive"]), key=lambda n: n["NodeID"])
    head_first = sorted(alive, key=lambda n: "node:__internal_head__" not in n["Resources"])
    return [Node(n["NodeID"], int(n["Resources"].get("CPU", 0)), int(n["Resources"].get("GPU", 0))) for n in head_first]


async def place(plan: Plan, timeout_s: float = 120.0) -> PlacementGroup:
    """Reserve one bundle per process, each pinned to its node. Raises TimeoutError naming what could not be had."""
    import ray
    from ray.util.placement_group import placement_group, remove_placement_group

    group = placement_group(
        [_resources(bundle) for bundle in plan.bundles],
        strategy="PACK",
        bundle_label_selector=[{"ray.io/node-id": bundle.node} for bundle in plan.bundles],
    )
    try:
        await asyncio.wait_for(group.ready(), timeout_s)
    except BaseException as error:
        remove_placement_group(group)
        if isinstance(error, TimeoutError):
            raise TimeoutError(
                f"Ray did not grant {len(plan.bundles)} bundles in {timeout_s:.0f} s; it has "
                f"{ray.available_resources()} free. Is another job running? `ray status` tells."
            ) from error
        raise
    return group


def _resources(bundle: Bundle) -> dict[str, float]:
    resources: dict[str, float] = {"CPU": bundle.cpu_share}
    if bundle.gpus:
        resources["GPU"] = bundle.gpus
    return resources


def options(group: PlacementGroup, plan: Plan, bundle: Bundle) -> dict[str, Any]:
    """Ray options that put an actor into its bundle."""
    from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

    return {
        "num_cpus": bundle.cpu_share,
        "num_gpus": bundle.gpus,
        "scheduling_strategy": PlacementGroupSchedulingStrategy(group, plan.bundles.index(bundle)),
    }


def riding_options(group: PlacementGroup, plan: Plan, bundle: Bundle, rank_gpus: Sequence[str]) -> dict[str, Any]:
    """The same for what may use the GPUs of learner ranks. rank_gpus: of each, as that rank sees them."""
    chosen = options(group, plan, bundle)
    if not bundle.rides:
        return chosen
    return with_environment(chosen, {"CUDA_VISIBLE_DEVICES": ",".join(rank_gpus[rank] for rank in bundle.rides)})


def with_environment(actor_options: Mapping[str, Any], more: Mapping[str, str]) -> dict[str, Any]:
    """Ray options of an actor with further environment variables."""
    runtime_env = actor_options.get("runtime_env", {})
    return {**actor_options, "runtime_env": {**runtime_env, "env_vars": {**runtime_env.get("env_vars", {}), **more}}}


def shutdown(runtime: Runtime, group: PlacementGroup | None) -> None:
    """Give the bundles back, which ends the actors in them; end an embedded Ray."""
    import ray
    from ray.util.placement_group import remove_placement_group

    if group is not None and ray.is_initialized():
        remove_placement_group(group)
    ray.shutdown()
