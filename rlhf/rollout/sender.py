"""The learner's side of weights that are pushed GPU to GPU: vLLM's own trainer engines, `nccl` and `ipc`.

`nccl`: rank 0 broadcasts to the workers of all engines, which are on GPUs of their own. `ipc`: every rank hands
its memory to the engine's worker on the same GPU. Runs in the learner's process; this module imports vLLM late.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from vllm.distributed.weight_transfer.base import ParamMeta, TrainerInitInfo


class Client(Protocol):
    """What vLLM calls `VLLMWeightSyncClient`: all engines as one, blocking."""

    def init_weight_transfer_engine(self, init_info: dict[str, Any]) -> None: ...
    def start_weight_update(self) -> None: ...
    def update_weights(self, update_info: Any) -> None: ...
    def finish_weight_update(self, weight_version: str | None = None) -> None: ...


class Sender(Protocol):
    def send_weights(self) -> None: ...
    def shutdown(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where learner and engines meet. address: of rank 0, for `nccl`. workers: of all engines together."""

    rank: int
    workers: int
    host: str = ""
    port: int = 0


class PushedWeights:
    """vLLM's `WeightSource`. tensors: a fresh pass over (name, tensor), collective over the ranks.

    declared: what the last pass yielded, which the engines size their buffers by.
    """

    def __init__(self, tensors: Callable[[], Iterator[tuple[str, Tensor]]]) -> None:
        self._tensors = tensors
        self.declared: list[tuple[str, Tensor]] = []

    def metadata(self) -> Sequence[ParamMeta]:
        from vllm.distributed.weight_transfer.base import ParamMeta

        return [ParamMeta(name, like.dtype, tuple(like.shape)) for name, like in self.declared]

    def __iter__(self) -> Iterator[tuple[str, Tensor]]:
        return self._tensors()


def open_sender(backend: str, meeting: Meeting, client: Client, weights: PushedWeights) -> Sender:
    """Meet the engines; called on every rank. Raises what the engines raise."""
    from vllm.distributed.weight_transfer.factory import WeightTransferTrainerFactory

    # vLLM names an abstract class as the source's type; of it, these backends use no more than the two methods above.
    return WeightTransferTrainerFactory.trainer_init(init_info(backend, meeting), client=client, source=weights)


def init_info(backend: str, meeting: Meeting) -> TrainerInitInfo:
    """vLLM's terms for a meeting; packed, so that a push needs buffers and no second copy of the model."""
    if backend == "nccl":
        from vllm.distributed.weight_transfer.nccl_engine import NCCLTrainerInitInfo

        return NCCLTrainerInitInfo(
            rank=meeting.rank,
            master_address=meeting.host,
            master_port=meeting.port,
            world_size=1 + meeting.workers,
            packed=True,
        )
    if backend == "ipc":
        from vllm.distributed.weight_transfer.ipc_engine import IPCTrainerInitInfo

        return IPCTrainerInitInfo(rank=meeting.rank, packed=True)
    raise ValueError(f"weights are pushed by nccl or ipc, not by {backend!r}")
