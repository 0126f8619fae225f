"""What layers of several kernels cost an engine, and how a plan tells it."""

from __future__ import annotations

import pytest

from rlhf.recipe.devices import GIB
from rlhf.recipe.engine_memory import state_sizes
from rlhf.recipe.prefix_caching import keeps_state, prefix_caching
from rlhf.recipe.schema import RolloutConfig
from rlhf.rollout.engine_options import EngineSpec, engine_arguments
from tests.recipe.helpers import CPU, GOOD, GPU, MODEL, UNKNOWN, load, load_evaluation, small_model
from tests.recipe.kernels import kernels
from tests.recipe.test_plan import shown
from tests.recipe.test_plan_eval import printed

__all__ = ["kernels"]
pytestmark = pytest.mark.usefixtures("kernels")

MIXED = "policy.attention={layers: {0-1: decay, 2: {kernel: local, window: 48}}}"
WHOLE = "policy.attention={default: decay}"


def loaded(tmp_path, *overrides, devices=CPU):
    return load(tmp_path, GOOD, (small_model(tmp_path), *overrides), devices)


def test_states_of_a_mixed_model_by_hand(tmp_path):
    # decay: 2 x 32 x 32 elements; local: 2 x 2 x 48 x 32; three pages of the larger, in fp32. One layer of keys and
    # values: 2 x 2 x 32 in bfloat16. A sequence has 1024 tokens.
    found = loaded(tmp_path, MIXED)
    assert state_sizes(found.model) == [2048, 2048, 6144]
    engine = found.estimate.engine
    assert engine.state_bytes_per_sequence == 3 * 6144 * 4 == 73_728
    assert engine.kv_bytes_per_token == 256
    assert engine.kv_tokens is None
    assert engine.kv_sequences == (GIB // 2) // (1024 * 256 + 73_728) == 1598


def test_states_alone_cost_the_same_at_any_length(tmp_path):
    short, long = (loaded(tmp_path, WHOLE, f"rollout.max_response_tokens={n}").estimate.engine for n in (64, 1536))
    assert short == long
    assert (short.kv_bytes_per_token, short.state_bytes_per_sequence) == (0, 4 * 2048 * 4)
    assert short.kv_sequences == (GIB // 2) // 32_768


def test_softmax_in_every_layer_is_the_model_as_it_is(tmp_path):
    plain = loaded(tmp_path).estimate
    assert loaded(tmp_path, "policy.attention={default: softmax}").estimate == plain
    assert plain.engine.kv_bytes_per_token == 1024
    assert plain.engine.state_bytes_per_sequence == 0


def test_parameters_are_counted_as_softmax_layers(tmp_path):
    assert loaded(tmp_path, MIXED).estimate.parameters == loaded(tmp_path).estimate.parameters


def test_ranks_that_share_a_sequence_share_its_tokens(tmp_path):
    alone = loaded(tmp_path, "learner.ranks=4", "learner.share_prompts=false").estimate  # which they cannot do
    shared = loaded(tmp_path, "learner.ranks=4", "learner.sequence_parallel=2").estimate
    assert shared.learner.activations * 2 == pytest.approx(alone.learner.activations, abs=4)
    assert alone.step.micro_batches_per_rank_max == 8  # 64 sequences a rank, 8 of 1024 tokens in a budget of 8192
    assert shared.step.micro_batches_per_rank_max == 16


def test_a_cache_below_one_sequence_is_warned_of(tmp_path):
    (warning,) = loaded(tmp_path, MIXED, "rollout.kv_cache_gib=0.0001").warnings
    assert (
        "rollout.kv_cache_gib: the cache holds 0.1 MiB, less than one sequence of 1024; raise it, or write smaller"
        in str(warning)
    )


def test_a_plan_tells_layers_and_states(tmp_path):
    text = shown(loaded(tmp_path, MIXED), [])
    assert (
        "│ attention │ decay in layers 0-1, local in layer 2, softmax in the others; chunked PyTorch (cpu) (softmax: PyTorch's SDPA)"
        in text
    )
    assert (
        "│ engine: states and KV cache │ 0.500 │ 256 bytes a token and a state of 0.0703 MiB a sequence: 1,598 sequences of full length │"
        in text
    )
    text = shown(loaded(tmp_path, WHOLE), [])
    assert "│ attention │ decay in every layer; chunked PyTorch (cpu) │" in text
    assert "│ 0.500 │ a state of 0.0312 MiB a sequence: 16,384 sequences of full length │" in text


def test_a_plan_without_the_section_has_no_such_line(tmp_path):
    assert "attention" not in shown(loaded(tmp_path), [])
    text = shown(loaded(tmp_path, "policy.attention={default: softmax}"), [])
    assert "│ attention │ softmax in every layer │" in text


def test_a_plan_tells_stretched_positions_and_shared_sequences(tmp_path):
    asked = ("policy.attention={default: decay, rope: {type: yarn, factor: 4}}", "learner.ranks=2")
    text = shown(loaded(tmp_path, *asked, "learner.sequence_parallel=2"), [])
    assert "decay in every layer; chunked PyTorch (cpu); positions stretched (yarn, factor 4) to 8192 tokens │" in text
    assert "│ learner │ 2 ranks, 2 on a sequence together, ZeRO 1 │" in text


def test_a_plan_of_an_absent_model_says_when(tmp_path):
    text = shown(load(tmp_path, GOOD, ("policy.model=some/model", MIXED), UNKNOWN), [])
    assert "│ attention │ as policy.attention says, once the model is here │" in text


def test_a_plan_of_an_evaluation_tells_them_too(tmp_path):
    from rlhf.recipe.plan_eval import render_eval_plan

    found = load_evaluation(tmp_path, overrides=(small_model(tmp_path), WHOLE))
    text = printed(render_eval_plan(found, []))
    assert "│ attention │ decay in every layer; chunked PyTorch (cpu) │" in text
    assert "engine: states and KV cache" in text


STATES = [
    ({}, False),
    ({"model_type": "longthought_llama", "attention": {"layers": [{"kernel": "decay"}] * 4}}, True),
    ({"model_type": "longthought_llama", "attention": {"layers": [{"kernel": "softmax"}] * 4}}, False),
    ({"model_type": "longthought_llama", "attention": {"layers": [{"kernel": "blocks"}] * 4}}, False),
    ({"attention": "something of another model's"}, False),
    ({"model_type": "falcon_h1"}, True),
    ({"layer_types": ["full_attention", "sliding_attention"]}, False),
    ({"layer_types": ["full_attention", "linear_attention"]}, True),
    ({"layers_block_type": ["mamba", "attention"]}, True),
]


@pytest.mark.parametrize(("changes", "expected"), STATES)
def test_which_models_keep_a_state(tmp_path, changes, expected):
    assert keeps_state({**MODEL, **changes}) is expected
    small_model(tmp_path, **changes)
    assert prefix_caching(None, tmp_path / "model") is not expected
    assert prefix_caching(True, tmp_path / "model") is True
    assert prefix_caching(False, tmp_path / "model") is False


@pytest.mark.parametrize("text", ["", "[]", "{"])
def test_a_config_that_cannot_be_read_is_told_elsewhere(tmp_path, text):
    (tmp_path / "config.json").write_text(text)
    assert prefix_caching(None, tmp_path) is True
    assert prefix_caching(None, tmp_path / "nowhere") is True


@pytest.mark.parametrize("asked", [None, True, False])
def test_an_engine_is_told(tmp_path, asked):
    small_model(tmp_path, model_type="longthought_qwen3_moe", attention={"layers": [{"kernel": "decay"}] * 4})
    spec = EngineSpec("e", str(tmp_path / "model"), "float32", RolloutConfig(prefix_caching=asked), 64, seed=0)
    assert engine_arguments(spec)["enable_prefix_caching"] is bool(asked)


def test_the_configuration_of_a_gpu_names_the_library(tmp_path, monkeypatch):
    """What is installed there is told; here flash-linear-attention is not, and must not be."""
    text = shown(loaded(tmp_path, "policy.attention={default: linear}", devices=GPU), [])
    assert "linear in every layer; chunked PyTorch (gpu)" in text
    monkeypatch.setattr("rlhf.recipe.plan_attention.is_installed", lambda spec: spec.library is not None)
    text = shown(loaded(tmp_path, "policy.attention={default: linear}", devices=GPU), [])
    assert "linear in every layer; flash-linear-attention (gpu)" in text
    text = shown(loaded(tmp_path, "policy.attention={default: linear, layers: {1: decay}}", devices=GPU), [])
    assert "flash-linear-attention for linear, chunked PyTorch for decay (gpu)" in text
    text = shown(loaded(tmp_path, "policy.attention={default: linear, backend: torch}", devices=GPU), [])
    assert "linear in every layer; chunked PyTorch (gpu)" in text
