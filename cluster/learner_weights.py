"""A learner rank's weights on their way to the engines: laid out in shared memory, or pushed GPU to GPU."""

from __future__ import annotations

import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cluster.shared_weights import SharedWeights
from rlhf.publication import Manifest, StalePublicationError, canary_tolerance, checksum
from rlhf.types import TrainSequence

if TYPE_CHECKING:
    from torch import Tensor

    from rlhf.learner.rank import LearnerRank
    from rlhf.rollout.sender import Sender


class LearnerWeights:
    """transfer: `shared_memory`, `nccl` or `ipc`. Every method but `bytes` is collective over the ranks."""

    def __init__(self, rank: LearnerRank, transfer: str, engine_workers: int) -> None:
        self._rank = rank
        self._transfer = transfer
        self._engine_workers = engine_workers
        self._shared = SharedWeights()
        self._written: int | None = None  # what the weights still are
        self._laid_out: int | None = None  # what lies in shared memory, also when they have moved on
        self._sender: tuple[tuple[Any, ...], Sender] | None = None
        self._source: Any = None
        if transfer != "shared_memory":
            from rlhf.rollout.sender import PushedWeights

            self._source = PushedWeights(self._on_device)

    def write(self, version: int, canary_ids: Sequence[int]) -> Manifest | None:
        """What version `version` is, laid out where the engines map it; the manifest on rank 0, else None."""
        if self._source is not None:
            path, nbytes, checksums = self._describe()
        else:
            tensors = {name: tensor.contiguous() for name, tensor in self._rank.named_weights(self._dtype)}
            checksums = {name: checksum(tensor) for name, tensor in tensors.items()}
            path, nbytes = self._shared.write(tensors) if self._first else ("", 0)
        logp = self._rank.logp([_canary(canary_ids)])[0]
        self._written = self._laid_out = version
        if not self._first:
            return None
        dtype = self._rank.spec.policy.dtype
        return Manifest(
            version=version,
            path=path,
            dtype=dtype,
            checksums=checksums,
            canary_ids=tuple(canary_ids),
            canary_logp=tuple(float(x) for x in logp),
            nbytes=nbytes,
            canary_tolerance=canary_tolerance(dtype, self._rank.mixture_of_experts),
        )

    def _describe(self) -> tuple[str, int, dict[str, int]]:
        """Checksums of what will be pushed, one layer at a time, and its shapes for the source."""
        import torch

        checksums, declared, nbytes = {}, [], 0
        for name, tensor in self._on_device():
            checksums[name] = checksum(tensor)
            declared.append((name, torch.empty(tensor.shape, dtype=tensor.dtype, device="meta")))
            nbytes += tensor.numel() * tensor.element_size()
        self._source.declared = declared
        return "", nbytes, checksums

    def send(self, version: int, engines: Sequence[Any]) -> None:
        """Push version `version` into these engine actors; they have been told to wait for it.

        Raises StalePublicationError if the weights have moved on since they were written.
        """
        if version != self._written:
            raise StalePublicationError(f"version {version} was asked for, the learner has written {self._written}")
        members = tuple(engine._actor_id for engine in engines)
        if self._sender is None or self._sender[0] != members:
            if self._sender is not None:
                self._sender[1].shutdown()
            self._sender = (members, self._meet(engines))
        self._sender[1].send_weights()

    def _meet(self, engines: Sequence[Any]) -> Sender:
        from cluster.engine_client import RayEngineClient
        from rlhf.rollout.sender import Meeting, open_sender

        spec = self._rank.spec
        host, port = free_address() if self._first and self._transfer == "nccl" else ("", 0)
        meeting = Meeting(spec.rank, self._engine_workers * len(engines), host, port)
        return open_sender(self._transfer, meeting, RayEngineClient(engines, self._engine_workers), self._source)

    def moved_on(self) -> None:
        """The weights are no longer those that were written."""
        self._written = None

    def bytes(self, version: int) -> np.ndarray:
        """What `write` laid out, for engines on other nodes. StalePublicationError if that was another version."""
        if version != self._laid_out:
            raise StalePublicationError(f"version {version} was asked for, the learner has laid out {self._laid_out}")
        return self._shared.read_bytes()

    def _on_device(self) -> Iterator[tuple[str, Tensor]]:
        return self._rank.named_weights(self._dtype, self._rank.spec.device, every_rank=self._transfer == "ipc")

    @property
    def _dtype(self) -> Any:
        import torch

        return getattr(torch, self._rank.spec.policy.dtype)

    @property
    def _first(self) -> bool:
        return self._rank.spec.rank == 0


def free_address(one_node: bool = False) -> tuple[str, int]:
    """An address of this node and a port that is free now. one_node: nobody on another node will ask for it, so it
    is 127.0.0.1; else the address by which Ray knows the node (an embedded Ray's is 127.0.0.1 too)."""
    import ray

    with socket.socket() as probe:
        probe.bind(("", 0))
        return "127.0.0.1" if one_node else ray.util.get_node_ip_address(), probe.getsockname()[1]


def _canary(token_ids: Sequence[int]) -> TrainSequence:
    ids = np.asarray(token_ids, dtype=np.int64)
    zeros = np.zeros(len(ids) - 1, np.float32)
    return TrainSequence(0, ids[:1], ids[1:], zeros, zeros, np.ones(len(ids) - 1, np.float32))
