"""Estimates against values computed by hand, and parameter formulas against transformers' own count."""

from __future__ import annotations

import gc
import json
from types import SimpleNamespace
from typing import Any

import pytest

from rlhf.recipe.devices import GIB
from rlhf.recipe.estimate import BYTES, estimate, gradient_bytes, learner_memory
from rlhf.recipe.model_config import FORMULAS, ModelConfigError, find_config, read_model_config
from rlhf.recipe.schema import LearnerConfig
from tests.recipe.helpers import GOOD, load

QWEN3_06B = {
    "model_type": "qwen3", "vocab_size": 151936, "hidden_size": 1024, "intermediate_size": 3072,
    "num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "head_dim": 128,
    "tie_word_embeddings": True, "max_position_embeddings": 40960, "attention_bias": False,
}  # fmt: skip
QWEN3_30B_A3B = {
    "model_type": "qwen3_moe", "vocab_size": 151936, "hidden_size": 2048, "intermediate_size": 6144,
    "moe_intermediate_size": 768, "num_hidden_layers": 48, "num_attention_heads": 32, "num_key_value_heads": 4,
    "head_dim": 128, "num_experts": 128, "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
    "tie_word_embeddings": False, "max_position_embeddings": 40960,
}  # fmt: skip
MIXTRAL_8X7B = {
    "model_type": "mixtral", "vocab_size": 32000, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "num_local_experts": 8,
    "num_experts_per_tok": 2, "tie_word_embeddings": False,
}  # fmt: skip
LLAMA_31_8B = {
    "model_type": "llama", "vocab_size": 128256, "hidden_size": 4096, "intermediate_size": 14336,
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "tie_word_embeddings": False,
}  # fmt: skip
QWEN25_05B = {
    "model_type": "qwen2", "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864,
    "num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2, "tie_word_embeddings": True,
}  # fmt: skip


def config_of(folder, raw):
    path = folder / "config.json"
    path.write_text(json.dumps(raw))
    return read_model_config(path)


@pytest.mark.parametrize(
    ("raw", "total", "active"),
    [  # the published sizes: 0.6 B, 30.5 B with 3.3 B active, 46.7 B with 12.9 B active, 8.03 B, 0.49 B
        (QWEN3_06B, 596_049_920, 596_049_920),
        # active: all but 120 of the 128 experts of 48 layers, 3 x 2048 x 768 each
        (QWEN3_30B_A3B, 30_532_122_624, 30_532_122_624 - 48 * 120 * 3 * 2048 * 768),
        (MIXTRAL_8X7B, 46_702_792_704, 12_879_925_248),
        (LLAMA_31_8B, 8_030_261_248, 8_030_261_248),
        (QWEN25_05B, 494_032_768, 494_032_768),
    ],
    ids=lambda v: v["model_type"] if isinstance(v, dict) else None,
)
def test_parameters_of_known_checkpoints(tmp_path, raw, total, active):
    config = config_of(tmp_path, raw)
    assert (config.parameters, config.active_parameters) == (total, active)


BASE = {
    "vocab_size": 96, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 64,
}  # fmt: skip
MOE = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 24}
ARCHITECTURES = [
    ("llama", {}),
    ("llama", {"attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True}),
    ("mistral", {}),
    ("mistral", {"head_dim": 16}),
    ("qwen2", {"tie_word_embeddings": True}),
    ("qwen3", {}),
    ("qwen3", {"head_dim": 16, "attention_bias": True}),
    ("qwen3_moe", {"head_dim": 16, **MOE}),
    ("qwen3_moe", {"decoder_sparse_step": 2, **MOE}),
    ("qwen3_moe", {"mlp_only_layers": [0], **MOE}),
    ("mixtral", {"num_local_experts": 4, "num_experts_per_tok": 2}),
    ("qwen2_moe", {"shared_expert_intermediate_size": 40, **MOE}),
    ("qwen2_moe", {"shared_expert_intermediate_size": 40, "qkv_bias": False, **MOE}),
]


@pytest.mark.parametrize(("kind", "extra"), ARCHITECTURES, ids=[f"{k}-{i}" for i, (k, _) in enumerate(ARCHITECTURES)])
def test_formula_counts_what_transformers_counts(tmp_path, kind, extra):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    config = AutoConfig.for_model(kind, **BASE, **extra)
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    config.save_pretrained(tmp_path)
    assert read_model_config(tmp_path / "config.json").parameters == model.num_parameters()


def test_every_formula_is_compared_with_transformers():
    assert {kind for kind, _ in ARCHITECTURES} == set(FORMULAS)


def qwen3(tmp_path, *overrides, memory=80 * GIB, kind="gpu"):
    recipe = load(tmp_path, GOOD, ("rollout.max_response_tokens=1536", *overrides)).recipe
    return estimate(recipe, config_of(tmp_path, QWEN3_06B), memory, kind)


PSI = 596_049_920


@pytest.mark.parametrize(
    ("overrides", "weights", "gradients", "optimizer", "host"),
    [
        (["learner.zero_stage=0", "learner.ranks=4"], 2 * PSI, 2 * PSI, 12 * PSI, 0),
        (["learner.zero_stage=1", "learner.ranks=4"], 2 * PSI, 6 * PSI, 3 * PSI, 0),
        (["learner.zero_stage=2", "learner.ranks=4"], 2 * PSI, PSI, 3 * PSI, 0),
        (["learner.zero_stage=3", "learner.ranks=4"], PSI // 2, PSI, 3 * PSI, 0),
        (["learner.zero_stage=3", "learner.ranks=1"], 2 * PSI, 4 * PSI, 12 * PSI, 0),
        (["policy.dtype=float32", "learner.zero_stage=0"], 4 * PSI, 4 * PSI, 8 * PSI, 0),
        (["policy.dtype=float32", "learner.zero_stage=1"], 4 * PSI, 4 * PSI, 12 * PSI, 0),
        (["policy.dtype=float32", "learner.zero_stage=2", "learner.ranks=4"], 4 * PSI, PSI, 3 * PSI, 0),
    ],
)
def test_learner_state_by_zero_stage(tmp_path, overrides, weights, gradients, optimizer, host):
    found = qwen3(tmp_path, *overrides).learner
    assert (found.weights, found.gradients, found.optimizer, found.host_optimizer) == (
        weights,
        gradients,
        optimizer,
        host,
    )


@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("dtype", BYTES)
def test_gradients_add_up_in_the_type_that_deepspeed_is_told(dtype, stage):
    from rlhf.learner.config import deepspeed_config

    config = deepspeed_config(LearnerConfig(zero_stage=stage), dtype, "cuda:0", PSI)
    told = config.get("data_types", {}).get("grad_accum_dtype")
    sums = {"fp32": 4, None: BYTES[dtype]}[told]
    beside = 2 if (dtype, stage) == ("bfloat16", 1) else 0
    assert gradient_bytes(dtype, stage) == sums + beside


@pytest.mark.parametrize("stage", range(4))
@pytest.mark.parametrize("dtype", BYTES)
def test_deepspeed_holds_what_is_estimated(tmp_path, dtype, stage):
    """Weights, gradients and optimizer, in all tensors of a DeepSpeed engine in the midst of its second step."""
    import torch

    from rlhf.learner.config import deepspeed_config, parameter_groups
    from rlhf.learner.engine import Engine, join_group, leave_group
    from rlhf.learner.spec import LearnerSpec

    recipe = load(tmp_path, GOOD, (f"policy.dtype={dtype}", f"learner.zero_stage={stage}")).recipe
    before = storages()  # kept, so that no address of theirs is used again
    width, layers = 256, 8
    module = torch.nn.Sequential(*[torch.nn.Linear(width, width, bias=False) for _ in range(layers)])
    module.to(getattr(torch, dtype))
    config = deepspeed_config(recipe.learner, dtype, "cpu", bucket := width * width)
    join_group(LearnerSpec(recipe.policy, recipe.learner, "none"))
    try:
        engine = Engine(module, config, parameter_groups(module, 0.0), 1)
        for last in (True, False):
            out = engine(torch.ones(2, width, dtype=getattr(torch, dtype)))
            engine.backward(out.float().square().sum(), last=last)
            del out
            if last:
                engine.step(1e-3)
        gradients = [p.grad for p in module.parameters()]  # noqa: F841 - so that they are counted too
        found = sum(storage.nbytes() for address, storage in storages().items() if address not in before)
        engine.close()
    finally:
        leave_group()
    sizes = SimpleNamespace(
        parameters=layers * bucket, vocab=1, hidden=1, layers=1, heads=1, kv_heads=1, head_dim=1, active_intermediate=1
    )
    expected = learner_memory(recipe, sizes)
    state = expected.weights + expected.gradients + expected.optimizer
    assert state <= found <= state + 2.5 * BYTES[dtype] * bucket, f"{found / bucket / layers:.2f} bytes a parameter"


def storages() -> dict[int, Any]:
    """By address the storages that a tensor object of this process holds."""
    import torch

    gc.collect()
    tensors = [o for o in gc.get_objects() if type(o) in (torch.Tensor, torch.nn.Parameter)]
    return {t.untyped_storage().data_ptr(): t.untyped_storage() for t in tensors}


def test_offloaded_optimizer_lies_in_host_memory(tmp_path):
    recipe = load(tmp_path).recipe
    recipe = recipe.model_copy(update={"learner": recipe.learner.model_copy(update={"offload_optimizer": True})})
    found = estimate(recipe, config_of(tmp_path, QWEN3_06B), 80 * GIB).learner
    assert (found.optimizer, found.host_optimizer) == (0, 12 * PSI)


def test_activations_by_hand(tmp_path):
    # width: 4 x 1024 + 3 x 128 x (16 + 8) + 4 x 3072 = 25600 elements of 2 bytes, 28 layers, 8192 tokens
    alone = "learner.share_prompts=false"
    assert qwen3(tmp_path, alone).learner.activations == 2 * 8192 * 28 * 25600
    with_checkpoints = qwen3(tmp_path, alone, "learner.gradient_checkpointing=true").learner.activations
    assert with_checkpoints == 2 * 8192 * (28 * 1024 + 25600)


def test_copies_of_shared_prompts_keys_by_hand(tmp_path):
    # 8 samples of 512 + 1536 tokens gather 8 x 2048 rows for 512 + 8 x 1536 tokens: 1.28 a token, of 2 x 8 x 128
    assert qwen3(tmp_path).learner.activations == int(2 * 8192 * 28 * (25600 + 0.28 * 2048))
    # 64 samples of 2000 + 48: 25.9 rows a token would be gathered, and 4 is what a micro-batch is bounded by
    long = ("algorithm.group_size=64", "data.max_prompt_tokens=2000", "rollout.max_response_tokens=48")
    assert qwen3(tmp_path, *long).learner.activations == 2 * 8192 * 28 * (25600 + 3 * 2048)


def test_a_sequence_longer_than_the_budget_sets_the_activations(tmp_path):
    assert (
        qwen3(tmp_path, "learner.token_budget=100", "learner.share_prompts=false").learner.activations
        == 2 * 2048 * 28 * 25600
    )


def test_logits_of_one_chunk_in_fp32_with_gradient(tmp_path):
    assert qwen3(tmp_path, "learner.logit_chunk=512").learner.logits == 2 * 4 * 512 * 151936


def test_kv_cache_of_a_gpu(tmp_path):
    found = qwen3(tmp_path).engine
    assert found.kv_bytes_per_token == 2 * 28 * 8 * 128 * 2 == 114_688
    assert found.kv_cache == int(0.85 * 80 * GIB) - 2 * PSI
    assert found.kv_tokens == found.kv_cache // 114_688
    assert found.kv_sequences == found.kv_tokens // 2048


def test_tensor_parallel_shares_weights_and_heads(tmp_path):
    found = qwen3(tmp_path, "rollout.tensor_parallel=4").engine
    assert (found.weights, found.kv_bytes_per_token) == (2 * PSI // 4, 28_672)
    # 16 devices for 8 KV heads: each holds one, none holds half
    wide = load(tmp_path).recipe
    wide = wide.model_copy(update={"rollout": wide.rollout.model_copy(update={"tensor_parallel": 16})})
    assert estimate(wide, config_of(tmp_path, QWEN3_06B), None).engine.kv_bytes_per_token == 2 * 28 * 1 * 128 * 2


def test_kv_cache_of_a_cpu_is_what_the_recipe_gives(tmp_path):
    found = qwen3(tmp_path, "rollout.kv_cache_gib=0.5", kind="cpu").engine
    assert (found.kv_cache, found.kv_tokens, found.kv_sequences) == (GIB // 2, 4681, 2)


def test_unknown_memory_gives_no_number(tmp_path):
    found = qwen3(tmp_path, memory=None).engine
    assert (found.kv_cache, found.kv_tokens, found.kv_sequences) == (None, None, None)


def test_work_of_a_step(tmp_path):
    found = qwen3(tmp_path, "trainer.prompts_per_step=10", "algorithm.group_size=8", "learner.ranks=3").step
    assert (found.sequences, found.tokens_max, found.tokens_typical) == (80, 163_840, 81_920)
    assert found.response_tokens_max == 80 * 1536
    # 27 sequences a rank; 4 of 2048 tokens, or 8 of 1024, fill a budget of 8192
    assert (found.micro_batches_per_rank_max, found.micro_batches_per_rank_typical) == (7, 4)
    assert found.flops_typical == 8.0 * PSI * 81_920


def test_tiny_moe_is_read_from_the_package():
    path = find_config("tiny-moe")
    assert path is not None
    config = read_model_config(path)
    assert config.parameters <= 1_900_000
    assert config.active_parameters < config.parameters


def test_hub_model_is_found_in_the_cache(tmp_path):
    folder = tmp_path / "hub" / "models--org--name"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc\n")
    (folder / "snapshots" / "abc" / "config.json").write_text("{}")
    env = {"HF_HOME": str(tmp_path)}
    assert find_config("org/name", env=env) == folder / "snapshots" / "abc" / "config.json"
    assert find_config("org/name", "abc", env=env) == folder / "snapshots" / "abc" / "config.json"
    assert find_config("org/name", "other", env=env) is None
    assert find_config("org/else", env=env) is None


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", "found a list"),
        ('{"model_type": "gpt2"}', "model_type 'gpt2' has no formula here; there is: llama,"),
        (json.dumps({k: v for k, v in QWEN3_06B.items() if k != "vocab_size"}), "vocab_size is missing"),
    ],
)
def test_bad_model_config_is_named(tmp_path, text, fragment):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ModelConfigError) as refusal:
        read_model_config(path)
    assert fragment in str(refusal.value)
    assert str(path) in str(refusal.value)
