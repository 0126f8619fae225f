"""A vLLM worker that harms one of its tensors when told to: what publication has to find."""

from __future__ import annotations

import torch
from vllm.model_executor.layers import utils

from rlhf.rollout.worker import LongthoughtWorker


class CorruptingWorker(LongthoughtWorker):
    def harm_linear(self, path: str) -> None:
        """Flip the sign of one weight in what a linear layer multiplies with: a packed handle, or a float32 copy."""
        layer = self.model_runner.get_model().get_submodule(path)
        identity = torch.eye(layer.input_size, dtype=layer.weight.dtype)
        weight_NK = layer.cpu_linear(identity, layer.weight, None).t().contiguous()
        weight_NK[1, 2] = -weight_NK[1, 2]
        layer.weight = torch.nn.Parameter(weight_NK, requires_grad=False)
        utils.dispatch_cpu_unquantized_gemm(layer, remove_weight=True)

    def harm_experts(self, path: str) -> None:
        """Swap two numbers inside the packed experts: the sum stays, the place does not."""
        packed = self.model_runner.get_model().get_submodule(path).w2_weight
        flat = packed.data.view(packed.shape[0], -1)[3]
        flat[[0, 5]] = flat[[5, 0]]

    def leave_experts_unpacked(self, path: str) -> None:
        """What vLLM on the CPU does to experts by itself when weights are reloaded."""
        from rlhf.rollout.readback import _unpacked

        layer = self.model_runner.get_model().get_submodule(path)
        for name in ("w13_weight", "w2_weight"):
            weight = getattr(layer, name)
            weight.data.copy_(_unpacked(layer, weight.data))

    def harm_norm(self, path: str) -> None:
        self.model_runner.get_model().get_submodule(path).weight.data[0] += 0.5
