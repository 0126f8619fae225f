"""The built-in tiny policy: what is shipped, what is built, and that text survives its tokenizer."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoModelForCausalLM, AutoTokenizer

from rlhf.models.tiny.build import HERE, write_tiny_moe
from rlhf.models.tiny.tokenizer import FILES, MARKUP_TOKENS, SPECIAL_TOKENS, WORDS, write_tokenizer

TOKENIZER = AutoTokenizer.from_pretrained(HERE)


def ids(text: str) -> list[int]:
    return TOKENIZER(text, add_special_tokens=False)["input_ids"]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_moe(tmp_path_factory.mktemp("tiny") / "model", seed=3)


def test_shipped_tokenizer_is_what_the_program_writes(tmp_path: Path) -> None:
    write_tokenizer(tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(FILES)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (HERE / name).read_bytes(), name


def test_config_agrees_with_the_tokenizer() -> None:
    config = json.loads((HERE / "config.json").read_text())
    assert config["vocab_size"] == len(TOKENIZER)
    assert config["eos_token_id"] == TOKENIZER.eos_token_id == ids("<|end|>")[0]
    assert config["pad_token_id"] == TOKENIZER.pad_token_id != config["eos_token_id"]


def test_built_model_is_small_and_has_the_seed_s_weights(built: Path, tmp_path: Path) -> None:
    def weights(folder: Path) -> dict[str, torch.Tensor]:
        return AutoModelForCausalLM.from_pretrained(folder, dtype="auto").state_dict()

    torch.manual_seed(11)
    expected_next = torch.rand(1)
    torch.manual_seed(11)
    again, other = write_tiny_moe(tmp_path / "again", 3), write_tiny_moe(tmp_path / "other", 4)
    assert torch.equal(torch.rand(1), expected_next), "the caller's random state was moved"
    first, same, different = weights(built), weights(again), weights(other)
    model = AutoModelForCausalLM.from_pretrained(built, dtype="auto")
    assert sum(p.numel() for p in model.parameters()) == 1_821_184 <= 1_900_000
    assert {t.dtype for t in first.values()} == {torch.float32}
    assert all(torch.equal(first[name], same[name]) for name in first)
    assert not torch.equal(first["model.embed_tokens.weight"], different["model.embed_tokens.weight"])
    assert AutoTokenizer.from_pretrained(built)("7", add_special_tokens=False)["input_ids"] == ids("7")


def test_checkpoint_holds_one_tensor_an_expert_as_vllm_reads_it(built: Path) -> None:
    from safetensors import safe_open

    with safe_open(built / "model.safetensors", "pt") as file:
        names = set(file.keys())
        assert file.get_tensor("model.layers.3.mlp.experts.7.up_proj.weight").shape == (128, 128)
    assert "model.layers.0.mlp.gate.weight" in names
    assert not any("gate_up_proj" in name for name in names)


@pytest.mark.parametrize("word", [*WORDS, *SPECIAL_TOKENS, *MARKUP_TOKENS, *"0123456789"])
def test_one_token_a_word(word: str) -> None:
    assert len(ids(word)) == 1


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("Calculate 3 + 8 + 10 + 4.", 14),  # a word, and for each number a space and its digits, + and the full stop
        ("<think>3+8=11\n11+10=21\n</think>\\boxed{21}", 22),
        ("State the final answer to the following arithmetic problem: 4 - 1 - 7 =", 19),
        ("2026", 4),
        ("zebra", 5),
        ("é", 2),
    ],
)
def test_token_counts(text: str, count: int) -> None:
    assert len(ids(text)) == count


@given(st.text(max_size=60))
def test_any_text_survives_a_round_trip(text: str) -> None:
    assert TOKENIZER.decode(ids(text)) == text


def test_chat_template() -> None:
    chat = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Calculate 1 + 2."},
        {"role": "assistant", "content": "\\boxed{3}"},
        {"role": "user", "content": "Calculate 2 + 2."},
    ]
    assert TOKENIZER.apply_chat_template(chat, add_generation_prompt=True, tokenize=False) == (
        "<|system|>Be brief.<|user|>Calculate 1 + 2.<|assistant|>\\boxed{3}<|end|><|user|>Calculate 2 + 2.<|assistant|>"
    )


def test_markup_stays_in_a_response_and_control_tokens_do_not() -> None:
    response = ids("<think>1+2=3\n</think>\\boxed{3}<|end|><|pad|>")
    assert TOKENIZER.decode(response, skip_special_tokens=True) == "<think>1+2=3\n</think>\\boxed{3}"
