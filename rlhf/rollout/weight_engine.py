"""A weight-transfer engine for vLLM on the CPU: weights come as a safetensors file in shared memory.

It follows vLLM's own protocol (start, update, finish; `vllm.distributed.weight_transfer`), with the layerwise
reload that processes each layer as on first load, and with two mends for the CPU, where vLLM keeps packed copies
that a reload leaves as they were: experts are packed at first load only (vLLM #42821), and an output projection
tied to the embedding goes on multiplying with the copy packed at first load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from vllm.distributed.weight_transfer.base import (
    WeightTransferEngine,
    WeightTransferInitInfo,
    WeightTransferUpdateInfo,
)
from vllm.model_executor.model_loader.reload import finalize_layerwise_reload, initialize_layerwise_reload

from rlhf.rollout.readback import output_projections


@dataclass
class ShmInitInfo(WeightTransferInitInfo):
    """Nothing to agree on beforehand: the path comes with each update."""


@dataclass
class ShmUpdateInfo(WeightTransferUpdateInfo):
    path: str = ""


class SharedMemoryWeightEngine(WeightTransferEngine[ShmInitInfo, ShmUpdateInfo]):
    init_info_cls = ShmInitInfo
    update_info_cls = ShmUpdateInfo

    def init_transfer_engine(self, init_info: ShmInitInfo) -> None:
        """No rendezvous is needed."""

    def start_weight_update(self) -> None:
        initialize_layerwise_reload(self.model)

    def receive_weights(self, update_info: ShmUpdateInfo) -> None:
        if not Path(update_info.path).is_file():
            raise FileNotFoundError(f"published weights are not at {update_info.path} on this node")
        with safe_open(update_info.path, framework="pt") as weights:
            self.model.load_weights((name, weights.get_tensor(name)) for name in weights.keys())  # noqa: SIM118

    def finish_weight_update(self) -> None:
        finalize_layerwise_reload(self.model, self.model_config)
        repack_experts(self.model)
        repack_output_projection(self.model)

    def shutdown(self) -> None:
        """Holds nothing between updates."""


def repack_experts(model: torch.nn.Module) -> int:
    """Bring freshly loaded experts into the CPU kernel's layout; how many layers were repacked."""
    repacked = 0
    for layer in model.modules():
        method = getattr(layer, "quant_method", None)
        kernel = getattr(method, "moe_kernel", None)
        if kernel is not None and "CPU" in str(getattr(method, "unquantized_backend", "")):
            kernel.fused_experts.process_weights_after_loading(layer)
            repacked += 1
    return repacked


def repack_output_projection(model: torch.nn.Module) -> int:
    """Pack output projections anew from the weights they hold; how many layers were repacked."""
    repacked = 0
    for layer in output_projections(model):
        if hasattr(layer, "cpu_linear"):
            layer.quant_method.process_weights_after_loading(layer)
            repacked += 1
    return repacked
