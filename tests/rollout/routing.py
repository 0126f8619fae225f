"""A vLLM worker that writes down which experts its tokens went to."""

from __future__ import annotations

from torch import Tensor

from rlhf.rollout.worker import LongthoughtWorker


class RoutingWorker(LongthoughtWorker):
    def record_routes(self) -> None:
        from vllm.model_executor.layers.fused_moe.routed_experts_capturer import bind_routed_experts_capturer

        self.routes: dict[int, list[list[int]]] = {}
        bind_routed_experts_capturer(self.model_runner.get_model(), self)

    def capture(self, layer: int, chosen_TK: Tensor) -> None:
        self.routes.setdefault(layer, []).extend(chosen_TK.tolist())

    def take_routes(self) -> list[list[list[int]]]:
        """Of each layer, in order, of every token since the last call: the experts it went to."""
        taken = [self.routes[layer] for layer in sorted(self.routes)]
        self.routes.clear()
        return taken
