"""The tiny policy's tokenizer: byte-level BPE in which each word of the demo's prompts is one token.

Built from a fixed list of words, so that `python -m rlhf.models.tiny` writes the same files every time.
Any text survives a round trip, because the 256 bytes are in the vocabulary; words outside the list only
cost more tokens. Digits are never merged: sums are learned digit by digit.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tokenizers import Tokenizer

PAD, END, USER, ASSISTANT, SYSTEM = "<|pad|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"
THINK, END_THINK = "<think>", "</think>"
SPECIAL_TOKENS = (PAD, END, USER, ASSISTANT, SYSTEM)
"""Ids 0 to 4; control tokens, left out of a response's text."""
MARKUP_TOKENS = (THINK, END_THINK)
"""The last two ids; one token each but plain text, because the format verifier has to see them."""

VOCAB_LIMIT = 512
FILES = ("tokenizer.json", "tokenizer_config.json")
MODEL_MAX_LENGTH = 2048

CHAT_TEMPLATE = (
    "{%- for message in messages -%}"
    "{{- '<|' + message['role'] + '|>' + message['content'] -}}"
    "{%- if message['role'] == 'assistant' -%}{{- '<|end|>' -}}{%- endif -%}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|assistant|>' -}}{%- endif -%}"
)

# One piece of text per match, nothing merges across pieces: a word with the space before it, one digit, or one
# other character with the space before it. `\boxed{` is kept whole.
PIECES = r"\\boxed\{| ?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]|\s"

# Words that become one token, written as they stand in a text: with the space before them, or without.
WORDS = (
    *("State", " the", " final", " answer", " to", " following", " arithmetic", " problem", "Calculate", "guess"),
    *(" Think", " step", " by", " Put", " your", " in", " and", " is", " of", " result", " only", "The", " number"),
    *(" +", " -", " *", " /", " =", " (", "\\boxed{"),
)


def write_tokenizer(folder: Path) -> None:
    """Writes `tokenizer.json` and `tokenizer_config.json` (which holds the chat template) into `folder`."""
    from transformers import PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=_backend(),
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=[USER, ASSISTANT, SYSTEM],
        chat_template=CHAT_TEMPLATE,
        model_max_length=MODEL_MAX_LENGTH,
        clean_up_tokenization_spaces=False,
        padding_side="left",
    )
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save_pretrained(folder, save_jinja_files=False)


def _backend() -> Tokenizer:
    from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    backend = Tokenizer(models.BPE(byte_fallback=False))
    backend.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(PIECES), behavior="isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    backend.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCAB_LIMIT,
        min_frequency=1,
        special_tokens=[AddedToken(token, special=True, normalized=False) for token in SPECIAL_TOKENS],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    backend.train_from_iterator(WORDS, trainer)
    backend.add_tokens([AddedToken(token, special=False, normalized=False) for token in MARKUP_TOKENS])
    return backend
