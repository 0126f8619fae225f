"""Hybrid architectures of transformers and vLLM as policies, where both compute the same (long)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import torch

from cluster.learner_weights import LearnerWeights
from rlhf.parity import Bounds, compare
from rlhf.publication import differences
from tests.rollout.hybrids import CANARY, engine_of, sampled, start_learner

pytestmark = pytest.mark.full
BASE: dict[str, Any] = {
    "vocab_size": 256,
    "hidden_size": 128,
    "intermediate_size": 256,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 1024,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    "tie_word_embeddings": False,
    "initializer_range": 0.1,
}
MAMBA: dict[str, Any] = {
    "mamba_n_heads": 8,
    "mamba_d_head": 32,
    "mamba_d_state": 16,
    "mamba_n_groups": 1,
    "mamba_chunk_size": 64,
}


def config_of(name: str) -> Any:
    import transformers as hf

    if name == "falcon_h1":
        scaled = {"lm_head_multiplier": 0.5, "embedding_multiplier": 2.0}
        return hf.FalconH1Config(**BASE, **MAMBA, **scaled, head_dim=32, mamba_d_ssm=256, mamba_d_conv=4)
    return hf.GraniteMoeHybridConfig(
        **BASE,
        **MAMBA,
        layer_types=["mamba", "mamba", "mamba", "attention"],
        num_local_experts=4,
        num_experts_per_tok=2,
        shared_intermediate_size=64,
        mamba_expand=2,
        attention_multiplier=0.17,
        logits_scaling=4.0,
        position_embedding_type="rope",
    )


@pytest.mark.parametrize("name", ["falcon_h1", "granitemoehybrid"])
def test_a_native_hybrid_is_a_policy(name, tmp_path) -> None:
    """Sampled, learned with and published: the same log-probabilities before and after, every tensor proven."""
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    AutoModelForCausalLM.from_config(config_of(name), dtype=torch.float32).save_pretrained(tmp_path)
    learner, engine = start_learner(tmp_path, "float32"), engine_of(tmp_path, "float32", max_batched_tokens=512)
    weights, loop = LearnerWeights(learner, "shared_memory", 1), asyncio.new_event_loop()
    bounds = Bounds.of("float32", name == "granitemoehybrid")
    try:
        assert learner.layout == "padded"
        loop.run_until_complete(engine.start())
        sequences = loop.run_until_complete(sampled(engine, samples=1))
        before = compare("as made", sequences, learner.logp(sequences))
        assert before.within(bounds), str(before)
        with torch.no_grad():
            for parameter in learner.model.parameters():
                parameter.add_(0.01 * torch.randn_like(parameter))
        weights.moved_on()
        manifest = weights.write(1, CANARY)
        assert manifest is not None
        assert differences(manifest, loop.run_until_complete(engine.publish(manifest))) == []
        sequences = loop.run_until_complete(sampled(engine, samples=1))
        after = compare("published", sequences, learner.logp(sequences))
        assert after.within(bounds), str(after)
    finally:
        engine.shutdown()
        learner.close()
        pending = asyncio.all_tasks(loop)
        for task in pending:
            task.cancel()
        loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
        loop.close()
