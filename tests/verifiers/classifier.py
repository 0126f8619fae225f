"""A real sequence-classification checkpoint of a few thousand weights."""

from __future__ import annotations

import torch

WORDS = ["good", "bad", "so", "the", "answer", "is", "</think>"]


def make(folder, labels: int, template: str | None = None, longest: int = 4096) -> str:
    """A classifier of words; a tokenizer that knows WORDS, and with a chat template its control tokens."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast, Qwen3Config, Qwen3ForSequenceClassification

    vocabulary = {word: i for i, word in enumerate(["<unk>", "<pad>", *WORDS])}
    inner = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="<unk>", pad_token="<pad>")
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = template
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    config = Qwen3Config(
        vocab_size=len(tokenizer), max_position_embeddings=longest, hidden_size=16, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=1, head_dim=8, num_labels=labels, pad_token_id=1, initializer_range=0.5,
    )  # fmt: skip
    Qwen3ForSequenceClassification(config).save_pretrained(folder)
    return str(folder)
