"""A trainer engine for vLLM's factory that pushes through a file: what `nccl` and `ipc` do, without their wire."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import ClassVar

from vllm.distributed.weight_transfer.base import TrainerInitInfo, TrainerWeightTransferEngine
from vllm.distributed.weight_transfer.factory import WeightTransferTrainerFactory

from cluster.shared_weights import SharedWeights


@dataclass
class FileTrainerInitInfo(TrainerInitInfo):
    backend: ClassVar[str] = "file_for_tests"


class FileTrainerEngine(TrainerWeightTransferEngine[FileTrainerInitInfo]):
    init_info_cls = FileTrainerInitInfo

    @classmethod
    def register(cls):
        if FileTrainerInitInfo.backend not in WeightTransferTrainerFactory._registry:
            WeightTransferTrainerFactory.register_engine(FileTrainerInitInfo.backend, cls)

    @classmethod
    def trainer_init(cls, init_info, *, client, source=None):
        client.init_weight_transfer_engine({})
        return cls(client=client, source=source, is_sender=init_info.is_sender)

    def send_weights(self):
        tensors = dict(self.source)
        declared = [(m.name, m.dtype, m.shape) for m in self.source.metadata()]
        assert declared == [(name, t.dtype, tuple(t.shape)) for name, t in tensors.items()]
        self.client.start_weight_update()
        shared = SharedWeights()
        self.client.update_weights({"path": shared.write(tensors)[0]})
        self.client.finish_weight_update()
        shared.close()


class LoopClient:
    """vLLM's weight-sync client over an engine of this process: what `RayEngineClient` does with actors."""

    def __init__(self, engine, loop):
        self.engine, self.loop, self.calls = engine, loop, []

    def _call(self, name, *arguments):
        self.calls.append(name)
        work = getattr(self.engine.handover, name)(*arguments)
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def init_weight_transfer_engine(self, init_info):
        self._call("join", init_info)

    def start_weight_update(self):
        self._call("start")

    def update_weights(self, update_info):
        self._call("update", update_info)

    def finish_weight_update(self, weight_version=None):
        self._call("finish")
