"""Methods added to every vLLM worker (`worker_extension_cls`), called by name through `collective_rpc`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rlhf.rollout.readback import worker_checksums

if TYPE_CHECKING:
    from vllm.config import VllmConfig


class LongthoughtWorker:
    """Mixed into vLLM's worker class; the attributes below are the worker's own."""

    model_runner: Any
    vllm_config: VllmConfig

    def longthought_checksums(self) -> dict[str, list[int]]:
        """Checksums of this worker's pieces, by checkpoint name (see `readback`)."""
        config = self.vllm_config.model_config.hf_text_config
        return worker_checksums(self.model_runner.get_model(), bool(config.tie_word_embeddings), config.model_type)
