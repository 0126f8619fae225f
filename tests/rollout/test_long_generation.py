"""Long responses: a policy of kernels with constant state takes no more memory after 16k tokens than after 1k."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.long_generation import PROMPT, generate
from rlhf.attention.catalog import CATALOG
from rlhf.models.hybrid.build import write_hybrid

MIB = 1 << 20


def write_policy(kernels: tuple[str, ...], folder: Path) -> Path:
    """As small as engines take it: what a token costs here is the engine's own work."""
    import transformers

    sizes: dict[str, Any] = {"vocab_size": 64, "hidden_size": 32, "intermediate_size": 32, "head_dim": 32}
    config = transformers.LlamaConfig(
        **sizes,
        num_hidden_layers=len(kernels),
        num_attention_heads=1,
        num_key_value_heads=1,
        max_position_embeddings=32768,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=0,
        tie_word_embeddings=True,
    )
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(config, dtype=torch.float32).save_pretrained(folder / "base")
    layers = [{"kernel": name, "settings": CATALOG[name].settings().model_dump(mode="json")} for name in kernels]
    return write_hybrid(folder / "base", folder / "policy", layers, seed=0).folder


def held_at(folder: Path, lengths: list[int]) -> dict[int, dict[str, Any]]:
    options = {
        "model": str(folder),
        "dtype": "float32",
        "cores": 1,
        "lengths": lengths,
        "batch": 1,
        "kv_cache_gib": 0.02,
    }
    held = generate(options)["held"]
    assert all(length <= held[length]["tokens"] < length + 80 for length in lengths)
    return held


def pages_of(held: dict[str, Any]) -> list[tuple[str, list[int]]]:
    return [(group["kind"], group["pages"]) for group in held["groups"]]


@pytest.mark.full
def test_memory_does_not_grow_with_the_response(tmp_path: Path) -> None:
    held = held_at(write_policy(("linear", "lightning"), tmp_path), [1024, 16384])
    early, late = held[1024], held[16384]
    print(early, late, sep="\n")
    assert pages_of(early) == pages_of(late) == [("MambaSpec", [1])]
    assert early["cache"] == late["cache"] > 0
    assert late["resident"] - early["resident"] < 4 * MIB


@pytest.mark.full
def test_softmax_pages_are_counted_as_they_grow(tmp_path: Path) -> None:
    held = held_at(write_policy(("softmax", "linear"), tmp_path), [64, 512])
    pages = {length: dict(pages_of(held[length])) for length in held}
    assert pages[64]["MambaSpec"] == pages[512]["MambaSpec"] == [1]
    for length, by_kind in pages.items():
        (count,) = by_kind["FullAttentionSpec"]
        assert count * 32 >= PROMPT + length > (count - 3) * 32
